"""Signs of pressure: each is seen, and none is seen where there is none."""

from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio
from redis.asyncio import Redis

from cache.redis import open_redis
from cache.statistics import LOADER, MEMORY, CacheStatistics
from gateway.warming.pressure import LoadTimes, Pressure
from persistence.servers import ServerState
from tests.services.redis_server import RedisServer

PRIMARY = ServerState("db:5432", "primary", True, 0.0, 0, 0)
REPLICA = ServerState("db:5433", "replica", True, 0.1, 100, 0)


@pytest_asyncio.fixture
async def redis(redis_server: RedisServer) -> AsyncIterator[Redis]:
    client = open_redis(redis_server.url)
    yield client
    await client.aclose()


def pressure(redis: Redis, *states: ServerState, statistics: CacheStatistics | None = None) -> Pressure:
    return Pressure(redis, lambda: states or (PRIMARY, REPLICA), statistics or CacheStatistics(), lag_seconds=5.0)


async def test_servers_that_keep_up_are_no_sign(redis: Redis) -> None:
    quiet = pressure(redis)
    assert [await quiet.sign() for _ in range(3)] == [None] * 3


async def test_redis_that_is_nearly_full_is_a_sign(redis: Redis) -> None:
    await redis.set("filler", b"x" * 2_000_000)
    used = (await redis.info("memory"))["used_memory"]
    await redis.config_set("maxmemory", int(used / 0.85))
    assert await pressure(redis).sign() is None
    await redis.config_set("maxmemory", int(used / 0.93))
    sign = await pressure(redis).sign()
    assert sign is not None
    assert sign.startswith("Redis has used 9")


async def test_evictions_are_a_sign_from_the_beginning_on_and_those_of_before_are_none(redis: Redis) -> None:
    async def evict() -> None:
        for number in range(200):
            await redis.set(f"value {number}", b"x" * 10_000)
        await redis.config_set("maxmemory-policy", "allkeys-lru")
        await redis.config_set("maxmemory", (await redis.info("memory"))["used_memory"] - 500_000)
        await redis.set("one more", b"x" * 100_000)
        await redis.config_set("maxmemory", 0)

    await evict()
    assert (await redis.info("stats"))["evicted_keys"] > 0
    watching = pressure(redis)
    assert await watching.sign() is None
    await evict()
    sign = await watching.sign()
    assert sign is not None
    assert sign.startswith("Redis evicts what it holds")
    assert await watching.sign() is None


async def test_redis_that_is_gone_is_a_sign(redis: Redis, redis_server: RedisServer) -> None:
    redis_server.kill()
    assert await pressure(redis).sign() == "Redis does not answer (ConnectionError)"


async def test_a_replica_that_is_away_or_lags_is_a_sign(redis: Redis) -> None:
    away = msgspec.structs.replace(REPLICA, healthy=False)
    late = msgspec.structs.replace(REPLICA, lag_seconds=2.6)
    assert await pressure(redis, PRIMARY, away).sign() == "db:5433 is not used, since it is away or lags"
    assert await pressure(redis, PRIMARY, late).sign() == "db:5433 lags 2.6 s behind"
    assert await pressure(redis, PRIMARY, msgspec.structs.replace(REPLICA, lag_seconds=2.5)).sign() is None


async def test_statements_that_take_thrice_as_long_twice_in_a_row_are_a_sign_whole_answers_are_none(
    redis: Redis,
) -> None:
    statistics = CacheStatistics()
    watching = pressure(redis, statistics=statistics)
    rows, answers, memory = (
        statistics.of(LOADER, "podcasts"),
        statistics.of(LOADER, "answers"),
        statistics.of(MEMORY, "podcasts"),
    )

    async def batch(seconds: float) -> str | None:
        rows.loads += 10
        rows.seconds += 10 * seconds
        answers.loads += 1
        answers.seconds += 100.0
        memory.hits += 10
        return await watching.sign()

    assert [await batch(0.030) for _ in range(6)] == [None] * 6
    assert await batch(0.095) is None
    assert await batch(0.095) == "the database takes 95 ms for what had taken 30 ms"


def test_one_slow_batch_is_none_and_what_is_always_slow_is_usual() -> None:
    times = LoadTimes()
    assert [times.slow(1, 0.5) for _ in range(6)] == [None] * 6
    assert [times.slow(1, seconds) for seconds in (2.0, 0.5, 2.0, 1.4)] == [None] * 4
    assert times.slow(1, 2.0) is None
    assert times.slow(1, 2.0) is not None


@pytest.mark.parametrize("seconds", [0.049, 0.050])
def test_statements_of_a_few_milliseconds_are_never_slow(seconds: float) -> None:
    times = LoadTimes()
    for _ in range(6):
        assert times.slow(1, 0.001) is None
    assert [times.slow(1, seconds) for _ in range(3)] == [None] * 3


def test_batches_that_loaded_nothing_say_nothing() -> None:
    times = LoadTimes()
    for _ in range(5):
        times.slow(1, 0.1)
    assert times.slow(1, 1.0) is None
    assert times.slow(0, 0.0) is None
    assert times.slow(1, 1.0) is not None
