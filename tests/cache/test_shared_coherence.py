"""Several processes on one real Redis: what one writes no other believes otherwise, whatever becomes of Redis."""

import asyncio
from collections.abc import AsyncIterator
from time import monotonic

import msgspec
import pytest

from cache.coherence import Announcement
from cache.coherence_store import KEY, CoherenceStore
from cache.redis import TIMEOUT, open_redis
from tests.cache.primary import Clock, ScriptedPrimary, ShiftedClock
from tests.cache.processes import OTHER_TENANT, QUICK, TENANT, Loads, Process, process, row, whole
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


@pytest.fixture
async def two(one: Process, redis_server: RedisServer, primary: ScriptedPrimary) -> AsyncIterator[Process]:
    async with process(redis_server.url, primary) as opened:
        await one.trusted()
        yield opened


async def kill_subscriptions(process: Process) -> None:
    await process.redis.client_kill_filter(_type="pubsub")


async def test_value_kept_by_one_process_is_not_loaded_by_another(one: Process, two: Process, loads: Loads) -> None:
    assert await one.titles(loads, 1, 2) == ["first", "first"]
    await one.cache.settled()
    assert await two.titles(loads, 2, 1) == ["first", "first"]
    assert loads.keys == [[1, 2]]


async def test_announced_write_is_pending_in_every_operation_that_begins_afterwards(one: Process, two: Process) -> None:
    announcement = await one.coherence.announced(row(3))
    await two.coherence.moment()
    assert two.coherence.pending(TENANT)
    assert not two.coherence.pending(OTHER_TENANT)
    assert not two.coherence.current(row(3), 10**6)
    assert two.coherence.current(row(4), 10**6)
    await announcement.undone()
    await two.coherence.moment()
    assert not two.coherence.pending(TENANT)
    assert two.coherence.current(row(3), 0)


async def test_write_is_seen_by_every_operation_that_begins_after_it(one: Process, two: Process, loads: Loads) -> None:
    assert await two.titles(loads, 1, 2) == ["first", "first"]
    loads.title = "second"
    await one.write(*row(1))
    assert await two.titles(loads, 1, 2) == ["second", "first"]
    assert await one.titles(loads, 1, 2) == ["second", "first"]
    assert loads.keys == [[1, 2], [1]]


async def test_write_of_unknown_rows_is_a_write_of_all(one: Process, two: Process, loads: Loads) -> None:
    await two.titles(loads, 1, 2)
    loads.title = "second"
    await one.write((TENANT, "podcasts", -1))
    assert await two.titles(loads, 1, 2) == ["second", "second"]


async def test_write_of_another_tenant_changes_nothing_here(one: Process, two: Process, loads: Loads) -> None:
    await two.titles(loads, 1)
    await one.write((OTHER_TENANT, "podcasts", 1), (OTHER_TENANT, "podcasts", -1))
    await two.titles(loads, 1)
    assert loads.count == 1
    assert two.coherence.floor(TENANT) < two.coherence.floor(OTHER_TENANT) == two.coherence.floor(0)


async def test_nothing_is_kept_while_it_is_being_written(one: Process, two: Process, loads: Loads) -> None:
    announcement = await one.coherence.announced(row(1))
    assert await two.titles(loads, 1) == ["first"]
    loads.title = "second"
    assert await two.titles(loads, 1) == ["second"]
    await announcement.done(one.primary.position + 8)
    assert await two.titles(loads, 1) == ["second"]
    assert await two.titles(loads, 1) == ["second"]
    assert loads.count == 3


async def test_lagging_replica_does_not_bring_an_old_value_back(one: Process, two: Process, loads: Loads) -> None:
    written = await one.write(*row(1))
    loads.position = written - 1
    await two.titles(loads, 1)
    await two.titles(loads, 1)
    assert loads.count == 2
    loads.position = written
    await two.titles(loads, 1)
    await one.titles(loads, 1)
    assert loads.count == 3


async def test_read_during_a_commit_covers_no_position_that_the_commit_may_have(one: Process, two: Process) -> None:
    position = two.primary.position
    announcement = await one.coherence.announced(row(1))
    assert (await two.coherence.moment()).position == position - 1
    await announcement.done(position)
    assert (await two.coherence.moment()).position == position


async def test_load_that_began_before_a_write_is_not_kept(one: Process, two: Process, loads: Loads) -> None:
    loads.held = asyncio.Event()
    loading = asyncio.create_task(two.titles(loads, 1))
    while not loads.count:
        await asyncio.sleep(0.001)
    await one.write(*row(1))
    loads.held.set()
    assert await loading == ["first"]
    loads.title = "second"
    assert await two.titles(loads, 1) == ["second"]


async def test_operation_after_a_write_does_not_wait_for_a_load_from_before(
    one: Process, two: Process, loads: Loads
) -> None:
    loads.held = asyncio.Event()
    before = asyncio.create_task(two.titles(loads, 1))
    while not loads.count:
        await asyncio.sleep(0.001)
    await one.write(*row(1))
    later = Loads(loads.primary, "second")
    assert await two.titles(later, 1) == ["second"]
    loads.held.set()
    assert await before == ["first"]
    assert await two.titles(later, 1) == ["second"]


async def test_operation_during_a_write_does_not_wait_for_the_load_of_another(
    one: Process, two: Process, loads: Loads
) -> None:
    announcement = await one.coherence.announced(row(1))
    loads.held = asyncio.Event()
    before = asyncio.create_task(two.titles(loads, 1))
    while not loads.count:
        await asyncio.sleep(0.001)
    # It is committed, if not done: who asks now may have seen that by another way.
    later = Loads(loads.primary, "second")
    async with asyncio.timeout(10):
        assert await two.titles(later, 1) == ["second"]
    loads.held.set()
    assert await before == ["first"]
    await announcement.done(one.primary.position + 8)


async def test_load_from_before_a_loss_is_not_kept(two: Process, loads: Loads) -> None:
    loads.held = asyncio.Event()
    loading = asyncio.create_task(two.titles(loads, 1))
    while not loads.count:
        await asyncio.sleep(0.001)
    await kill_subscriptions(two)
    while not two.coherence.losses:
        await asyncio.sleep(0.001)
    await two.trusted()
    loads.held.set()
    assert await loading == ["first"]
    loads.title = "second"
    assert await two.titles(loads, 1) == ["second"]


async def test_concurrent_operations_share_a_round_trip_that_began_after_they_came(one: Process) -> None:
    before = (await one.redis.info("commandstats"))["cmdstat_hmget"]["calls"]
    moments = await asyncio.gather(*(one.coherence.moment() for _ in range(50)))
    after = (await one.redis.info("commandstats"))["cmdstat_hmget"]["calls"]
    assert all(moment.trusted for moment in moments)
    assert after - before <= 4


async def test_new_process_knows_what_was_written_before_it_came(
    one: Process, redis_server: RedisServer, primary: ScriptedPrimary, loads: Loads
) -> None:
    await one.titles(loads, 1, 2)
    written = await one.write(*row(1))
    announcement = await one.coherence.announced(row(2))
    async with process(redis_server.url, primary) as late:
        assert not late.coherence.current(row(1), written - 1)
        assert late.coherence.current(row(1), written)
        assert not late.coherence.current(row(2), written)
        assert late.coherence.floor(TENANT) >= written
        await announcement.undone()


async def test_joining_beside_others_does_not_make_them_forget(
    one: Process, redis_server: RedisServer, primary: ScriptedPrimary, loads: Loads
) -> None:
    await one.titles(loads, 1)
    generation = one.coherence.generation
    await asyncio.sleep(0.1)  # real Redis counts how long ago somebody watched
    async with process(redis_server.url, primary) as late:
        await late.titles(loads, 1)
        await one.titles(loads, 1)
    assert loads.count == 1
    assert one.coherence.generation == generation


async def test_first_process_after_nobody_watched_believes_nothing_that_was_kept(
    redis_server: RedisServer, primary: ScriptedPrimary, loads: Loads
) -> None:
    async with process(redis_server.url, primary) as first:
        await first.titles(loads, 1)
    redis = open_redis(redis_server.url)
    await redis.hset(KEY, "watched", 0)
    await redis.aclose()
    loads.title = "written by nobody knows whom"
    primary.position += 8
    async with process(redis_server.url, primary) as late:
        assert await late.titles(loads, 1) == ["written by nobody knows whom"]


async def test_lost_subscription_is_noticed_and_mended(one: Process, two: Process, loads: Loads) -> None:
    await two.titles(loads, 1)
    await kill_subscriptions(two)
    loads.title = "second"
    await one.write(*row(1))
    assert await two.titles(loads, 1) == ["second"]
    await two.trusted()
    assert await two.titles(loads, 1) == ["second"]
    assert two.coherence.losses >= 1


async def test_lost_message_is_noticed(one: Process, two: Process, loads: Loads) -> None:
    await two.titles(loads, 1)
    await one.redis.hincrby(KEY, "sequence", 1)
    moment = await two.coherence.moment()
    assert not moment.trusted
    loads.title = "second"
    await one.write(*row(1))
    assert await two.titles(loads, 1) == ["second"]
    await two.trusted()
    assert two.coherence.losses == 1


async def test_emptied_redis_is_not_believed_until_everybody_has_told_it_what_is_under_way(
    one: Process, two: Process, loads: Loads
) -> None:
    await two.titles(loads, 1)
    announcement = await one.coherence.announced(row(1))
    generation = one.coherence.generation
    await one.redis.flushall()
    assert not (await two.coherence.moment()).trusted
    await two.trusted()
    assert two.coherence.pending(TENANT)
    assert two.coherence.generation != generation
    assert await two.titles(loads, 1) == ["first"]
    loads.title = "second"
    await announcement.done(one.primary.position + 8)
    assert await two.titles(loads, 1) == ["second"]


async def test_emptied_redis_is_not_believed_until_it_is_old_enough(
    one: Process, redis_server: RedisServer, primary: ScriptedPrimary
) -> None:
    clock, times = Clock(), msgspec.structs.replace(QUICK, young=30.0)
    redis = open_redis(redis_server.url)
    late = Process(redis, primary, clock, times)
    async with late.coherence.running(), asyncio.timeout(10):
        while not late.coherence.joined:
            await asyncio.sleep(0.001)
        clock.now += times.young
        await late.trusted()
        generation = late.coherence.generation
        await one.redis.flushall()
        while late.coherence.generation == generation or not late.coherence.joined:
            await asyncio.sleep(0.001)
        await one.trusted()
        assert not (await late.coherence.moment()).trusted
        clock.now += times.young
        await late.trusted()
    await redis.aclose()


async def test_missing_part_of_what_redis_knows_is_as_if_all_was_lost(one: Process, two: Process, loads: Loads) -> None:
    await two.titles(loads, 1)
    await one.redis.delete(f"{KEY}:slots")
    loads.title = "second"
    await one.write(*row(1))
    assert await two.titles(loads, 1) == ["second"]
    await two.trusted()
    await one.trusted()
    assert one.coherence.generation == two.coherence.generation


async def test_killed_redis_costs_nobody_an_answer_and_nobody_waits(
    one: Process, two: Process, loads: Loads, redis_server: RedisServer
) -> None:
    await two.titles(loads, 1)
    redis_server.kill()
    loads.title = "second"
    assert await two.titles(loads, 1) == ["second"]
    begin = monotonic()
    for _ in range(20):
        assert not (await two.coherence.moment()).trusted
    assert monotonic() - begin < TIMEOUT


async def test_write_while_redis_is_away_makes_everybody_distrust_until_it_is_told(
    one: Process, two: Process, loads: Loads, redis_server: RedisServer, primary: ScriptedPrimary
) -> None:
    await two.titles(loads, 1)
    redis_server.kill()
    announcement = await one.coherence.announced(row(1))
    assert primary.holders == 1
    redis_server.start()
    loads.title = "second"
    assert await two.titles(loads, 1) == ["second"]
    await announcement.done(primary.position + 8)
    await two.trusted()
    assert primary.holders == 0
    assert await two.titles(loads, 1) == ["second"]
    assert await one.titles(loads, 1) == ["second"]


async def test_end_of_a_write_that_redis_did_not_hear_is_told_when_it_is_back(
    one: Process, two: Process, loads: Loads, redis_server: RedisServer, primary: ScriptedPrimary
) -> None:
    announcement = await one.coherence.announced(row(1))
    redis_server.kill()
    written = primary.position + 8
    await announcement.done(written)
    assert primary.holders == 1
    redis_server.start()
    await two.trusted()
    await one.trusted()
    assert primary.holders == 0
    assert not two.coherence.pending(TENANT)
    assert not two.coherence.current(row(1), written - 1)


async def test_write_that_nobody_can_be_told_of_does_not_happen(
    one: Process, redis_server: RedisServer, primary: ScriptedPrimary
) -> None:
    primary.refuses = True
    redis_server.kill()
    with pytest.raises(ConnectionRefusedError):
        await one.coherence.announced(row(1))
    assert not one.coherence.pending(TENANT)
    primary.refuses = False
    await (await one.coherence.announced(row(1))).undone()


async def test_paused_redis_costs_the_first_operation_a_timeout_and_no_other_anything(
    one: Process, two: Process, loads: Loads, redis_server: RedisServer
) -> None:
    await two.titles(loads, 1)
    redis_server.pause()
    begin = monotonic()
    moments = await asyncio.gather(*(two.coherence.moment() for _ in range(20)))
    first = monotonic() - begin
    assert not any(moment.trusted for moment in moments)
    assert first < 3 * TIMEOUT
    begin = monotonic()
    assert not (await two.coherence.moment()).trusted
    assert monotonic() - begin < TIMEOUT / 2
    redis_server.resume()
    begin = monotonic()
    await two.trusted()
    await one.trusted()
    assert monotonic() - begin < 5
    loads.title = "second"
    await one.write(*row(1))
    assert await two.titles(loads, 1) == ["second"]


async def test_write_by_somebody_unheard_makes_what_was_kept_before_worthless(
    one: Process, two: Process, loads: Loads, primary: ScriptedPrimary
) -> None:
    await two.titles(loads, 1)
    async with primary.unheard_writes():
        assert not (await two.coherence.moment()).trusted
        loads.title = "second"
        assert await two.titles(loads, 1) == ["second"]
        primary.position += 8
    await two.trusted()
    assert await two.titles(loads, 1) == ["second"]
    await one.trusted()
    assert await one.titles(loads, 1) == ["second"]
    assert loads.count == 3


async def test_nothing_is_trusted_while_the_primary_has_not_been_seen(one: Process, primary: ScriptedPrimary) -> None:
    primary.fresh = False
    assert not (await one.coherence.moment()).trusted
    primary.fresh = True
    assert (await one.coherence.moment()).trusted


async def test_write_whose_outcome_nobody_tells_is_taken_to_be_committed_after_a_while(
    redis_server: RedisServer, primary: ScriptedPrimary, loads: Loads
) -> None:
    clock = ShiftedClock()
    async with process(redis_server.url, primary, clock) as one, process(redis_server.url, primary, clock) as two:
        await one.trusted()
        await two.titles(loads, 1)
        await one.coherence.announced(row(1))
        await two.coherence.moment()
        assert two.coherence.pending(TENANT)
        primary.position += 80
        loads.title = "second"
        clock.shift += 61
        async with asyncio.timeout(5):
            while one.coherence.pending(TENANT) or two.coherence.pending(TENANT):
                await two.coherence.moment()
                await asyncio.sleep(0.01)
        assert not two.coherence.current(row(1), primary.position - 1)
        assert await two.titles(loads, 1) == ["second"]


async def test_cancelled_announcement_does_not_stay_pending(
    one: Process, two: Process, redis_server: RedisServer
) -> None:
    redis_server.pause()
    announcing = asyncio.create_task(one.coherence.announced(row(1)))
    await asyncio.sleep(0.01)
    announcing.cancel()
    redis_server.resume()
    with pytest.raises(asyncio.CancelledError):
        await announcing
    async with asyncio.timeout(5):
        await one.trusted()
        await two.trusted()
        while one.coherence.pending(TENANT) or two.coherence.pending(TENANT):
            await asyncio.sleep(0.01)
            await two.coherence.moment()


async def test_cancelled_request_still_tells_what_it_wrote(
    one: Process, two: Process, primary: ScriptedPrimary
) -> None:
    announcement = await one.coherence.announced(row(1))
    ending = asyncio.create_task(announcement.done(primary.position + 8))
    await asyncio.sleep(0)
    ending.cancel()
    async with asyncio.timeout(5):
        while two.coherence.pending(TENANT) or two.coherence.floor(TENANT) < primary.position:
            await asyncio.sleep(0.01)
            await two.coherence.moment()


async def test_tags_of_whole_tables_depend_on_every_row(one: Process) -> None:
    written = await one.write(*row(5))
    assert not one.coherence.current(whole(), written - 1)
    assert one.coherence.changed_rows(TENANT, "podcasts", written - 1) == {5}
    assert one.coherence.changed_rows(TENANT, "podcasts", written) == set()


async def test_process_that_comes_after_an_unheard_writer_waits_until_the_others_have_seen_to_it(
    one: Process, redis_server: RedisServer, primary: ScriptedPrimary, loads: Loads
) -> None:
    await one.titles(loads, 1)
    await one.cache.settled()
    async with primary.unheard_writes():
        primary.position += 8
        loads.title = "second"
    # The others know of it, and have not done anything yet; this one came a moment too late to see it.
    redis = open_redis(redis_server.url)
    late = Process(redis, ScriptedPrimary(primary.position), monotonic, QUICK)
    async with late.coherence.running():
        generation = one.coherence.generation
        moment = await late.trusted()
        assert late.coherence.generation != generation
        fetched = await late.cache.fetch(late.shelf, [1], loads, moment)
        assert [podcast and podcast.title for podcast in fetched.values] == ["second"]
        await late.cache.settled()
    await redis.aclose()


async def test_lock_is_kept_for_a_write_that_begins_while_it_is_being_given_up(
    one: Process, redis_server: RedisServer, primary: ScriptedPrimary, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis_server.kill()
    first = await one.coherence.announced(row(1))
    renew = CoherenceStore.renew
    second: list[Announcement] = []

    async def lost_again(store: CoherenceStore, position: int) -> None:
        await renew(store, position)
        if not second:
            redis_server.kill()
            await one.coherence.moment()
            second.append(await one.coherence.announced(row(2)))

    monkeypatch.setattr(CoherenceStore, "renew", lost_again)
    redis_server.start()
    await first.done(primary.position + 8)
    async with asyncio.timeout(5):
        while not second:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)  # what would give it up has had its turn
    assert (primary.holders, primary.takes) == (1, 1)
    redis_server.start()
    await second[0].done(primary.position + 8)
    await one.trusted()
    assert primary.holders == 0
