"""The memory tier: what it keeps, for how long, and what it forgets when."""

import random
from collections.abc import Sequence

import pytest

from cache.kinds import Kind
from cache.memory import MISSING, PAGE, Memory, Missing
from cache.statistics import MEMORY, CacheStatistics
from tests.cache.primary import Clock
from tests.cache.processes import OTHER_TENANT, PODCAST, TABLE, TENANT, Podcast

LISTS = Kind[list[int]]("lists", list[int], seconds=100.0)
SHORT = Kind[Podcast | None]("short", Podcast | None, table=TABLE, seconds=10.0)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def statistics() -> CacheStatistics:
    return CacheStatistics()


@pytest.fixture
def memory(clock: Clock, statistics: CacheStatistics) -> Memory:
    return Memory(1 << 20, statistics, clock, lambda: 0.5)


def put(memory: Memory, *keys: int, kind: Kind[Podcast | None] = PODCAST, tenant_id: int = TENANT) -> None:
    memory.put(memory.shelf(kind, tenant_id), keys, [Podcast(key, "title") for key in keys], [30] * len(keys))


def kept(memory: Memory, *keys: int, kind: Kind[Podcast | None] = PODCAST, tenant_id: int = TENANT) -> list[int]:
    """Those of the keys that are still there."""
    found = memory.recall(memory.shelf(kind, tenant_id), keys)
    return [key for key, value in zip(keys, found, strict=True) if not isinstance(value, Missing)]


def put_list(memory: Memory, key: str, *tables: tuple[int, str], values: Sequence[int] = (1, 2)) -> None:
    memory.put(memory.shelf(LISTS, TENANT), [key], [list(values)], [10], frozenset(tables))


def lists(memory: Memory, *keys: str) -> list[str]:
    found = memory.recall(memory.shelf(LISTS, TENANT), keys)
    return [key for key, value in zip(keys, found, strict=True) if value is not MISSING]


def test_values_come_in_the_order_of_the_keys_with_a_mark_for_what_is_missing(memory: Memory) -> None:
    put(memory, 1, 2)
    shelf = memory.shelf(PODCAST, TENANT)
    assert memory.recall(shelf, [2, 3, 1, 2]) == [
        Podcast(2, "title"),
        MISSING,
        Podcast(1, "title"),
        Podcast(2, "title"),
    ]
    assert memory.recall_all(shelf, [2, 1]) == [Podcast(2, "title"), Podcast(1, "title")]
    assert memory.recall_all(shelf, [2, 3]) is None


def test_shelves_of_tenants_and_kinds_share_nothing(memory: Memory) -> None:
    put(memory, 1)
    assert kept(memory, 1, tenant_id=OTHER_TENANT) == []
    assert kept(memory, 1, kind=SHORT) == []


def test_write_of_a_row_forgets_that_row_in_every_kind_of_its_table(memory: Memory) -> None:
    put(memory, 1, 2)
    put(memory, 1, 2, kind=SHORT)
    put(memory, 1, tenant_id=OTHER_TENANT)
    memory.forget([(TENANT, TABLE, 1)])
    assert kept(memory, 1, 2) == [2]
    assert kept(memory, 1, 2, kind=SHORT) == [2]
    assert kept(memory, 1, tenant_id=OTHER_TENANT) == [1]


def test_write_of_a_table_forgets_what_depends_on_it_as_a_whole_and_no_row(memory: Memory) -> None:
    put(memory, 1)
    put_list(memory, "of podcasts", (TENANT, TABLE))
    put_list(memory, "of both", (TENANT, TABLE), (TENANT, "episodes"))
    put_list(memory, "of episodes", (TENANT, "episodes"))
    memory.forget([(TENANT, TABLE, 0)])
    assert lists(memory, "of podcasts", "of both", "of episodes") == ["of episodes"]
    assert kept(memory, 1) == [1]


def test_write_of_unknown_rows_forgets_rows_and_what_depends_on_the_table(memory: Memory) -> None:
    put(memory, 1, 2)
    put_list(memory, "of podcasts", (TENANT, TABLE))
    put(memory, 1, tenant_id=OTHER_TENANT)
    memory.forget([(TENANT, TABLE, -1)])
    assert kept(memory, 1, 2) == []
    assert lists(memory, "of podcasts") == []
    assert kept(memory, 1, tenant_id=OTHER_TENANT) == [1]


def test_write_of_nobody_knows_whose_rows_forgets_everybodys(memory: Memory) -> None:
    put(memory, 1)
    put(memory, 1, tenant_id=OTHER_TENANT)
    put_list(memory, "of podcasts", (TENANT, TABLE))
    put_list(memory, "of episodes", (TENANT, "episodes"))
    memory.forget([(0, TABLE, -1)])
    assert kept(memory, 1) == kept(memory, 1, tenant_id=OTHER_TENANT) == []
    assert lists(memory, "of podcasts", "of episodes") == ["of episodes"]


def test_row_that_is_read_with_other_tables_changes_with_them(memory: Memory) -> None:
    memory.put(memory.shelf(PODCAST, TENANT), [1], [Podcast(1, "title")], [30], frozenset({(TENANT, "episodes")}))
    put(memory, 2)
    memory.forget([(TENANT, "episodes", 0)])
    assert kept(memory, 1, 2) == [2]


def test_value_ends_after_its_time_and_a_value_that_is_none_after_a_tenth(memory: Memory, clock: Clock) -> None:
    memory.put(memory.shelf(SHORT, TENANT), [1, 2], [Podcast(1, "title"), None], [30, 1])
    clock.now += 0.9
    assert kept(memory, 1, 2, kind=SHORT) == [1, 2]
    clock.now += 0.2
    assert kept(memory, 1, 2, kind=SHORT) == [1]
    clock.now += 9
    assert kept(memory, 1, kind=SHORT) == []
    assert memory.bytes == memory.entries == 0


@pytest.mark.parametrize(("number", "seconds"), [(0.0, 9.0), (1.0, 11.0)])
def test_times_differ_by_a_tenth_each_way(clock: Clock, number: float, seconds: float) -> None:
    memory = Memory(1 << 20, CacheStatistics(), clock, lambda: number)
    put(memory, 1, kind=SHORT)
    clock.now += seconds - 0.01
    assert kept(memory, 1, kind=SHORT) == [1]
    clock.now += 0.02
    assert kept(memory, 1, kind=SHORT) == []


def test_none_is_a_value(memory: Memory) -> None:
    memory.put(memory.shelf(PODCAST, TENANT), [1], [None], [1])
    assert memory.recall_all(memory.shelf(PODCAST, TENANT), [1]) == [None]


def test_value_that_is_put_again_takes_the_place_of_the_old_one(memory: Memory) -> None:
    put(memory, 1, 2)
    before = memory.bytes
    for _ in range(5):
        put(memory, 1, 2)
    assert (memory.entries, memory.bytes) == (2, before)
    memory.put(memory.shelf(PODCAST, TENANT), [1], [Podcast(1, "another")], [30])
    assert memory.recall_all(memory.shelf(PODCAST, TENANT), [1, 2]) == [Podcast(1, "another"), Podcast(2, "title")]
    assert memory.entries == 2


def test_page_that_was_read_last_is_evicted_last(statistics: CacheStatistics, clock: Clock) -> None:
    memory = Memory(1 << 20, statistics, clock, lambda: 0.5)
    key = 0
    while not statistics.of(MEMORY, PODCAST.name).evictions:
        put(memory, *range(key, key + PAGE))
        key += PAGE
        assert kept(memory, 0) == [0]
    assert kept(memory, PAGE) == []
    assert kept(memory, key - PAGE) == [key - PAGE]
    assert memory.bytes <= memory.bound


def test_value_that_takes_more_than_a_sixteenth_is_not_kept(clock: Clock) -> None:
    memory = Memory(64_000, CacheStatistics(), clock, lambda: 0.5)
    shelf = memory.shelf(PODCAST, TENANT)
    memory.put(shelf, [1, 2, 3], [Podcast(1, "title"), Podcast(2, "x" * 10_000), Podcast(3, "title")], [30, 10_030, 30])
    assert kept(memory, 1, 2, 3) == [1, 3]


def test_all_is_forgotten_at_once_also_by_those_who_hold_a_shelf(memory: Memory) -> None:
    put(memory, *range(1, 200))
    put_list(memory, "of podcasts", (TENANT, TABLE))
    shelf = memory.shelf(PODCAST, TENANT)
    memory.forget_all()
    assert memory.recall(shelf, [1]) == [MISSING]
    assert memory.bytes == memory.entries == 0
    memory.put(shelf, [1], [Podcast(1, "title")], [30])
    assert kept(memory, 1) == [1]


def test_counts_follow_what_is_kept(memory: Memory, statistics: CacheStatistics) -> None:
    put(memory, *range(1, 101))
    counts = statistics.of(MEMORY, PODCAST.name)
    assert (counts.entries, counts.bytes) == (100, memory.bytes)
    memory.forget([(TENANT, TABLE, row_id) for row_id in range(1, 51)])
    assert (counts.entries, memory.entries) == (50, 50)
    memory.forget([(TENANT, TABLE, row_id) for row_id in range(51, 101)])
    assert (counts.entries, counts.bytes, memory.entries, memory.bytes) == (0, 0, 0, 0)


def test_nothing_is_left_of_what_was_kept_after_any_mixture(clock: Clock, statistics: CacheStatistics) -> None:
    """Whatever is put, forgotten, expired and evicted: what is counted is what is there."""
    chance = random.Random(5)  # noqa: S311 - a schedule, no secret
    memory = Memory(60_000, statistics, clock, chance.random)
    for _ in range(1_000):
        tenant_id = chance.choice((0, TENANT, OTHER_TENANT))
        kind = chance.choice((PODCAST, SHORT))
        keys = chance.sample(range(1, 400), chance.randint(1, 150))
        act = chance.random()
        if act < 0.5:
            put(memory, *keys, kind=kind, tenant_id=tenant_id)
        elif act < 0.7:
            put_list(memory, str(keys[0]), (tenant_id, TABLE), (TENANT, "episodes"))
        elif act < 0.9:
            memory.forget([(tenant_id, TABLE, chance.choice((-1, 0, *keys)))])
        else:
            clock.now += chance.random() * 5
            kept(memory, 1)
        shelves = [memory.shelf(kind, whose) for kind in (PODCAST, SHORT) for whose in (0, TENANT, OTHER_TENANT)]
        listed = memory.shelf(LISTS, TENANT)
        assert memory.entries == sum(len(shelf.values) for shelf in shelves) + len(listed.values)
        assert all(shelf.values.keys() == shelf.pages.keys() for shelf in shelves)
        assert listed.values.keys() == listed.pages.keys()
        assert 0 <= memory.bytes <= memory.bound
    clock.now += 1_000
    assert kept(memory, 1) == []
    assert memory.entries == memory.bytes == 0
