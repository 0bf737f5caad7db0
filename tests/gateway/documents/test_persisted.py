"""Persisted queries: the same in process and over a Redis server, bounded, and without Redis too."""

import hashlib
from collections.abc import AsyncIterator

import pytest
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from cache.redis import open_redis
from gateway.documents.persisted import KEYS, RETRY_SECONDS, SPARE_BYTES, PersistedLimits, PersistedQueries
from ops.telemetry.metrics import PersistedMetrics
from tests.services.redis_server import RedisServer

DAY = 86_400


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Process:
    """A process's persisted queries, and what it counted."""

    def __init__(self, redis: Redis, limits: PersistedLimits | None = None) -> None:
        self.clock = Clock()
        self.registry = CollectorRegistry()
        limits = limits or PersistedLimits(kept_seconds=7 * DAY)
        self.queries = PersistedQueries(redis, limits, PersistedMetrics(self.registry), self.clock)

    def counted(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(f"podgraph_persisted_query_{name}_total", labels) or 0.0


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture(params=["in-process", "server"])
async def redis(request: pytest.FixtureRequest) -> AsyncIterator[Redis]:
    url = None if request.param == "in-process" else request.getfixturevalue("redis_server").url
    client = open_redis(url, timeout=5.0)
    yield client
    await client.aclose()


async def test_what_one_process_keeps_another_finds(redis: Redis) -> None:
    one, other = Process(redis), Process(redis)
    assert await other.queries.text(digest("{ ä }")) is None
    await one.queries.keep(digest("{ ä }"), "{ ä }")
    assert await other.queries.text(digest("{ ä }")) == "{ ä }"
    assert await other.queries.text(digest("{ ä }")) == "{ ä }"
    found = {outcome: other.counted("lookups", outcome=outcome) for outcome in ("miss", "redis", "process")}
    assert found == {"miss": 1, "redis": 1, "process": 1}


async def test_what_is_not_used_for_as_long_as_it_is_kept_is_gone(redis: Redis) -> None:
    await Process(redis).queries.keep(digest("{ a }"), "{ a }")
    await redis.zincrby(KEYS[1], -7 * DAY - 1, digest("{ a }"))
    assert await Process(redis).queries.text(digest("{ a }")) is None
    await Process(redis).queries.keep(digest("{ b }"), "{ b }")
    assert await redis.hkeys(KEYS[0]) == [b"bytes", digest("{ b }").encode()]
    assert await redis.hget(KEYS[0], "bytes") == str(5 + SPARE_BYTES).encode()


async def test_use_keeps_it(redis: Redis) -> None:
    await Process(redis).queries.keep(digest("{ a }"), "{ a }")
    await redis.zincrby(KEYS[1], -6 * DAY, digest("{ a }"))
    assert await Process(redis).queries.text(digest("{ a }")) == "{ a }"
    await redis.zincrby(KEYS[1], -6 * DAY, digest("{ a }"))
    assert await Process(redis).queries.text(digest("{ a }")) == "{ a }"


async def test_process_that_has_it_tells_redis_every_hour_also_one_that_lost_everything(redis: Redis) -> None:
    process = Process(redis)
    await process.queries.keep(digest("{ a }"), "{ a }")
    await redis.flushall()
    assert await process.queries.text(digest("{ a }")) == "{ a }"
    assert await Process(redis).queries.text(digest("{ a }")) is None
    process.clock.now += 3601
    assert await process.queries.text(digest("{ a }")) == "{ a }"
    assert await Process(redis).queries.text(digest("{ a }")) == "{ a }"


async def test_bytes_are_bounded_and_the_least_recently_used_goes_first(redis: Redis) -> None:
    limits = PersistedLimits(kept_seconds=DAY, redis_bytes=3 * (SPARE_BYTES + 10))
    process = Process(redis, limits)
    texts = [f"{{ a{n} }}" for n in range(6)]
    for number, text in enumerate(texts):
        await process.queries.keep(digest(text), text)
        await redis.zincrby(KEYS[1], number - 100, digest(text))
    found = [await Process(redis).queries.text(digest(text)) for text in texts]
    assert found == [None, None, None, *texts[3:]]


async def test_bytes_in_the_process_are_bounded(redis: Redis) -> None:
    process = Process(redis, PersistedLimits(kept_seconds=DAY, process_bytes=2 * (SPARE_BYTES + 10)))
    texts = [f"{{ a{n} }}" for n in range(4)]
    for text in texts:
        await process.queries.keep(digest(text), text)
    await redis.flushall()
    assert [await process.queries.text(digest(text)) for text in texts] == [None, None, *texts[2:]]


async def test_half_evicted_store_begins_anew(redis: Redis) -> None:
    await Process(redis).queries.keep(digest("{ a }"), "{ a }")
    await redis.delete(KEYS[1])
    await Process(redis).queries.keep(digest("{ b }"), "{ b }")
    assert await redis.hlen(KEYS[0]) == 2
    await redis.delete(KEYS[0])
    await Process(redis).queries.keep(digest("{ a }"), "{ a }")
    assert await redis.zcard(KEYS[1]) == 1
    assert await redis.hget(KEYS[0], "bytes") == str(5 + SPARE_BYTES).encode()


async def test_text_that_is_not_of_its_hash_is_not_served(redis: Redis) -> None:
    await Process(redis).queries.keep(digest("{ a }"), "{ a }")
    await redis.hset(KEYS[0], digest("{ a }"), "mutation { steal }")
    assert await Process(redis).queries.text(digest("{ a }")) is None


async def test_without_redis_the_process_serves_what_it_has(redis_server: RedisServer) -> None:
    redis = open_redis(redis_server.url, timeout=1.0)
    process = Process(redis)
    await process.queries.keep(digest("{ a }"), "{ a }")
    redis_server.kill()
    process.clock.now += 3601
    assert await process.queries.text(digest("{ a }")) == "{ a }"
    assert process.counted("redis_failures") == 1
    await process.queries.keep(digest("{ b }"), "{ b }")
    assert await process.queries.text(digest("{ b }")) == "{ b }"
    assert await process.queries.text(digest("{ c }")) is None
    assert process.counted("redis_failures") == 1
    redis_server.start()
    process.clock.now += RETRY_SECONDS
    assert await process.queries.text(digest("{ b }")) == "{ b }"
    assert await Process(redis).queries.text(digest("{ b }")) == "{ b }"
    await redis.aclose()
