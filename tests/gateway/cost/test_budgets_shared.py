"""Budgets of several processes, while Redis is there, is lost, and is back with its data or without.

Buckets that restore nothing make every level exact.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import pytest
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis
from structlog.testing import capture_logs

from cache.redis import TIMEOUT, open_redis
from gateway.cost.absence import RETRY
from gateway.cost.budgets import Allowance, Hold, Throttled
from gateway.cost.points import Points, points
from gateway.cost.processes import Processes
from gateway.cost.shared_budgets import YOUNG, SharedBudgets
from ops.telemetry.metrics import CostMetrics
from tests.services.redis_server import RedisServer

TENANT = Allowance("ten:3", points(100), Points(0))
KEY = Allowance("key:3:12", points(50), Points(0))


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Process:
    """What one gateway process has; it beats when told to."""

    def __init__(self, name: str, url: str | None) -> None:
        self.redis = open_redis(url)
        self.registry = CollectorRegistry()
        self.clock = Clock()
        self.budgets = SharedBudgets(self.redis, name, CostMetrics(self.registry), self.clock)

    async def take(self, whole: int, *allowances: Allowance) -> Hold | Throttled:
        return await self.budgets.take(allowances or (TENANT,), points(whole), client="one", seconds=60)

    async def held(self, whole: int, *allowances: Allowance) -> Hold:
        hold = await self.take(whole, *allowances)
        assert isinstance(hold, Hold)
        return hold

    async def spend(self, whole: int, *allowances: Allowance) -> None:
        await self.settle(await self.held(whole, *allowances), whole)

    async def settle(self, hold: Hold, whole: int) -> list[float]:
        return [level.available / 1_000 for level in await self.budgets.settle(hold, points(whole))]

    async def levels(self, *allowances: Allowance) -> list[float]:
        return [level.available / 1_000 for level in await self.budgets.levels(allowances or (TENANT,))]

    def metric(self, name: str) -> float | None:
        return self.registry.get_sample_value(name)


@pytest.fixture
async def one(redis_server: RedisServer) -> AsyncIterator[Process]:
    process = Process("one", redis_server.url)
    await process.budgets.beat()
    yield process
    await process.redis.aclose()


@pytest.fixture
async def two(one: Process, redis_server: RedisServer) -> AsyncIterator[Process]:
    """A second process that the first one knows of."""
    process = Process("two", redis_server.url)
    await process.budgets.beat()
    await one.budgets.beat()
    yield process
    await process.redis.aclose()


@asynccontextmanager
async def hanging(server: RedisServer, *processes: Process) -> AsyncIterator[None]:
    """Within the block Redis does not answer, and these processes have noticed; afterwards it has its data."""
    server.pause()
    for process in processes:
        await process.levels()
    yield
    server.resume()
    for process in processes:
        await process.budgets.beat()


async def killed(server: RedisServer, *processes: Process) -> None:
    """Redis is gone with its data, and these processes have noticed."""
    server.kill()
    for process in processes:
        await process.levels()


async def test_processes_share_a_bucket(one: Process, two: Process) -> None:
    hold = await one.held(70)
    assert isinstance(await two.take(40), Throttled)
    assert await one.settle(hold, 20) == [80]
    await two.held(40)
    assert await one.levels() == [40]


async def test_without_redis_a_process_has_its_share_of_what_it_last_saw(
    one: Process, two: Process, redis_server: RedisServer
) -> None:
    await one.spend(40)
    assert await two.levels() == [60]
    await killed(redis_server, one, two)
    for process in (one, two):
        assert await process.levels() == [30]
        await process.held(30)
        assert isinstance(await process.take(1), Throttled)


async def test_without_redis_a_process_restores_its_share_of_the_rate(
    one: Process, two: Process, redis_server: RedisServer
) -> None:
    fast = Allowance("ten:4", points(100), points(10))
    await one.spend(100, fast)
    one.clock.now = two.clock.now
    await killed(redis_server, one, two)
    before = (await one.levels(fast))[0]
    one.clock.now += 4
    assert await one.levels(fast) == [pytest.approx(before + 20, abs=0.01)]
    one.clock.now += 60
    assert await one.levels(fast) == [50]
    throttled = await one.take(55, fast)
    assert isinstance(throttled, Throttled)
    assert throttled.retry_after == 1
    assert (throttled.levels[0].capacity, throttled.levels[0].restore_rate) == (fast.capacity, fast.restore_rate)


async def test_loss_is_a_failover_and_said_once(one: Process, redis_server: RedisServer) -> None:
    with capture_logs() as logs:
        redis_server.kill()
        await asyncio.gather(*(one.take(1) for _ in range(20)))
        await one.budgets.beat()
        assert one.metric("podgraph_budgets_shared") == 0
        redis_server.start()
        await one.budgets.beat()
        await one.take(1)
    assert [(line["event"], line["log_level"]) for line in logs] == [
        ("budgets.redis_lost", "warning"),
        ("budgets.redis_back", "info"),
    ]
    assert one.metric("podgraph_budget_failovers_total") == 1
    assert one.metric("podgraph_budgets_shared") == 1


async def test_hanging_redis_delays_the_calls_that_found_it_so_and_no_other(
    one: Process, redis_server: RedisServer
) -> None:
    redis_server.pause()
    begin = time.monotonic()
    await asyncio.gather(*(one.take(1) for _ in range(10)))
    assert time.monotonic() - begin < 4 * TIMEOUT
    begin = time.monotonic()
    for _ in range(50):
        await one.levels()
    assert time.monotonic() - begin < TIMEOUT / 2
    redis_server.resume()


@pytest.mark.parametrize("call", ["take", "settle", "levels"])
async def test_process_that_was_busy_for_longer_than_the_timeout_has_not_lost_redis(one: Process, call: str) -> None:
    hold = await one.held(20)
    calls = {"take": one.take(30), "settle": one.settle(hold, 10), "levels": one.levels()}
    begun = asyncio.create_task(calls.pop(call))
    for unused in calls.values():
        unused.close()
    await asyncio.sleep(0.002)
    time.sleep(2 * TIMEOUT)  # noqa: ASYNC251  # as a large query does
    await begun
    assert one.metric("podgraph_budget_failovers_total") == 0
    assert await one.levels() == [{"take": 50, "settle": 90, "levels": 80}[call]]


async def test_what_only_the_whole_bucket_can_do_may_be_asked_again_soon(
    one: Process, two: Process, redis_server: RedisServer
) -> None:
    slow = Allowance("ten:4", points(100), points(1))
    await killed(redis_server, one, two)
    waits = []
    for whole in (60, 50, 50):
        taken = await one.take(whole, slow)
        waits.append(taken.retry_after if isinstance(taken, Throttled) else None)
    assert waits == [RETRY, None, 100]


async def test_calls_are_timed(one: Process) -> None:
    await one.spend(10)
    await one.levels()
    for call in ("take", "settle", "levels"):
        assert one.registry.get_sample_value("podgraph_budget_seconds_count", {"call": call}) == 1


async def test_redis_that_kept_its_data_hears_what_was_spent_meanwhile(
    one: Process, two: Process, redis_server: RedisServer
) -> None:
    await one.spend(20, TENANT, KEY)
    await two.levels(TENANT, KEY)
    async with hanging(redis_server, one, two):
        await one.spend(10, TENANT, KEY)
        await two.spend(5)
        await two.settle(await two.held(30), 0)
    assert await one.levels(TENANT, KEY) == [65, 20]
    assert await two.levels(TENANT, KEY) == [65, 20]


async def test_redis_that_lost_its_data_gets_what_is_left_of_each_share(
    one: Process, two: Process, redis_server: RedisServer
) -> None:
    await one.spend(20, TENANT, KEY)
    await two.levels(TENANT, KEY)
    await killed(redis_server, one, two)
    await one.spend(10, TENANT, KEY)
    await two.spend(5)
    redis_server.start()
    await one.budgets.beat()
    assert await one.levels(TENANT, KEY) == [30, 5]
    await two.budgets.beat()
    assert await one.levels(TENANT, KEY) == [65, 20]
    assert await two.levels(TENANT, KEY) == [65, 20]


async def test_redis_that_lost_its_data_unnoticed_does_not_have_full_buckets(
    one: Process, redis_server: RedisServer
) -> None:
    await one.spend(80)
    redis_server.restart()
    await asyncio.sleep(0.02)  # the end of the connection has reached us: the next call opens a new one
    assert isinstance(await one.take(30), Throttled)
    await one.budgets.beat()
    assert await one.levels() == [20]


async def test_redis_that_forgot_the_script_alone_is_not_lost(one: Process, redis_server: RedisServer) -> None:
    await one.spend(30)
    await one.redis.script_flush()
    await one.spend(10)
    assert await one.levels() == [60]
    assert one.metric("podgraph_budget_failovers_total") == 0


async def test_beat_notices_that_the_data_are_gone(one: Process, two: Process, redis_server: RedisServer) -> None:
    await one.spend(80)
    await two.levels()
    redis_server.restart()
    await asyncio.sleep(0.02)
    await one.budgets.beat()
    assert one.metric("podgraph_budget_failovers_total") == 1
    assert await one.levels() == [10]
    await two.budgets.beat()
    assert await one.levels() == [20]


async def test_bucket_of_an_emptied_redis_begins_at_a_share_until_all_have_told(
    one: Process, two: Process, redis_server: RedisServer
) -> None:
    await two.spend(100)
    await killed(redis_server, one, two)
    redis_server.start()
    await one.budgets.beat()
    fresh = Allowance("ten:5", points(100), Points(0))
    assert await one.levels(fresh) == [50]
    one.clock.now += YOUNG
    assert await one.levels(fresh) == [100]


async def test_bucket_that_other_processes_filled_is_full(one: Process, two: Process) -> None:
    hold = await two.held(90)
    assert await one.levels() == [10]
    await two.settle(hold, 0)
    await one.redis.delete("podgraph:budget:{ten:3}")  # as Redis does with a full one that is not used
    await one.held(100)
    assert one.metric("podgraph_budget_failovers_total") == 0


async def test_hold_of_redis_settled_while_it_is_away_is_settled_when_it_is_back(
    one: Process, redis_server: RedisServer
) -> None:
    hold = await one.held(60)
    async with hanging(redis_server, one):
        assert await one.settle(hold, 10) == [90]
        assert await one.settle(hold, 10) == [90]
        await one.spend(5)
    assert await one.levels() == [85]
    assert await one.settle(hold, 10) == [85]
    assert await one.redis.hget("podgraph:budget:{ten:3}", "open") == b"0"


async def test_hold_of_redis_settled_by_the_call_that_finds_it_away(one: Process, redis_server: RedisServer) -> None:
    hold = await one.held(60)
    redis_server.pause()
    assert await one.settle(hold, 10) == [90]
    redis_server.resume()  # and now it does what it was asked to, once more than it is told
    await one.budgets.beat()
    assert await one.levels() == [90]


async def test_hold_of_a_redis_that_lost_its_data_gives_back_once(one: Process, redis_server: RedisServer) -> None:
    early, late, never = await one.held(30), await one.held(30), await one.held(10)
    await killed(redis_server, one)
    assert await one.settle(early, 10) == [50]
    redis_server.start()
    await one.budgets.beat()
    assert await one.levels() == [50]
    assert await one.settle(late, 5) == [75]
    assert await one.settle(late, 5) == [75]
    assert await one.settle(early, 10) == [75]
    assert never.requested == points(10)  # was spent, as far as anybody can know


@pytest.mark.parametrize("data_kept", [True, False])
async def test_hold_of_an_absence_settled_after_it_gives_back_once(
    one: Process, redis_server: RedisServer, data_kept: bool
) -> None:
    await one.spend(10)
    if data_kept:
        async with hanging(redis_server, one):
            hold = await one.held(60)
    else:
        await killed(redis_server, one)
        hold = await one.held(60)
        redis_server.start()
        await one.budgets.beat()
    assert await one.levels() == [30]
    assert await one.settle(hold, 20) == [70]
    assert await one.settle(hold, 20) == [70]


async def test_hold_of_one_absence_settled_in_the_next(one: Process, redis_server: RedisServer) -> None:
    await one.spend(10)
    async with hanging(redis_server, one):
        hold = await one.held(60)
    await one.levels()
    async with hanging(redis_server, one):
        assert await one.settle(hold, 20) == [70]
    assert await one.levels() == [70]


async def test_loss_on_the_way_back_leaves_the_process_on_its_own(one: Process, redis_server: RedisServer) -> None:
    await one.spend(10)
    async with hanging(redis_server, one):
        await one.spend(20)
        await one.budgets.beat()
        assert await one.levels() == [70]
    assert await one.levels() == [70]


async def test_what_redis_could_not_be_told_on_the_way_back_is_told_again(
    one: Process, redis_server: RedisServer
) -> None:
    await one.spend(10)
    hold = await one.held(5)
    async with hanging(redis_server, one):
        await one.spend(20)
        assert await one.settle(hold, 1) == [69]
        redis_server.resume()
        # It answers the beat, but takes nothing in.
        await one.redis.execute_command("ACL", "SETUSER", "default", "-evalsha")  # type: ignore[no-untyped-call]  # redis-py
        await one.budgets.beat()
        assert one.metric("podgraph_budgets_shared") == 0
        await one.redis.execute_command("ACL", "SETUSER", "default", "+evalsha")  # type: ignore[no-untyped-call]  # redis-py
    assert one.metric("podgraph_budgets_shared") == 1
    assert await one.levels() == [69]


async def test_process_that_starts_without_redis_joins_it_later(redis_server: RedisServer) -> None:
    redis_server.kill()
    process = Process("late", redis_server.url)
    await process.budgets.beat()
    await process.spend(30)
    redis_server.start()
    await process.budgets.beat()
    assert await process.levels() == [70]
    await process.redis.aclose()


async def test_running_process_comes_back_by_itself_and_leaves_at_its_end(redis_server: RedisServer) -> None:
    process = Process("self", redis_server.url)
    watch = open_redis(redis_server.url)
    async with process.budgets.running(), asyncio.timeout(10):
        assert await watch.zcard("podgraph:budget:{processes}") == 1
        await process.spend(30)
        await killed(redis_server, process)
        redis_server.start()
        while process.metric("podgraph_budgets_shared") == 0:
            await asyncio.sleep(0.02)
        assert await process.levels() == [70]
    assert await watch.zcard("podgraph:budget:{processes}") == 0
    await watch.aclose()
    await process.redis.aclose()


async def test_process_that_stopped_beating_is_not_counted(redis_server: RedisServer) -> None:
    redis: Redis = open_redis(redis_server.url)
    seconds, _ = await redis.time()
    await redis.zadd("podgraph:budget:{processes}", {"dead": (seconds - 11) * 1_000, "alive": (seconds - 8) * 1_000})
    assert (await Processes(redis, "this", Clock()).beat()).alive == 2
    await redis.aclose()


async def test_fewer_processes_are_believed_when_it_has_been_so_for_a_while(redis_server: RedisServer) -> None:
    redis, clock = open_redis(redis_server.url), Clock()
    this, other = Processes(redis, "this", clock), Processes(redis, "other", clock)
    await other.beat()
    await this.beat()
    await redis.flushall()
    await this.beat()
    assert this.alive == 2
    clock.now += 11
    assert this.alive == 2
    await this.beat()
    assert this.alive == 1
    await redis.aclose()


@pytest.mark.parametrize("seed", [0, 21])
async def test_whatever_becomes_of_redis_no_more_is_spent_than_there_was(
    one: Process, two: Process, redis_server: RedisServer, seed: int
) -> None:
    source = Random(seed)  # noqa: S311  # test data
    processes = (one, two)
    holds: list[tuple[Process, Hold]] = []
    spent, losses = 0, 0
    for _ in range(120):
        process = source.choice(processes)
        match source.choices(("take", "settle", "lose", "hang", "beat"), (10, 10, 1, 1, 3))[0]:
            case "take":
                taken = await process.take(source.randint(1, 12))
                if isinstance(taken, Hold):
                    holds.append((process, taken))
            case "settle" if holds:
                owner, hold = holds.pop(source.randrange(len(holds)))
                actual = source.randint(0, hold.requested)
                await owner.budgets.settle(hold, Points(actual))
                spent += actual
            case "lose":
                # What both saw last is what there was; else each would go on from what it knows.
                await asyncio.gather(*(known.levels() for known in processes))
                redis_server.kill()
                if source.random() < 0.5:
                    await process.levels()
                redis_server.start()
                losses += 1
            case "hang" if source.random() < 0.5:
                async with hanging(redis_server, *processes):
                    taken = await process.take(source.randint(1, 12))
                    if isinstance(taken, Hold):
                        await process.budgets.settle(taken, taken.requested)
                        spent += taken.requested
            case "beat":
                await process.budgets.beat()
        assert spent <= TENANT.capacity
    assert losses
    for process in (*processes, *processes):
        await process.budgets.beat()
    for owner, hold in holds:
        await owner.budgets.settle(hold, points(0))
    assert await one.levels() == await two.levels()
    [left] = await one.levels()
    assert spent + left * 1_000 <= TENANT.capacity
