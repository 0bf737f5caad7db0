"""No tenant takes all connections."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy import text

from persistence.database import Database, open_database
from persistence.errors import DatabaseUnavailable
from persistence.ids import TenantId

GREEDY, MODEST = TenantId(1), TenantId(2)


@pytest_asyncio.fixture
async def small(app_url: str) -> AsyncIterator[Database]:
    """Four connections, two of them for one tenant at most."""
    opened = open_database(app_url, pool_size=4, statement_timeout=0.5)
    yield opened
    await opened.close()


async def greedy_statements(database: Database, entered: asyncio.Semaphore, leave: asyncio.Event) -> None:
    async with database.read(GREEDY) as session:
        await session.scalar(text("SELECT 1"))
        entered.release()
        await leave.wait()


async def test_flood_of_one_tenant_leaves_connections_to_another(small: Database) -> None:
    entered, leave = asyncio.Semaphore(0), asyncio.Event()
    flood = [asyncio.create_task(greedy_statements(small, entered, leave)) for _ in range(20)]
    for _ in range(2):
        await entered.acquire()
    assert entered.locked()
    async with small.write(MODEST) as first, small.read_account() as second:
        assert await first.scalar(text("SELECT 1")) == 1
        assert await second.scalar(text("SELECT 1")) == 1
    leave.set()
    await asyncio.gather(*flood)


async def test_who_waits_too_long_for_a_place_is_told(small: Database) -> None:
    async with small.read(GREEDY), small.write(GREEDY):
        with pytest.raises(DatabaseUnavailable):
            async with small.read(GREEDY):
                pass
    async with small.read(GREEDY) as session:
        assert await session.scalar(text("SELECT 1")) == 1


async def test_tenants_that_are_gone_leave_nothing_behind(small: Database) -> None:
    for number in range(1, 50):
        async with small.read(TenantId(number)):
            assert len(small.shares) == 1
    assert len(small.shares) == 0
