"""No tenant takes all connections."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy import text

from persistence.database import Database, open_database
from persistence.errors import DatabaseBusy, DatabaseUnavailable
from persistence.ids import TenantId
from persistence.shares import Shares, Turnstile

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


LONG, AT_ONCE = 60.0, 0.0
FULL = "everything is in use"


async def turns(places: Turnstile, told: list[int], *numbers: int) -> list[asyncio.Task[None]]:
    """Tasks that wait in this order, and tell when they have a place."""

    async def wait(number: int) -> None:
        await places.wait()
        told.append(number)

    waiting = [asyncio.create_task(wait(number)) for number in numbers]
    await asyncio.sleep(0)
    return waiting


def entered(places: Turnstile, times: int) -> list[bool]:
    return [places.enter() for _ in range(times)]


async def test_there_are_so_many_places_and_no_more() -> None:
    places = Turnstile(2, LONG, FULL)
    assert entered(places, 3) == [True, True, False]
    places.leave()
    assert entered(places, 2) == [True, False]


async def test_places_are_handed_over_in_the_order_in_which_they_were_asked_for() -> None:
    places, told = Turnstile(1, LONG, FULL), list[int]()
    assert places.enter()
    waiting = await turns(places, told, 1, 2)
    places.leave()
    assert not places.enter(), "who waits is before who comes"
    await waiting[0]
    places.leave()
    await waiting[1]
    assert told == [1, 2]
    places.leave()
    assert places.taken == 0


async def test_who_waits_too_long_gives_up_and_takes_nothing() -> None:
    places = Turnstile(1, AT_ONCE, FULL)
    assert places.enter()
    with pytest.raises(DatabaseBusy, match=FULL):
        await places.wait()
    places.leave()
    assert places.taken == 0
    assert entered(places, 2) == [True, False]


async def test_who_is_cancelled_while_waiting_is_passed_over() -> None:
    places, told = Turnstile(1, LONG, FULL), list[int]()
    assert places.enter()
    waiting = await turns(places, told, 1, 2)
    waiting[0].cancel()
    places.leave()
    await waiting[1]
    assert told == [2]
    places.leave()
    assert places.taken == 0


async def test_place_handed_to_one_who_is_cancelled_in_the_same_moment_goes_to_the_next() -> None:
    places, told = Turnstile(1, LONG, FULL), list[int]()
    assert places.enter()
    waiting = await turns(places, told, 1, 2)
    places.leave()
    waiting[0].cancel()
    await waiting[1]
    assert told == [2]
    with pytest.raises(asyncio.CancelledError):
        await waiting[0]
    places.leave()
    assert places.taken == 0


async def test_tenant_whose_last_place_came_too_late_leaves_nothing_behind() -> None:
    shares = Shares(1, LONG)
    assert shares.enter(MODEST)
    waiting = asyncio.create_task(shares.wait(MODEST))
    await asyncio.sleep(0)
    shares.leave(MODEST)
    assert len(shares) == 1
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert len(shares) == 0


@pytest.mark.parametrize("followed", [False, True])
async def test_who_is_cancelled_as_the_last_one_leaves_hears_that_and_disturbs_nobody_after(followed: bool) -> None:
    shares = Shares(1, LONG)
    assert shares.enter(MODEST)
    waiting = asyncio.create_task(shares.wait(MODEST))
    await asyncio.sleep(0)
    waiting.cancel()
    shares.leave(MODEST)
    assert not followed or shares.enter(MODEST)
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert len(shares) == followed
    assert shares.enter(MODEST) is not followed
