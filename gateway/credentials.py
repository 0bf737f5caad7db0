"""Looking credentials up: where a user stands, and which API key it is.

It is one of the two statements of a small request, so it is remembered in the memory of the process, and there alone:
until anything of it is written, a login's end, a role, a plan, a key, by whichever process. What depends on the clock
is worked out from the remembered rows for each request.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from cache.memory import Missing
from persistence.footprints import Footprint
from persistence.ids import SessionId, TenantId, UserId
from persistence.repositories.tenants import ApiKeys, LiveKey, Standing, standing
from resolvers.context import Services
from resolvers.identity.secrets import TenantSecret
from resolvers.sight import OperationDatabase, OperationSight, seen

V = TypeVar("V")

_NOBODYS = 0
"""Whose shelf users' standings are on: a login is no tenant's."""


class Credentials:
    """What is asked of the database to let a request in, as its sight sees it."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def standing(
        self, user_id: UserId, session_id: SessionId, tenant_id: TenantId | None, sight: OperationSight | None
    ) -> Standing | None:
        """See `persistence.repositories.tenants.standing`. Who stands nowhere is looked up each time."""

        async def read(database: OperationDatabase) -> Standing | None:
            async with database.read_account(user_id) as session:
                return await standing(session, user_id, session_id, tenant_id)

        def tenant_of(found: Standing) -> TenantId | None:
            return found.tenant_id

        key = f"{user_id}/{session_id}/{tenant_id or ''}"
        return await self._remembered("standings", Standing, _NOBODYS, key, read, tenant_of, sight)

    async def key(self, secret: TenantSecret, sight: OperationSight | None) -> LiveKey | None:
        """The API key of this secret; None where there is none that works. What is no key is looked up each time."""

        async def read(database: OperationDatabase) -> LiveKey | None:
            async with database.read(secret.tenant_id) as session:
                return await ApiKeys(session).live(secret.hash)

        return await self._remembered(
            "keys", LiveKey, secret.tenant_id, secret.hash, read, lambda _: secret.tenant_id, sight
        )

    async def _remembered(
        self,
        name: str,
        type_: type[Any],
        shelf_of: int,
        key: str,
        read: Callable[[OperationDatabase], Awaitable[V | None]],
        tenant_of: Callable[[V], TenantId | None],
        sight: OperationSight | None,
    ) -> V | None:
        keeper, database = self._services.keeper, self._services.database
        if keeper is None or sight is None or not sight.caches:
            return await read(seen(database, sight))
        shelf = keeper.cache.shelf(keeper.kinds.kind(name, type_), shelf_of)
        [known] = keeper.cache.recall(shelf, (key,))
        if not isinstance(known, Missing):
            remembered: V = known
            return remembered
        own = Footprint(one_tenant=True)
        found = await read(seen(database, sight, own))
        tenant_id = None if found is None else tenant_of(found)
        if tenant_id is not None and own.position is not None and own.tables and not own.unknown:
            keeper.cache.keep(shelf, key, found, own.tags(tenant_id), own.position, sight.moment)
        return found
