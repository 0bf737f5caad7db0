"""Months of events: made ahead by anybody, dropped by the owner alone."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from gateway.embedded.postgres import APP, OWNER, EmbeddedPostgres
from persistence.database import Database, open_database
from persistence.errors import MissingPartition, PartitionInUse
from persistence.ids import TenantId
from persistence.migrate import check, migrate
from persistence.partitions import drop_partitions, expired_partitions, is_partition, make_partitions, month_of
from persistence.repositories.tenants import insert_tenant, new_tenant_id
from tests.services.sql import rows

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
MARCH, APRIL = date(2026, 3, 1), date(2026, 4, 1)
_numbers = iter(range(1_000))


class Own:
    """A database of one test: partitions belong to all tenants, so tests that drop them share none."""

    def __init__(self, postgres: EmbeddedPostgres, name: str, database: Database) -> None:
        self.database = database
        self.owner_url = postgres.url(OWNER, name)
        self.app_url = postgres.url(APP, name)
        self.superuser_url = postgres.url("postgres", name)

    async def partitions(self) -> list[str]:
        found = await rows(
            self.superuser_url,
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = 'events'::regclass ORDER BY 1",
        )
        return [row[0] for row in found]

    async def new_tenant(self) -> TenantId:
        async with self.database.read_account() as session:
            tenant_id = await new_tenant_id(session)
        async with self.database.write(tenant_id) as session:
            await insert_tenant(session, "A tenant")
            await session.execute(
                text("INSERT INTO advertisers (tenant_id, id, name) OVERRIDING SYSTEM VALUE VALUES (:tenant, 1, 'A')"),
                {"tenant": tenant_id},
            )
        return tenant_id

    async def store(self, tenant_id: TenantId, row_id: int, at: datetime) -> None:
        """An order with its key and its hour, as the intake writes them."""
        given = {"tenant": tenant_id, "id": row_id, "at": at, "order": str(row_id)}
        async with self.database.write(tenant_id) as session:
            for statement in (
                "INSERT INTO events (tenant_id, id, occurred_at, type, key, household, advertiser_id)"
                " VALUES (:tenant, :id, :at, 'PURCHASE', 'a', 1, 1)",
                "INSERT INTO event_keys (tenant_id, id, occurred_at) VALUES (:tenant, :id, :at)",
                "INSERT INTO orders (tenant_id, advertiser_id, type, order_id, conversion_id, occurred_at)"
                " VALUES (:tenant, 1, 'PURCHASE', :order, :id, :at)",
                "INSERT INTO event_hours"
                " (tenant_id, advertiser_id, placement_id, hour, type, currency, events, value_minor)"
                " VALUES (:tenant, 1, 0, date_trunc('hour', CAST(:at AS timestamptz)), 'PURCHASE', '', 1, 0)",
            ):
                wanted = {name: value for name, value in given.items() if f":{name}" in statement}
                await session.execute(text(statement), wanted)

    async def stored(self, tenant_id: TenantId) -> dict[str, list[int]]:
        """The ids in each table; of the hours, how many events they count."""
        found = {}
        for table, column in (
            ("events", "id"),
            ("event_keys", "id"),
            ("orders", "conversion_id"),
            ("event_hours", "events"),
        ):
            statement = text(f"SELECT {column} FROM {table} WHERE tenant_id = :tenant ORDER BY 1")  # noqa: S608  # names above
            async with self.database.read(tenant_id) as session:
                found[table] = [row[0] for row in await session.rows(statement.bindparams(tenant=tenant_id))]
        return found


@pytest_asyncio.fixture
async def own(postgres: EmbeddedPostgres) -> AsyncIterator[Own]:
    name = f"partitions_{next(_numbers)}"
    postgres.ensure_database(name)
    await migrate(postgres.url(OWNER, name), APP)
    database = open_database(postgres.url(APP, name), pool_size=4, statement_timeout=10)
    yield Own(postgres, name, database)
    await database.close()


async def as_application(own: Own, statement: str) -> str:
    """What the application's role is told."""
    with pytest.raises(DBAPIError) as refused:
        await rows(own.app_url, statement)
    return str(refused.value.orig)


@pytest.mark.parametrize(
    ("moment", "months", "month"),
    [
        (NOW, 0, MARCH),
        (NOW, 10, date(2027, 1, 1)),
        (NOW, -3, date(2025, 12, 1)),
        (NOW, -27, date(2023, 12, 1)),
        (datetime(2026, 4, 1, 1, tzinfo=timezone(timedelta(hours=2))), 0, MARCH),
        (datetime(2026, 3, 31, 23, tzinfo=timezone(timedelta(hours=-2))), 0, APRIL),
    ],
)
def test_month_is_that_of_utc(moment: datetime, months: int, month: date) -> None:
    assert month_of(moment, months) == month


@pytest.mark.parametrize(
    ("name", "expected"),
    [("events_2026_03", True), ("events", False), ("events_2026_03_old", False), ("event_keys", False), (None, False)],
)
def test_partition_is_known_by_its_name(name: str | None, expected: bool) -> None:
    assert is_partition(name) is expected


async def test_months_are_made_from_the_oldest_kept_to_some_ahead_and_only_once(own: Own) -> None:
    assert await make_partitions(own.database, NOW, 2) == 6
    expected = [
        "events_2026_01",
        "events_2026_02",
        "events_2026_03",
        "events_2026_04",
        "events_2026_05",
        "events_2026_06",
    ]
    assert await own.partitions() == expected
    assert await make_partitions(own.database, NOW, 2) == 0
    assert await make_partitions(own.database, NOW + timedelta(days=1), 2) == 1
    assert await own.partitions() == [*expected, "events_2026_07"]


async def test_twenty_processes_at_once_make_each_month_once(own: Own) -> None:
    made = await asyncio.gather(*(make_partitions(own.database, NOW, 25) for _ in range(20)))
    assert sorted(made) == [0] * 19 + [29]
    assert len(await own.partitions()) == 29


async def test_partitions_are_no_difference_to_the_tables(own: Own) -> None:
    await make_partitions(own.database, NOW, 2)
    await check(own.owner_url, APP)


async def test_month_ends_at_midnight_utc_whatever_the_session_thinks(own: Own) -> None:
    await rows(own.superuser_url, f"ALTER ROLE {APP} SET timezone = 'America/New_York'")
    try:
        await rows(own.app_url, "SELECT make_event_partitions('2026-03-01', '2026-04-01')")
    finally:
        await rows(own.superuser_url, f"ALTER ROLE {APP} RESET timezone")
    tenant_id = await own.new_tenant()
    midnight = datetime(2026, 4, 1, tzinfo=UTC)
    await own.store(tenant_id, 1, midnight - timedelta(microseconds=1))
    await own.store(tenant_id, 2, midnight)
    await own.store(tenant_id, 3, datetime(2026, 3, 1, tzinfo=UTC))
    found = await rows(own.superuser_url, "SELECT tableoid::regclass::text, id FROM events ORDER BY id")
    assert found == [("events_2026_03", 1), ("events_2026_04", 2), ("events_2026_03", 3)]


async def test_event_of_a_month_without_a_partition_is_not_stored(own: Own) -> None:
    await make_partitions(own.database, NOW, 1)
    tenant_id = await own.new_tenant()
    with pytest.raises(MissingPartition):
        await own.store(tenant_id, 1, NOW - timedelta(days=100))
    assert await own.stored(tenant_id) == {"events": [], "event_keys": [], "orders": [], "event_hours": []}


async def test_application_makes_months_and_nothing_else(own: Own) -> None:
    await make_partitions(own.database, NOW, 0)
    tenant_id = await own.new_tenant()
    await own.store(tenant_id, 1, NOW)
    for statement in (
        "SELECT * FROM events_2026_03",
        "INSERT INTO events_2026_03 SELECT * FROM events",
        "DELETE FROM events_2026_03",
        "TRUNCATE events_2026_03",
    ):
        assert "permission denied for table events_2026_03" in await as_application(own, statement)
    for statement in ("DROP TABLE events_2026_03", "ALTER TABLE events DETACH PARTITION events_2026_03"):
        assert "must be owner of table" in await as_application(own, statement)
    assert "permission denied for schema public" in await as_application(
        own, "CREATE TABLE events_2026_09 PARTITION OF events FOR VALUES FROM ('2026-09-01') TO ('2026-10-01')"
    )
    assert len(await own.partitions()) == 4
    assert (await own.stored(tenant_id))["events"] == [1]


async def test_span_that_no_clock_can_mean_is_refused(own: Own) -> None:
    said = await as_application(own, "SELECT make_event_partitions('2006-01-01', '2026-01-02')")
    assert "more than 20 years of partitions" in said
    await rows(own.app_url, "SELECT make_event_partitions('2026-03-01', '2026-02-01')")
    assert await own.partitions() == []
    for span in ("'-infinity', 'infinity'", "'2026-01-01', 'infinity'", "'-infinity', '2026-01-01'"):
        assert "more than 20 years of partitions" in await as_application(own, f"SELECT make_event_partitions({span})")
    assert await own.partitions() == []


async def test_row_of_another_tenant_is_seen_through_no_partition(own: Own) -> None:
    await make_partitions(own.database, NOW, 0)
    mine, theirs = await own.new_tenant(), await own.new_tenant()
    await own.store(mine, 1, NOW)
    await own.store(theirs, 2, NOW)
    async with own.database.write(mine) as session:
        assert await session.rows(text("SELECT id FROM events")) == [(1,)]
        await session.execute(text("DELETE FROM events"))
    assert await own.stored(mine) == {"events": [], "event_keys": [1], "orders": [1], "event_hours": [1]}
    assert await own.stored(theirs) == {"events": [2], "event_keys": [2], "orders": [2], "event_hours": [1]}
    # The owner, too, is bound by row-level security, within a partition as well.
    assert await rows(own.owner_url, "SELECT id FROM events_2026_03") == []


async def test_dropped_months_forget_keys_and_orders_of_all_tenants_and_keep_their_hours(own: Own) -> None:
    await make_partitions(own.database, NOW, 3)
    mine, theirs = await own.new_tenant(), await own.new_tenant()
    for tenant_id in (mine, theirs):
        await own.store(tenant_id, 1, datetime(2025, 12, 31, 23, tzinfo=UTC))
        await own.store(tenant_id, 2, datetime(2026, 1, 1, tzinfo=UTC))
        await own.store(tenant_id, 3, NOW)
    expired = await expired_partitions(own.owner_url, NOW, 2)
    assert expired == ["events_2025_12"]
    assert len(await own.partitions()) == 7
    assert await drop_partitions(own.owner_url, NOW, 2) == expired
    for tenant_id in (mine, theirs):
        assert await own.stored(tenant_id) == {
            "events": [2, 3],
            "event_keys": [2, 3],
            "orders": [2, 3],
            "event_hours": [1, 1, 1],
        }
    assert await drop_partitions(own.owner_url, NOW, 2) == []
    assert len(await own.partitions()) == 6
    await check(own.owner_url, APP)


async def test_interrupted_drop_is_finished_by_the_next(own: Own) -> None:
    await make_partitions(own.database, NOW, 3)
    tenant_id = await own.new_tenant()
    await own.store(tenant_id, 1, datetime(2025, 12, 31, tzinfo=UTC))
    await rows(own.owner_url, "DROP TABLE events_2025_12")
    assert (await own.stored(tenant_id))["event_keys"] == [1]
    assert await drop_partitions(own.owner_url, NOW, 2) == []
    assert await own.stored(tenant_id) == {"events": [], "event_keys": [], "orders": [], "event_hours": [1]}


async def test_partition_in_use_is_not_waited_for_for_long(own: Own) -> None:
    await make_partitions(own.database, NOW, 3)
    engine = create_async_engine(own.superuser_url, poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.execute(text("SELECT count(*) FROM events"))
        with pytest.raises(PartitionInUse, match=r"^events_2025_12$"):
            await drop_partitions(own.owner_url, NOW, 2, lock_seconds=0.2)
    assert len(await own.partitions()) == 7
    assert await drop_partitions(own.owner_url, NOW, 2) == ["events_2025_12"]
