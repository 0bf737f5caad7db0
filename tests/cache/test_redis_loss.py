"""Losing the Redis server: quick errors, no silent retry, and service again when it is back."""

import asyncio
from collections.abc import AsyncIterator
from time import monotonic

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError, RedisError, TimeoutError

from cache.redis import TIMEOUT, open_redis
from tests.services.redis_server import RedisServer


@pytest.fixture
async def redis(redis_server: RedisServer) -> AsyncIterator[Redis]:
    client = open_redis(redis_server.url)
    yield client
    await client.aclose()


async def test_command_to_a_dead_server_is_a_redis_error(redis: Redis, redis_server: RedisServer) -> None:
    await redis.set("key", b"value")
    redis_server.kill()
    with pytest.raises(ConnectionError):
        await redis.get("key")


async def test_first_command_after_a_restart_succeeds(redis: Redis, redis_server: RedisServer) -> None:
    await redis.set("key", b"value")
    redis_server.restart()
    await asyncio.sleep(0.02)  # the end of the old connection has reached us
    assert await redis.get("key") is None


async def test_hanging_server_costs_no_more_than_the_timeout(redis: Redis, redis_server: RedisServer) -> None:
    await redis.set("key", b"value")
    redis_server.pause()
    begin = monotonic()
    with pytest.raises(TimeoutError):
        await redis.get("key")
    assert TIMEOUT <= monotonic() - begin < 4 * TIMEOUT
    redis_server.resume()
    assert await redis.get("key") == b"value"


async def test_more_callers_than_connections_all_fail_in_time_while_the_server_hangs(
    redis: Redis, redis_server: RedisServer
) -> None:
    redis_server.pause()
    begin = monotonic()
    results = await asyncio.gather(*(redis.get("key") for _ in range(200)), return_exceptions=True)
    assert all(isinstance(result, RedisError) for result in results)
    assert monotonic() - begin < 12 * TIMEOUT
    redis_server.resume()


async def test_script_whose_answer_was_lost_is_not_run_again(redis: Redis, redis_server: RedisServer) -> None:
    count = redis.register_script("return redis.call('INCR', KEYS[1])")
    assert await count(keys=["n"]) == 1
    redis_server.pause()
    with pytest.raises(TimeoutError):
        await count(keys=["n"])
    redis_server.resume()
    async with asyncio.timeout(5):
        await _answered(redis)
    assert await redis.get("n") == b"2"


async def _answered(redis: Redis) -> None:
    """Returns when the server has caught up: it serves connections in the order in which they became readable."""
    await redis.ping()
    await redis.ping()


async def test_subscriber_hears_of_the_loss_and_then_of_new_messages(redis: Redis, redis_server: RedisServer) -> None:
    async with redis.pubsub() as subscriber, asyncio.timeout(10):
        await subscriber.subscribe("channel")
        assert (await subscriber.get_message(timeout=2) or {})["type"] == "subscribe"
        redis_server.kill()
        with pytest.raises(ConnectionError):
            await subscriber.get_message(timeout=2)
        redis_server.start()
        assert (await subscriber.get_message(timeout=2) or {})["type"] == "subscribe"
        await redis.publish("channel", b"back")
        assert (await subscriber.get_message(timeout=2) or {})["data"] == b"back"


async def test_subscriber_of_a_server_that_restarted_at_once_still_hears_of_the_loss(
    redis: Redis, redis_server: RedisServer
) -> None:
    async with redis.pubsub() as subscriber, asyncio.timeout(10):
        await subscriber.subscribe("channel")
        assert (await subscriber.get_message(timeout=2) or {})["type"] == "subscribe"
        redis_server.restart()
        with pytest.raises(ConnectionError):
            await subscriber.get_message(timeout=2)
        assert (await subscriber.get_message(timeout=2) or {})["type"] == "subscribe"
