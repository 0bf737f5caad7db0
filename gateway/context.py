"""From a request's credentials to the context of one operation.

`Authorization: Bearer <access token | API key>` says who asks, `Podgraph-Tenant: ten_3` in which of a user's tenants
(the one joined first if left out). Browsers cannot set headers of a WebSocket: there the payload of connection_init may
hold both under the same names, in any case, and goes before the headers.

A user costs one look-up: it finds the role, so that a removed member or a changed role counts at once, whether the
login was ended, and the tenant's plan, so that a new one counts from the next request. An API key costs one too, and
once a minute a write of when it was last used.
"""

from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import Any, Final

from starlette.requests import HTTPConnection

from gateway.auth.access_tokens import Keyring
from gateway.auth.addresses import AddressHasher
from gateway.documents.clients import NAME_HEADER, STRANGER, VERSION_HEADER, client_given
from gateway.http.head import Head
from ops.telemetry.logging import logger
from persistence.errors import PersistenceError
from persistence.ids import ApiKeyId, TenantId
from persistence.records import PlanTermsRecord
from persistence.repositories.tenants import ApiKeys, standing
from resolvers import ids
from resolvers.billing.plans import PlanName
from resolvers.billing.spending import Spending, tenant_spending, user_spending
from resolvers.billing.terms import plan_at
from resolvers.context import RequestContext, Services
from resolvers.errors import Forbidden, Unauthenticated
from resolvers.identity.secrets import API_KEY, split_secret
from resolvers.policy import Role, Scope, Viewer

AUTHORIZATION: Final = "authorization"
TENANT: Final = "podgraph-tenant"
NOTE_USE_EVERY: Final = timedelta(minutes=1)

log = logger(__name__)


class Contexts:
    """Makes a fresh context for each operation: a `gateway.http.websocket.ContextFactory`."""

    def __init__(self, services: Services, keyring: Keyring, addresses: AddressHasher) -> None:
        self._services = services
        self._keyring = keyring
        self._addresses = addresses
        self._scopes = cache(_scopes)

    async def __call__(self, connection: HTTPConnection, payload: Mapping[str, Any] | None) -> RequestContext:
        """`payload` is a WebSocket's connection_init payload, None for HTTP.

        Raises Unauthenticated for credentials that are bad, expired or revoked (none at all is a stranger), Forbidden
        for a tenant that the user or the key is not of, InvalidInput for what is no id of a tenant.
        """
        head = Head(connection.scope)
        given = _given(head, payload)
        address = self._addresses.hashed(connection.client.host if connection.client else None)
        wanted = given.get(TENANT)
        tenant_id = TenantId(ids.row_id(wanted, ids.TENANT, "Podgraph-Tenant")) if wanted is not None else None
        authorization = given.get(AUTHORIZATION)
        if authorization is None:
            return RequestContext(self._services, None, address, client=STRANGER)
        viewer, spending = await self._bearer(_token(authorization), tenant_id)
        client = client_given(_client_names(head, payload))
        return RequestContext(self._services, viewer, address, spending=spending, client=client)

    async def _bearer(self, token: str, tenant_id: TenantId | None) -> tuple[Viewer, Spending]:
        if token.startswith(f"{API_KEY}_"):
            return await self._key(token, tenant_id)
        return await self._user(token, tenant_id)

    async def _user(self, token: str, tenant_id: TenantId | None) -> tuple[Viewer, Spending]:
        bearer = self._keyring.verified(token)
        async with self._services.database.read_account(bearer.user_id) as session:
            found = await standing(session, bearer.user_id, bearer.session_id, tenant_id)
        if found is None:
            raise Unauthenticated("This login was ended: sign in again.")
        if found.tenant_id is None and tenant_id is not None:
            raise _no_tenant()
        viewer = Viewer(
            user_id=bearer.user_id,
            session_id=bearer.session_id,
            tenant_id=found.tenant_id,
            role=Role(found.role) if found.role else None,
        )
        if found.tenant_id is None:
            return viewer, user_spending(bearer.user_id)
        return viewer, tenant_spending(found.tenant_id, self._plan(found.terms))

    async def _key(self, text: str, tenant_id: TenantId | None) -> tuple[Viewer, Spending]:
        secret = split_secret(API_KEY, text)
        if secret is None:
            raise _no_key()
        async with self._services.database.read(secret.tenant_id) as session:
            live = await ApiKeys(session).live(secret.hash)
        if live is None:
            raise _no_key()
        if tenant_id not in {None, secret.tenant_id}:
            raise _no_tenant()
        key, now = live.record, self._services.clock()
        if key.last_used_at is None or key.last_used_at < now - NOTE_USE_EVERY:
            await self._note_use(secret.tenant_id, key.id)
        viewer = Viewer(api_key_id=key.id, tenant_id=secret.tenant_id, scopes=self._scopes(tuple(key.scopes)))
        return viewer, tenant_spending(secret.tenant_id, self._plan(live.terms), key)

    def _plan(self, terms: PlanTermsRecord | None) -> PlanName:
        return plan_at(terms, self._services.clock(), self._services.billing.default_plan)

    async def _note_use(self, tenant_id: TenantId, api_key_id: ApiKeyId) -> None:
        try:
            async with self._services.database.write(tenant_id) as session:
                await ApiKeys(session).note_use(api_key_id, self._services.clock(), NOTE_USE_EVERY)
        # When the key was last used is for people to read: a request does not fail over it.
        except PersistenceError as error:
            log.warning("api_key.use_not_noted", error=type(error).__name__)


def _scopes(names: tuple[str, ...]) -> frozenset[Scope]:
    return frozenset(map(Scope, names))


def _given(head: Head, payload: Mapping[str, Any] | None) -> dict[str, str]:
    """The two values by their lower-case names, the payload's before the headers'."""
    given = {name: value for name in (AUTHORIZATION, TENANT) if (value := head.get(name)) is not None}
    for name, value in (payload or {}).items():
        if name.lower() in {AUTHORIZATION, TENANT} and value is not None:
            if not isinstance(value, str):
                raise Unauthenticated(f"'{name}' of connection_init must be a string.")
            given[name.lower()] = value
    return given


def _client_names(head: Head, payload: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the client calls itself, the payload before the headers."""
    names: dict[str, Any] = {name: head.get(name) for name in (NAME_HEADER, VERSION_HEADER)}
    return {**names, **{name.lower(): value for name, value in payload.items()}} if payload else names


def _token(authorization: str) -> str:
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("The Authorization header must be 'Bearer' and an access token or an API key.")
    return token.strip()


def _no_key() -> Unauthenticated:
    return Unauthenticated("The API key is revoked or not ours.")


def _no_tenant() -> Forbidden:
    return Forbidden("The header Podgraph-Tenant names no tenant of yours.")
