"""PostgreSQL itself keeps tenants apart, whatever statement reaches it."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy import Table, delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import create_async_engine

from gateway.embedded.postgres import EmbeddedPostgres
from persistence.database import Database, open_database
from persistence.errors import UnsafeRole
from persistence.ids import TenantId
from persistence.tables import advertisers, metadata, tenants
from resolvers.context import Services
from tests.actors import Actor, new_tenant

# A queue of ids over all tenants, which workers look through and no client sees.
QUEUES = {"attribution_jobs"}
TENANT_OWNED = [table for table in metadata.sorted_tables if "tenant_id" in table.c and table.name not in QUEUES]


@pytest_asyncio.fixture
async def mine(services: Services) -> AsyncIterator[Actor]:
    actor = await new_tenant(services)
    async with services.database.write(actor.tenant_id) as session:
        await session.execute(insert(advertisers).values(tenant_id=actor.tenant_id, name="Mine"))
    yield actor


@pytest_asyncio.fixture
async def theirs(services: Services) -> AsyncIterator[Actor]:
    actor = await new_tenant(services)
    async with services.database.write(actor.tenant_id) as session:
        await session.execute(insert(advertisers).values(tenant_id=actor.tenant_id, name="Theirs"))
    yield actor


async def names(services: Services, tenant_id: TenantId) -> list[str]:
    async with services.database.read(tenant_id) as session:
        return [row[0] for row in await session.rows(select(advertisers.c.name))]


async def test_statement_without_a_tenant_condition_sees_its_own_rows_alone(
    services: Services, mine: Actor, theirs: Actor
) -> None:
    assert await names(services, mine.tenant_id) == ["Mine"]
    assert await names(services, theirs.tenant_id) == ["Theirs"]


async def test_update_and_delete_without_a_condition_leave_other_tenants_alone(
    services: Services, mine: Actor, theirs: Actor
) -> None:
    async with services.database.write(mine.tenant_id) as session:
        await session.execute(update(advertisers).values(name="Changed"))
        await session.execute(delete(advertisers))
    assert await names(services, theirs.tenant_id) == ["Theirs"]


async def test_row_of_another_tenant_cannot_be_inserted(services: Services, mine: Actor, theirs: Actor) -> None:
    with pytest.raises(Exception, match="row-level security"):
        async with services.database.write(mine.tenant_id) as session:
            await session.execute(insert(advertisers).values(tenant_id=theirs.tenant_id, name="Smuggled"))
    assert await names(services, theirs.tenant_id) == ["Theirs"]


async def test_row_cannot_be_moved_to_another_tenant(services: Services, mine: Actor, theirs: Actor) -> None:
    with pytest.raises(Exception, match="row-level security"):
        async with services.database.write(mine.tenant_id) as session:
            await session.execute(update(advertisers).values(tenant_id=theirs.tenant_id))
    assert await names(services, mine.tenant_id) == ["Mine"]


async def test_session_without_a_tenant_sees_no_tenants_rows(services: Services, mine: Actor) -> None:
    async with services.database.read_account() as session:
        assert await session.scalar(select(func.count()).select_from(advertisers)) == 0
        assert await session.scalar(select(func.count()).select_from(tenants)) == 0


async def test_connection_that_served_one_tenant_serves_the_next_one_alone(
    app_url: str, mine: Actor, theirs: Actor
) -> None:
    database = open_database(app_url, pool_size=1, statement_timeout=10)
    try:
        seen = []
        for tenant_id in (mine.tenant_id, theirs.tenant_id, mine.tenant_id, mine.tenant_id):
            async with database.read(tenant_id) as session:
                seen.append(await session.scalar(select(advertisers.c.name)))
    finally:
        await database.close()
    assert seen == ["Mine", "Theirs", "Mine", "Mine"]


async def test_scope_survives_a_rolled_back_transaction(app_url: str, mine: Actor, theirs: Actor) -> None:
    database = open_database(app_url, pool_size=1, statement_timeout=10)
    try:
        with pytest.raises(ZeroDivisionError):
            async with database.write(theirs.tenant_id) as session:
                await session.scalar(select(advertisers.c.name))
                raise ZeroDivisionError
        async with database.read(mine.tenant_id) as session:
            assert await session.scalar(select(advertisers.c.name)) == "Mine"
    finally:
        await database.close()


@pytest.mark.parametrize("table", TENANT_OWNED, ids=lambda table: table.name)
async def test_every_tenant_owned_table_forces_row_level_security(database: Database, table: Table) -> None:
    async with database.read_account() as session:
        flags = await session.rows(
            text(
                "SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = CAST(:name AS regclass)"
            ).bindparams(name=table.name)
        )
    assert flags == [(True, True)]


@pytest.mark.parametrize("table", TENANT_OWNED, ids=lambda table: table.name)
def test_every_key_of_a_tenant_owned_table_starts_with_the_tenant(table: Table) -> None:
    assert next(iter(table.primary_key)).name == "tenant_id"
    for key in table.foreign_key_constraints:
        referred = key.referred_table
        if referred in TENANT_OWNED:
            assert next(iter(key.columns)).name == "tenant_id"
    for index in table.indexes:
        first = next(iter(index.columns)).name
        assert first == "tenant_id" or index.name == "memberships_user_id_idx"


async def test_application_role_cannot_truncate_or_change_tables(services: Services, mine: Actor) -> None:
    for statement in (
        "TRUNCATE advertisers",
        "ALTER TABLE advertisers DISABLE ROW LEVEL SECURITY",
        "SET ROLE podgraph_owner",
    ):
        with pytest.raises(Exception, match=r"permission denied|must be owner"):
            async with services.database.write(mine.tenant_id) as session:
                await session.execute(text(statement))


async def test_gateway_refuses_the_owner_of_the_tables(database: Database, owner_url: str) -> None:
    owner = open_database(owner_url, pool_size=1, statement_timeout=10)
    try:
        with pytest.raises(UnsafeRole, match="'podgraph_owner' owns the tables"):
            await owner.refuse_unsafe_role()
    finally:
        await owner.close()


async def test_gateway_refuses_a_superuser(database: Database, postgres: EmbeddedPostgres) -> None:
    superuser = open_database(postgres.url("postgres", "podgraph"), pool_size=1, statement_timeout=10)
    try:
        with pytest.raises(UnsafeRole, match="superuser"):
            await superuser.refuse_unsafe_role()
    finally:
        await superuser.close()


async def test_application_role_is_accepted(database: Database) -> None:
    await database.refuse_unsafe_role()


async def test_even_the_owner_of_the_tables_sees_no_tenants_rows(owner_url: str, mine: Actor) -> None:
    engine = create_async_engine(owner_url)
    try:
        async with engine.connect() as connection:
            assert (await connection.execute(select(func.count()).select_from(advertisers))).scalar() == 0
    finally:
        await engine.dispose()
