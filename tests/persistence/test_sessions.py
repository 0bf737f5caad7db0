"""What the database's failures become."""

import asyncio
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_dbapi
from sqlalchemy.exc import InternalError

from persistence.database import open_database
from persistence.errors import (
    DatabaseUnavailable,
    DuplicateValue,
    MissingPartition,
    MissingReference,
    RefusedValue,
    StatementTooLong,
    WriteConflict,
)
from persistence.failures import translated_errors
from persistence.ids import TenantId
from persistence.repositories.campaigns import Advertisers
from persistence.tables import advertisers, campaigns, events
from resolvers.context import Services
from tests.actors import new_tenant


async def test_unique_violation_names_its_constraint(services: Services) -> None:
    actor = await new_tenant(services)
    with pytest.raises(DuplicateValue) as error:
        async with services.database.write(actor.tenant_id) as session:
            for _ in range(2):
                await session.execute(insert(advertisers).values(tenant_id=actor.tenant_id, name="Twice"))
    assert error.value.constraint == "advertisers_live_name_key"


async def test_foreign_key_violation_names_its_constraint(services: Services) -> None:
    actor = await new_tenant(services)
    values = {"tenant_id": actor.tenant_id, "advertiser_id": 999_999_999, "name": "Orphan", "currency": "EUR"}
    with pytest.raises(MissingReference) as error:
        async with services.database.write(actor.tenant_id) as session:
            await session.execute(insert(campaigns).values(**values))
    assert error.value.constraint == "campaigns_tenant_id_advertiser_id_fkey"


@pytest.mark.parametrize(
    "values",
    [{"name": "NUL \x00"}, {"name": "half \ud800"}, {"name": "x", "id": 2**63}, {"name": "x", "website_url": 5}],
    ids=["nul", "surrogate", "too large", "wrong type"],
)
async def test_value_that_cannot_be_stored_is_refused(services: Services, values: dict[str, object]) -> None:
    actor = await new_tenant(services)
    with pytest.raises(RefusedValue):
        async with services.database.write(actor.tenant_id) as session:
            await session.execute(insert(advertisers).values(tenant_id=actor.tenant_id, **values))


async def test_check_constraint_refuses_a_value(services: Services) -> None:
    actor = await new_tenant(services)
    with pytest.raises(RefusedValue):
        async with services.database.write(actor.tenant_id) as session:
            row = {"tenant_id": actor.tenant_id, "name": "x", "currency": "EUR", "starts_on": date(2026, 2, 1)}
            advertiser_id = await session.scalar(
                insert(advertisers).values(tenant_id=actor.tenant_id, name="A").returning(advertisers.c.id)
            )
            await session.execute(
                insert(campaigns).values(advertiser_id=advertiser_id, ends_on=date(2026, 1, 1), **row)
            )


async def test_failed_write_leaves_nothing(services: Services) -> None:
    actor = await new_tenant(services)
    with pytest.raises(ZeroDivisionError):
        async with services.database.write(actor.tenant_id) as session:
            await session.execute(insert(advertisers).values(tenant_id=actor.tenant_id, name="Half"))
            raise ZeroDivisionError
    async with services.database.read(actor.tenant_id) as session:
        assert await session.rows(select(advertisers.c.name)) == []


async def test_snapshot_does_not_see_what_others_commit_meanwhile(services: Services) -> None:
    actor = await new_tenant(services)
    async with services.database.snapshot(actor.tenant_id) as before:
        assert await Advertisers(before).count() == 0
        async with services.database.write(actor.tenant_id) as other:
            await Advertisers(other).insert({"name": "Later"})
        assert await Advertisers(before).count() == 0
    async with services.database.read(actor.tenant_id) as after:
        assert await Advertisers(after).count() == 1


async def test_unreachable_server_is_unavailable() -> None:
    database = open_database("postgresql+asyncpg://podgraph_app@127.0.0.1:1/podgraph", pool_size=1, statement_timeout=2)
    with pytest.raises(DatabaseUnavailable):
        async with database.read(TenantId(1)):
            pass
    await database.close()


async def test_ping_answers_while_the_server_does(services: Services) -> None:
    await services.database.ping()
    gone = open_database("postgresql+asyncpg://nobody@127.0.0.1:1/none", pool_size=1, statement_timeout=1)
    with pytest.raises(DatabaseUnavailable):
        await gone.ping()
    await gone.close()


async def test_exhausted_pool_is_unavailable_after_its_timeout(app_url: str) -> None:
    database = open_database(app_url, pool_size=1, statement_timeout=0.2)
    try:
        async with database.read(TenantId(1)):
            with pytest.raises(DatabaseUnavailable):
                async with database.read(TenantId(1)):
                    pass
    finally:
        await database.close()


async def test_connection_killed_by_the_server_is_unavailable_once_and_then_replaced(app_url: str) -> None:
    database = open_database(app_url, pool_size=1, statement_timeout=5)
    try:
        async with database.read(TenantId(1)) as session:
            with pytest.raises(DatabaseUnavailable):
                await session.scalar(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        async with database.read(TenantId(1)) as session:
            assert await session.scalar(text("SELECT 1")) == 1
    finally:
        await database.close()


@pytest.mark.parametrize("tenant_id", [1, 2])
async def test_connection_closed_while_idle_is_replaced_before_anything_is_sent(app_url: str, tenant_id: int) -> None:
    database, other = (open_database(app_url, pool_size=1, statement_timeout=5) for _ in range(2))
    try:
        async with database.read(TenantId(1)) as session:
            backend = await session.scalar(text("SELECT pg_backend_pid()"))
            lost = session.connection.driver
        async with other.read(TenantId(1)) as session:
            assert await session.scalar(text("SELECT pg_terminate_backend(:backend, 5000)").bindparams(backend=backend))
        async with asyncio.timeout(5):
            while not lost.is_closed():
                await asyncio.sleep(0)
        async with database.read(TenantId(tenant_id)) as session:
            assert await session.scalar(text("SELECT pg_backend_pid()")) != backend
    finally:
        await database.close()
        await other.close()


def test_connection_that_is_just_being_closed_is_unavailable() -> None:
    said = "cannot switch to state 15; another operation (2) is in progress"
    error = AsyncAdapt_asyncpg_dbapi.InternalClientError(said)  # type: ignore[no-untyped-call]  # SQLAlchemy's own
    with pytest.raises(DatabaseUnavailable, match="cannot switch to state 15"), translated_errors():
        raise InternalError("COMMIT", {}, error)


async def test_slow_statement_is_stopped(app_url: str) -> None:
    database = open_database(app_url, pool_size=1, statement_timeout=0.2)
    try:
        async with asyncio.timeout(5):
            with pytest.raises(DatabaseUnavailable):
                async with database.read(TenantId(1)) as session:
                    await session.scalar(text("SELECT pg_sleep(30)"))
    finally:
        await database.close()


async def test_row_of_a_month_without_a_partition_says_so(services: Services) -> None:
    actor = await new_tenant(services)
    values = {"tenant_id": actor.tenant_id, "id": 1, "type": "VISIT", "key": "k", "household": 1, "advertiser_id": 1}
    with pytest.raises(MissingPartition):
        async with services.database.write(actor.tenant_id) as session:
            await session.execute(insert(events).values(occurred_at=datetime(1990, 1, 1, tzinfo=UTC), **values))


async def test_deadlock_undoes_one_of_the_two_transactions_and_says_so(services: Services) -> None:
    actor = await new_tenant(services)
    async with services.database.write(actor.tenant_id) as session:
        rows = [{"name": name} for name in ("One", "Two")]
        one, two = await Advertisers(session).insert_many(rows)
    both_hold_one = asyncio.Barrier(2)

    async def locks(first: int, second: int) -> None:
        async with services.database.write(actor.tenant_id) as session:
            await Advertisers(session).lock(first)
            await both_hold_one.wait()
            await Advertisers(session).lock(second)

    outcomes = await asyncio.gather(locks(one, two), locks(two, one), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes if outcome is not None] == [WriteConflict]


async def test_analysis_is_planned_for_its_own_values_alone_and_leaves_nothing_of_that_behind(app_url: str) -> None:
    database = open_database(app_url, pool_size=1, statement_timeout=5)
    mode = text(
        "SELECT current_setting('plan_cache_mode'), current_setting('max_parallel_workers_per_gather'),"
        " current_setting('podgraph.tenant_id')"
    )
    try:
        async with database.analyse(TenantId(7)) as session:
            assert await session.rows(mode) == [("force_custom_plan", "0", "7")]
        async with database.read(TenantId(7)) as session:
            assert await session.rows(mode) == [("auto", "2", "7")]
    finally:
        await database.close()


async def test_analysis_that_takes_too_long_says_so_and_a_write_says_that_it_may_have_happened(app_url: str) -> None:
    database = open_database(app_url, pool_size=1, statement_timeout=0.2)
    long = text("SELECT pg_sleep(20)")
    try:
        with pytest.raises(StatementTooLong):
            async with database.analyse(TenantId(7)) as session:
                await session.execute(long)
        with pytest.raises(DatabaseUnavailable) as error:
            async with database.write(TenantId(7)) as session:
                await session.execute(long)
        assert type(error.value) is DatabaseUnavailable
    finally:
        await database.close()


async def test_statement_of_a_process_that_was_killed_ends(app_url: str, services: Services) -> None:
    database = open_database(app_url, pool_size=1, statement_timeout=60)
    running = text("SELECT count(*) FROM pg_stat_activity WHERE pid = :pid AND state = 'active'")
    try:
        async with database.read_account() as session:
            pid = await session.scalar(text("SELECT pg_backend_pid()"))
            work = asyncio.create_task(session.execute(text("SELECT pg_sleep(60)")))
            async with services.database.read_account() as watching, asyncio.timeout(20):
                while await watching.scalar(running.bindparams(pid=pid)) == 0:
                    await asyncio.sleep(0.02)
                session.connection.driver.terminate()
                with pytest.raises(DatabaseUnavailable):
                    await work
                while await watching.scalar(running.bindparams(pid=pid)) == 1:
                    await asyncio.sleep(0.02)
    finally:
        await database.close()
