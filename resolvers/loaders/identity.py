"""Loaders of what is not a tenant's own row: users, and tenants themselves. Each batch is one statement."""

from collections.abc import Sequence

from persistence.ids import TenantId, UserId
from persistence.records import TenantRecord, UserRecord
from persistence.repositories.accounts import Accounts
from persistence.repositories.tenants import Memberships, tenants_of
from resolvers.loaders.source import Source, TenantLoader


class UserByIdLoader(TenantLoader[int, UserRecord | None]):
    """Users by id. `members_only`: None for whoever is no member of the tenant, as it must be for ids from outside."""

    def __init__(self, source: Source, tenant_id: TenantId, members_only: bool) -> None:
        super().__init__(source, tenant_id)
        self._members_only = members_only

    async def load(self, keys: list[int]) -> Sequence[UserRecord | None]:
        async with self.database.read(self.tenant_id) as session:
            if self._members_only:
                return await Memberships(session).users(keys)
            return await Accounts(session).users(keys)


class TenantByIdLoader(TenantLoader[int, TenantRecord | None]):
    """Tenants by id: those that the user is a member of; without a user, the loader's own one."""

    def __init__(self, source: Source, tenant_id: TenantId, user_id: UserId | None) -> None:
        super().__init__(source, tenant_id)
        self._user_id = user_id

    async def load(self, keys: list[int]) -> Sequence[TenantRecord | None]:
        if self._user_id is None:
            async with self.database.read(self.tenant_id) as session:
                return await tenants_of(session, keys)
        async with self.database.read_account(self._user_id) as session:
            return await tenants_of(session, keys)
