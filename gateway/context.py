"""From a request's credentials to the context of one operation.

`Authorization: Bearer <access token | API key>` says who asks, `Podgraph-Tenant: ten_3` in which of a user's tenants
(the one joined first if left out). Browsers cannot set headers of a WebSocket: there the payload of connection_init may
hold them under the same names, in any case, and goes before the headers.

`Podgraph-Consistency` says what the operation must see at least (`resolvers.sight`); `Cache-Control: no-cache`, that it
wants nothing that was kept.

A user costs one look-up (`credentials.py`): it finds the role, so that a removed member or a changed role counts at
once, whether the login was ended, and the tenant's plan, so that a new one counts from the next request. An API key
costs one too, and once a minute a write of when it was last used.
"""

import re
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

import msgspec
from starlette.requests import HTTPConnection

from gateway.auth.access_tokens import Keyring
from gateway.auth.addresses import AddressHasher
from gateway.credentials import Credentials
from gateway.documents.clients import NAME_HEADER, STRANGER, VERSION_HEADER, client_given
from gateway.http.head import Head, head_of
from ops.telemetry.logging import logger
from persistence.errors import PersistenceError
from persistence.ids import ApiKeyId, TenantId
from persistence.records import PlanTermsRecord
from persistence.repositories.tenants import ApiKeys
from resolvers import ids
from resolvers.billing.plans import PlanName
from resolvers.billing.spending import UNKNOWN, Spending, tenant_spending, user_spending
from resolvers.billing.terms import plan_at
from resolvers.context import RequestContext, Services
from resolvers.errors import Forbidden, Unauthenticated
from resolvers.identity.secrets import API_KEY, split_secret
from resolvers.policy import Role, Scope, Viewer
from resolvers.sight import OperationSight, begun, demanded

AUTHORIZATION: Final = "authorization"
TENANT: Final = "podgraph-tenant"
CONSISTENCY: Final = "podgraph-consistency"
CACHE_CONTROL: Final = "cache-control"
_NO_CACHE: Final = re.compile(r"(?i)(?:^|[\s,])no-(?:cache|store)(?:$|[\s,])")
_EITHER: Final = (AUTHORIZATION, TENANT, CONSISTENCY)
NOTE_USE_EVERY: Final = timedelta(minutes=1)
_MOST_NOTED: Final = 10_000

log = logger(__name__)


class Contexts:
    """Makes a fresh context for each operation: a `gateway.http.websocket.ContextFactory`."""

    def __init__(self, services: Services, keyring: Keyring, addresses: AddressHasher) -> None:
        self._services = services
        self._keyring = keyring
        self._addresses = addresses
        self._scopes = cache(_scopes)
        self._credentials = Credentials(services)
        self._noted: OrderedDict[ApiKeyId, datetime] = OrderedDict()
        """When this process last noted a key's use: what was remembered of the key may be older."""

    async def __call__(self, connection: HTTPConnection, payload: Mapping[str, Any] | None) -> RequestContext:
        """`payload` is a WebSocket's connection_init payload, None for HTTP.

        Raises Unauthenticated for credentials that are bad, expired or revoked (none at all is a stranger), Forbidden
        for a tenant that the user or the key is not of, InvalidInput for what is no id of a tenant and no consistency.
        """
        head = head_of(connection.scope)
        given = _given(head, payload)
        # Browsers open every WebSocket with no-cache.
        wish = head.get(CACHE_CONTROL) if connection.scope["type"] == "http" else None
        uncached = wish is not None and _NO_CACHE.search(wish) is not None
        sight = await self._sight(given.get(CONSISTENCY), uncached=uncached)
        client_address = connection.scope.get("client")
        address = self._addresses.hashed(client_address[0] if client_address else None)
        wanted = given.get(TENANT)
        tenant_id = TenantId(ids.row_id(wanted, ids.TENANT, "Podgraph-Tenant")) if wanted is not None else None
        authorization = given.get(AUTHORIZATION)
        if authorization is None:
            return RequestContext(self._services, None, address, client=STRANGER, sight=sight)
        viewer, spending = await self._bearer(_token(authorization), tenant_id, sight)
        client = client_given(_client_names(head, payload)) if payload or NAME_HEADER in head else UNKNOWN
        return RequestContext(self._services, viewer, address, spending=spending, client=client, sight=sight)

    async def _sight(self, consistency: str | None, *, uncached: bool) -> OperationSight | None:
        demand = demanded(consistency, "Podgraph-Consistency")
        coherence = self._services.coherence
        if coherence is None:
            return None
        return await begun(coherence, msgspec.structs.replace(demand, uncached=True) if uncached else demand)

    async def _bearer(
        self, token: str, tenant_id: TenantId | None, sight: OperationSight | None
    ) -> tuple[Viewer, Spending]:
        if token.startswith(f"{API_KEY}_"):
            return await self._key(token, tenant_id, sight)
        return await self._user(token, tenant_id, sight)

    async def _user(
        self, token: str, tenant_id: TenantId | None, sight: OperationSight | None
    ) -> tuple[Viewer, Spending]:
        bearer = self._keyring.verified(token)
        found = await self._credentials.standing(bearer.user_id, bearer.session_id, tenant_id, sight)
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
        return viewer, tenant_spending(found.tenant_id, self._plan(found.terms, self._services.clock()))

    async def _key(
        self, text: str, tenant_id: TenantId | None, sight: OperationSight | None
    ) -> tuple[Viewer, Spending]:
        secret = split_secret(API_KEY, text)
        if secret is None:
            raise _no_key()
        live = await self._credentials.key(secret, sight)
        if live is None:
            raise _no_key()
        if tenant_id not in {None, secret.tenant_id}:
            raise _no_tenant()
        key, now = live.record, self._services.clock()
        if not _since(now - NOTE_USE_EVERY, key.last_used_at, self._noted.get(key.id)):
            await self._note_use(secret.tenant_id, key.id, now)
        viewer = Viewer(api_key_id=key.id, tenant_id=secret.tenant_id, scopes=self._scopes(tuple(key.scopes)))
        return viewer, tenant_spending(secret.tenant_id, self._plan(live.terms, now), key)

    def _plan(self, terms: PlanTermsRecord | None, now: datetime) -> PlanName:
        return plan_at(terms, now, self._services.billing.default_plan)

    async def _note_use(self, tenant_id: TenantId, api_key_id: ApiKeyId, now: datetime) -> None:
        self._noted[api_key_id] = now
        if len(self._noted) > _MOST_NOTED:
            self._noted.popitem(last=False)
        try:
            async with self._services.database.write(tenant_id) as session:
                await ApiKeys(session).note_use(api_key_id, now, NOTE_USE_EVERY)
        # When the key was last used is for people to read: a request does not fail over it.
        except PersistenceError as error:
            log.warning("api_key.use_not_noted", error=type(error).__name__)


def _since(begin: datetime, one: datetime | None, other: datetime | None) -> bool:
    """Whether either was then, or later."""
    return (one is not None and one >= begin) or (other is not None and other >= begin)


def _scopes(names: tuple[str, ...]) -> frozenset[Scope]:
    return frozenset(map(Scope, names))


def _given(head: Head, payload: Mapping[str, Any] | None) -> dict[str, str]:
    """What either may say, by its lower-case name, the payload's before the headers'."""
    given = {name: value for name in _EITHER if (value := head.get(name)) is not None}
    for name, value in (payload or {}).items():
        if name.lower() in _EITHER and value is not None:
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
