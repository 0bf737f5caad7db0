"""Row-level security on identity: what one tenant, or one person, sees of another's is nothing."""

import pytest
from sqlalchemy import Table, insert, select, update
from sqlalchemy.exc import ProgrammingError

from persistence.repositories.tenants import Memberships, memberships_of, tenants_of
from persistence.tables import api_keys, invites, memberships, tenants
from resolvers.context import Services
from resolvers.identity.api_keys import NewApiKey, create_api_key
from resolvers.identity.invites import NewInvite, invite_member
from resolvers.policy import Role, Scope
from tests.actors import Actor, new_tenant

OWNED = [memberships, invites, api_keys]


async def furnished(services: Services) -> Actor:
    """A tenant with a member, an invitation and a key."""
    owner = await new_tenant(services)
    await invite_member(owner.context(), NewInvite(email="ada@example.com", role=Role.VIEWER))
    await create_api_key(owner.context(), NewApiKey(name="Reports", scopes=[Scope.READ]))
    return owner


@pytest.mark.parametrize("table", OWNED, ids=lambda table: table.name)
async def test_a_tenants_session_sees_its_own_rows_without_asking(services: Services, table: Table) -> None:
    first, _ = await furnished(services), await furnished(services)
    async with services.database.read(first.tenant_id) as session:
        seen = await session.rows(select(table.c.tenant_id))
    assert seen == [(first.tenant_id,)]


@pytest.mark.parametrize("table", OWNED, ids=lambda table: table.name)
async def test_a_tenants_session_changes_no_others_rows(services: Services, table: Table) -> None:
    first, other = await furnished(services), await furnished(services)
    async with services.database.write(first.tenant_id) as session:
        statement = update(table).where(table.c.tenant_id == other.tenant_id).values(created_at=table.c.created_at)
        assert await session.rows(statement.returning(table.c.id)) == []


async def test_a_tenants_session_makes_no_member_of_another(services: Services) -> None:
    first, other = await furnished(services), await furnished(services)
    forged = insert(memberships).values(tenant_id=other.tenant_id, user_id=first.user_id, role="OWNER")
    with pytest.raises(ProgrammingError, match="row-level security"):
        async with services.database.write(first.tenant_id) as session:
            await session.execute(forged)
    async with services.database.read(other.tenant_id) as session:
        assert await Memberships(session).of_user(first.user_id) is None


async def test_a_users_session_sees_own_memberships_and_tenants_alone(services: Services) -> None:
    first, other = await furnished(services), await furnished(services)
    async with services.database.read_account(first.user_id) as session:
        assert [m.user_id for m in await memberships_of(session, first.user_id)] == [first.user_id]
        assert await memberships_of(session, other.user_id) == []
        found = await tenants_of(session, [first.tenant_id, other.tenant_id])
        assert [tenant is not None for tenant in found] == [True, False]
        assert await session.rows(select(tenants.c.id)) == [(first.tenant_id,)]
        for table in (invites, api_keys):
            assert await session.rows(select(table.c.id)) == []


async def test_a_users_session_cannot_raise_its_own_role(services: Services) -> None:
    member = await new_tenant(services, Role.VIEWER)
    statement = update(memberships).where(memberships.c.user_id == member.user_id).values(role="OWNER")
    async with services.database.write_account(member.user_id) as session:
        assert await session.rows(statement.returning(memberships.c.id)) == []
    async with services.database.read(member.tenant_id) as session:
        record = await Memberships(session).of_user(member.user_id)
    assert record is not None
    assert record.role == "VIEWER"


async def test_nobodys_session_sees_no_tenant(services: Services) -> None:
    await furnished(services)
    async with services.database.read_account() as session:
        for table in (tenants, *OWNED):
            assert await session.rows(select(table.c.id)) == []
