"""People with a tenant, for tests: made straight through the repositories, not through the use cases under test."""

import itertools

import msgspec

from persistence.ids import SessionId, TenantId, UserId
from persistence.repositories.accounts import Accounts
from persistence.repositories.tenants import Memberships, insert_tenant, new_tenant_id
from resolvers.context import RequestContext, Services
from resolvers.policy import Role, Viewer

_numbers = itertools.count(1)


class Actor(msgspec.Struct, frozen=True):
    """A signed-in user in a tenant."""

    services: Services
    tenant_id: TenantId
    user_id: UserId
    session_id: SessionId
    email: str
    role: Role

    @property
    def viewer(self) -> Viewer:
        return Viewer(user_id=self.user_id, session_id=self.session_id, tenant_id=self.tenant_id, role=self.role)

    def context(self) -> RequestContext:
        """A fresh context, as every operation gets one."""
        return RequestContext(self.services, self.viewer)


async def new_tenant(services: Services, role: Role = Role.OWNER) -> Actor:
    """A new tenant with one new user in it."""
    async with services.database.read_account() as session:
        tenant_id = await new_tenant_id(session)
    async with services.database.write(tenant_id) as session:
        await insert_tenant(session, f"Tenant {tenant_id}")
    return await new_member(services, tenant_id, role)


async def new_member(services: Services, tenant_id: TenantId, role: Role) -> Actor:
    """A new user in an existing tenant."""
    email = f"user{next(_numbers)}.{services.random_token()[:8].lower()}@example.com"
    async with services.database.write_account() as session:
        user = await Accounts(session).insert_user(email, "A User", "no password")
        login = await Accounts(session).insert_session(user.id, "an address")
    async with services.database.write(tenant_id) as session:
        await Memberships(session).insert({"user_id": user.id, "role": role})
    return Actor(services=services, tenant_id=tenant_id, user_id=user.id, session_id=login.id, email=email, role=role)
