"""Memory, Redis and the load behind one `fetch`, with a real Redis."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from cache.kinds import Kind
from cache.local_coherence import LocalCoherence
from cache.memory import MISSING, Memory
from cache.statistics import LOADER, MEMORY, REDIS, CacheStatistics
from cache.tiers import Cache, Loaded
from tests.cache.primary import Clock, ScriptedPrimary
from tests.cache.processes import (
    OTHER_TENANT,
    PODCAST,
    TABLE,
    TENANT,
    TITLES,
    Loads,
    Podcast,
    Process,
    process,
    row,
    whole,
)
from tests.services.redis_server import RedisServer


@pytest.fixture
def primary() -> ScriptedPrimary:
    return ScriptedPrimary()


@pytest.fixture
def loads(primary: ScriptedPrimary) -> Loads:
    return Loads(primary)


@pytest.fixture
async def one(redis_server: RedisServer, primary: ScriptedPrimary) -> AsyncIterator[Process]:
    async with process(redis_server.url, primary) as opened:
        yield opened


async def values_in_redis(process: Process) -> list[bytes]:
    await process.cache.settled()
    return sorted([key async for key in process.redis.scan_iter("podgraph:v:*") if not key.endswith(b":lease")])


async def test_values_come_in_the_order_of_the_keys_and_are_loaded_once_each(one: Process, loads: Loads) -> None:
    fetched = await one.fetched(loads, 3, 1, 3)
    assert [podcast and podcast.id for podcast in fetched.values] == [3, 1, 3]
    assert loads.keys == [[3, 1]]
    assert fetched.tags == set(whole())
    assert fetched.position == one.primary.position


async def test_memory_answers_without_a_turn_of_the_loop(one: Process, loads: Loads) -> None:
    await one.fetched(loads, 1)
    assert one.cache.recall(one.shelf, [1, 2]) == [Podcast(1, "first"), MISSING]
    counts = one.statistics.of(MEMORY, PODCAST.name)
    assert (counts.hits, counts.misses) == (1, 1)


async def test_redis_answers_what_memory_has_lost(one: Process, loads: Loads) -> None:
    await one.fetched(loads, 1, 2)
    await one.forget_memory()
    assert await one.titles(loads, 2, 3) == ["first", "first"]
    assert loads.keys == [[1, 2], [3]]
    counts = one.statistics.of(REDIS, PODCAST.name)
    assert (counts.hits, counts.misses, counts.stale) == (1, 3, 0)
    assert one.cache.recall(one.shelf, [2]) == [Podcast(2, "first")]


async def test_value_in_redis_that_is_older_than_the_last_write_is_stale(one: Process, loads: Loads) -> None:
    await one.fetched(loads, 1, 2)
    await one.write(*row(1))
    await one.forget_memory()
    loads.title = "second"
    assert await one.titles(loads, 1, 2) == ["second", "first"]
    assert one.statistics.of(REDIS, PODCAST.name).stale == 1


async def test_what_is_not_there_is_kept_too(one: Process, loads: Loads) -> None:
    loads.title = None
    assert await one.titles(loads, 1) == [None]
    await one.forget_memory()
    assert await one.titles(loads, 1) == [None]
    assert loads.count == 1
    [name] = await values_in_redis(one)
    assert await one.redis.pttl(name) <= PODCAST.absent_seconds * 1_100


async def test_row_that_appears_is_found_after_it_was_kept_that_there_is_none(one: Process, loads: Loads) -> None:
    loads.title = None
    await one.titles(loads, 1)
    loads.title = "new"
    await one.write(*row(1))
    assert await one.titles(loads, 1) == ["new"]


async def test_times_in_redis_differ_by_a_tenth_each_way(one: Process, loads: Loads) -> None:
    await one.fetched(loads, *range(1, 101))
    left = [await one.redis.pttl(name) / 1_000 for name in await values_in_redis(one)]
    assert PODCAST.seconds * 0.89 < min(left) < PODCAST.seconds * 0.95
    assert PODCAST.seconds * 1.05 < max(left) <= PODCAST.seconds * 1.1


async def test_untrusted_moment_neither_reads_nor_keeps(one: Process, primary: ScriptedPrimary, loads: Loads) -> None:
    await one.titles(loads, 1)
    primary.fresh = False
    loads.title = "second"
    fetched = await one.fetched(loads, 1, 2)
    assert [podcast and podcast.title for podcast in fetched.values] == ["second", "second"]
    assert fetched.position is None
    primary.fresh = True
    loads.title = "third"
    assert await one.titles(loads, 1, 2) == ["first", "third"]


async def test_value_whose_load_knows_no_position_is_not_kept(one: Process) -> None:
    loads = 0

    async def load(keys: list[str]) -> Loaded[list[str]]:
        nonlocal loads
        loads += 1
        return Loaded([["a"]], whole(), None)

    for _ in range(2):
        shelf = one.cache.shelf(TITLES, TENANT)
        fetched = await one.cache.fetch(shelf, ["all"], load, await one.coherence.moment())
        assert (fetched.values, fetched.position) == ([["a"]], None)
    assert loads == 2
    assert await values_in_redis(one) == []


async def test_list_changes_with_every_table_that_it_was_read_from(one: Process, primary: ScriptedPrimary) -> None:
    loads = 0

    async def load(keys: list[str]) -> Loaded[list[str]]:
        nonlocal loads
        loads += 1
        return Loaded([["a"]], [(TENANT, TABLE, 0), (TENANT, "episodes", 0)], primary.position)

    async def fetched() -> int:
        shelf = one.cache.shelf(TITLES, TENANT)
        await one.cache.fetch(shelf, ["all"], load, await one.coherence.moment())
        return loads

    assert await fetched() == 1
    await one.write((TENANT, "episodes", 5))
    assert await fetched() == 2
    await one.forget_memory()
    assert await fetched() == 2
    await one.write((TENANT, "placements", 5))
    await one.forget_memory()
    assert await fetched() == 2
    await one.write((TENANT, TABLE, -1))
    await one.forget_memory()
    assert await fetched() == 3


async def test_kinds_whose_values_look_otherwise_are_kept_apart(one: Process, loads: Loads) -> None:
    class Older(msgspec.Struct, frozen=True):
        id: int
        name: str

    older = Kind[Older | None]("podcast", Older | None, table=TABLE)
    await one.fetched(loads, 1)

    async def load(keys: list[int]) -> Loaded[Older | None]:
        return Loaded([Older(key, "name") for key in keys], whole(), one.primary.position)

    fetched = await one.cache.fetch(one.cache.shelf(older, TENANT), [1], load, await one.coherence.moment())
    assert fetched.values == [Older(1, "name")]
    assert older.mark.startswith("podcast:")
    assert older.mark != PODCAST.mark
    assert Kind[Podcast | None]("podcast", Podcast | None, table=TABLE).mark == PODCAST.mark
    assert Kind[Podcast | None]("podcast", Podcast | None, table=TABLE, variant="x").mark != PODCAST.mark


async def test_tenants_share_nothing(one: Process, loads: Loads) -> None:
    await one.fetched(loads, 1)

    async def none(keys: list[int]) -> Loaded[Podcast | None]:
        return Loaded([None] * len(keys), whole(OTHER_TENANT), one.primary.position)

    shelf = one.cache.shelf(PODCAST, OTHER_TENANT)
    fetched = await one.cache.fetch(shelf, [1], none, await one.coherence.moment())
    assert fetched.values == [None]
    assert await one.titles(loads, 1) == ["first"]


async def test_bytes_that_cannot_be_read_are_a_miss_and_counted(one: Process, loads: Loads) -> None:
    await one.fetched(loads, 1, 2)
    names = await values_in_redis(one)
    await one.redis.set(names[0], b"\x93no value")
    await one.forget_memory()
    assert await one.titles(loads, 1, 2) == ["first", "first"]
    assert one.statistics.of(REDIS, PODCAST.name).errors == 1
    assert loads.count == 2


async def test_very_large_value_stays_out_of_redis(one: Process, loads: Loads) -> None:
    loads.title = "x" * (1024 * 1024)
    await one.titles(loads, 1)
    assert await values_in_redis(one) == []


async def test_failed_load_is_not_kept_and_fails_all_who_wait(one: Process, loads: Loads) -> None:
    asked = 0

    async def fail(keys: list[int]) -> Loaded[Podcast | None]:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0.01)
        raise ConnectionError("no database")

    moment = await one.coherence.moment()
    results = await asyncio.gather(
        *(one.cache.fetch(one.shelf, [1], fail, moment) for _ in range(5)), return_exceptions=True
    )
    assert [type(result) for result in results] == [ConnectionError] * 5
    assert asked == 1
    assert await one.titles(loads, 1) == ["first"]
    assert one.statistics.of(LOADER, PODCAST.name).errors == 1


async def test_many_operations_that_miss_a_key_load_it_once(one: Process, loads: Loads) -> None:
    titles = await asyncio.gather(*(one.titles(loads, 1, 2 + number % 2) for number in range(100)))
    assert titles == [["first", "first"]] * 100
    assert sorted(key for keys in loads.keys for key in keys) == [1, 2, 3]


async def test_cancelled_operation_leaves_those_who_waited_for_its_load_to_load_themselves(
    one: Process, loads: Loads
) -> None:
    loads.held = asyncio.Event()
    first = asyncio.create_task(one.titles(loads, 1))
    while not loads.count:
        await asyncio.sleep(0.001)
    others = [asyncio.create_task(one.titles(loads, 1)) for _ in range(5)]
    await asyncio.sleep(0.005)
    first.cancel()
    loads.held.set()
    assert await asyncio.gather(*others) == [["first"]] * 5
    assert loads.count == 2
    assert await one.titles(loads, 1) == ["first"]


async def test_cancelled_waiter_concerns_nobody_else(one: Process, loads: Loads) -> None:
    loads.held = asyncio.Event()
    first = asyncio.create_task(one.titles(loads, 1))
    while not loads.count:
        await asyncio.sleep(0.001)
    waiter = asyncio.create_task(one.titles(loads, 1))
    await asyncio.sleep(0.005)
    waiter.cancel()
    loads.held.set()
    assert await first == ["first"]
    assert loads.count == 1


async def test_holder_of_a_lease_that_died_costs_a_wait_and_no_answer(
    one: Process, redis_server: RedisServer, primary: ScriptedPrimary, loads: Loads
) -> None:
    async with process(redis_server.url, primary) as two:
        await one.trusted()
        before = await values_in_redis(one)
        assert before == []
        moment = await two.trusted()
        name = f"podgraph:v:{two.coherence.generation}:{TENANT}:{PODCAST.mark}:1:lease"
        await one.redis.set(name, b"dead", px=60_000)
        fetched = await two.cache.fetch(two.shelf, [1], loads, moment)
        assert fetched.values == [Podcast(1, "first")]
        assert loads.count == 1


async def test_load_that_fails_gives_its_lease_back(
    one: Process, redis_server: RedisServer, primary: ScriptedPrimary, loads: Loads
) -> None:
    async def fail(keys: list[int]) -> Loaded[Podcast | None]:
        raise ConnectionError("no database")

    with pytest.raises(ConnectionError):
        await one.cache.fetch(one.shelf, [1], fail, await one.coherence.moment())
    async with asyncio.timeout(5):
        while await one.redis.exists(f"podgraph:v:{one.coherence.generation}:{TENANT}:{PODCAST.mark}:1:lease"):
            await asyncio.sleep(0.005)


async def test_lost_redis_costs_a_load_and_no_answer(one: Process, loads: Loads, redis_server: RedisServer) -> None:
    moment = await one.trusted()
    redis_server.kill()
    fetched = await one.cache.fetch(one.shelf, [1], loads, moment)
    assert fetched.values == [Podcast(1, "first")]
    assert not (await one.coherence.moment()).trusted


async def test_process_alone_keeps_in_memory_and_forgets_what_it_writes(primary: ScriptedPrimary) -> None:
    clock = Clock()
    coherence = LocalCoherence(primary, clock)
    statistics = CacheStatistics()
    cache = Cache(coherence, Memory(1 << 20, statistics, clock, lambda: 0.5), None, statistics)
    loads = Loads(primary)

    async def titles(*keys: int) -> list[str | None]:
        fetched = await cache.fetch(cache.shelf(PODCAST, TENANT), keys, loads, await coherence.moment())
        return [podcast.title if podcast else None for podcast in fetched.values]

    assert await titles(1, 2) == await titles(1, 2) == ["first", "first"]
    loads.title = "second"
    announcement = await coherence.announced(row(1))
    assert coherence.pending(TENANT)
    await announcement.done(primary.position + 8)
    assert await titles(1, 2) == ["second", "first"]
    assert loads.keys == [[1, 2], [1]]
