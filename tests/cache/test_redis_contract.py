"""What the in-process store and a Redis server both do, through the client that `open_redis` returns."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import ConnectionError, NoScriptError, RedisError, ResponseError

from cache.redis import open_redis

TAKE = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local bucket = redis.call('HMGET', KEYS[1], 'level', 'at')
local capacity, rate, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local level, at = tonumber(bucket[1]) or capacity, tonumber(bucket[2]) or now
level = math.min(capacity, level + (now - at) / 1000 * rate)
local granted = level >= wanted
if granted then level = level - wanted end
redis.call('HSET', KEYS[1], 'level', tostring(level), 'at', tostring(now))
redis.call('PEXPIRE', KEYS[1], 60000)
return {granted, tostring(level), now}
"""
"""A token bucket on the server's clock, as the cost bucket and the guess limiter need it."""


@pytest.fixture(params=["in-process", "server"])
async def redis(request: pytest.FixtureRequest) -> AsyncIterator[Redis]:
    url = None if request.param == "in-process" else request.getfixturevalue("redis_server").url
    client = open_redis(url, timeout=5.0)
    yield client
    await client.aclose()


@asynccontextmanager
async def subscription(redis: Redis, channel: str) -> AsyncIterator[PubSub]:
    """A subscription that is known to be in force."""
    async with redis.pubsub() as subscriber:
        await subscriber.subscribe(channel)
        assert await received(subscriber) == ("subscribe", 1)
        yield subscriber


async def received(subscriber: PubSub) -> tuple[str, Any] | None:
    async with asyncio.timeout(5):
        message = await subscriber.get_message(timeout=2)
    return None if message is None else (message["type"], message["data"])


async def test_value_comes_back_byte_for_byte(redis: Redis) -> None:
    assert await redis.set("key", b"\x00\xff\r\n") is True
    assert await redis.get("key") == b"\x00\xff\r\n"


async def test_missing_key_is_none(redis: Redis) -> None:
    assert await redis.get("missing") is None


async def test_set_if_absent_keeps_the_first_value(redis: Redis) -> None:
    assert await redis.set("lease", b"mine", nx=True, ex=10) is True
    assert await redis.set("lease", b"yours", nx=True, ex=10) is None
    assert await redis.get("lease") == b"mine"


async def test_expired_value_is_gone_and_may_be_set_again_if_absent(redis: Redis) -> None:
    await redis.set("key", b"value", px=20)
    assert 0 < await redis.pttl("key") <= 20
    await asyncio.sleep(0.03)  # the server's clock cannot be passed in
    assert await redis.get("key") is None
    assert await redis.set("key", b"next", nx=True) is True


async def test_expiry_in_seconds(redis: Redis) -> None:
    await redis.set("key", b"value", ex=10)
    assert await redis.ttl("key") == 10
    await redis.set("key", b"value")
    assert await redis.ttl("key") == -1
    assert await redis.ttl("missing") == -2


async def test_mget_answers_in_order_with_none_for_what_is_missing(redis: Redis) -> None:
    await redis.set("a", b"1")
    await redis.set("c", b"3")
    assert await redis.mget(["c", "b", "a"]) == [b"3", None, b"1"]


async def test_delete_counts_what_it_deleted(redis: Redis) -> None:
    await redis.set("a", b"1")
    assert await redis.delete("a", "b") == 1
    assert await redis.unlink("a") == 0


async def test_pipeline_answers_each_command_in_order(redis: Redis) -> None:
    async with redis.pipeline(transaction=False) as pipe:
        pipe.set("a", b"1")
        pipe.get("a")
        pipe.incrby("n", 5)
        pipe.mget(["a", "b"])
        pipe.pexpire("a", 5000)
        assert await pipe.execute() == [True, b"1", 5, [b"1", None], True]


async def test_failed_command_of_a_pipeline_leaves_the_others_done(redis: Redis) -> None:
    await redis.set("text", b"not a number")
    async with redis.pipeline(transaction=False) as pipe:
        pipe.set("a", b"1")
        pipe.incr("text")
        pipe.set("b", b"2")
        first, second, third = await pipe.execute(raise_on_error=False)
    assert (first, third) == (True, True)
    assert isinstance(second, ResponseError)
    assert await redis.mget(["a", "b"]) == [b"1", b"2"]


async def test_transaction_is_discarded_when_a_watched_key_changed(redis: Redis) -> None:
    async with redis.pipeline(transaction=True) as pipe:
        await pipe.watch("key")
        await redis.set("key", b"theirs")
        pipe.multi()  # type: ignore[no-untyped-call]  # redis-py left this one out
        pipe.set("key", b"mine")
        with pytest.raises(RedisError):
            await pipe.execute()
    assert await redis.get("key") == b"theirs"


async def test_script_uses_the_servers_clock_and_keeps_state(redis: Redis) -> None:
    take = redis.register_script(TAKE)
    granted, level, first = await take(keys=["bucket"], args=[100, 0, 70])
    assert (granted, level) == (1, b"30")
    granted, level, second = await take(keys=["bucket"], args=[100, 0, 70])
    assert (granted, level) == (None, b"30")
    assert abs(first / 1000 - time.time()) < 5
    assert second >= first
    assert 59_000 < await redis.pttl("bucket") <= 60_000


async def test_concurrent_runs_of_a_script_are_one_after_the_other(redis: Redis) -> None:
    take = redis.register_script(TAKE)
    results = await asyncio.gather(*(take(keys=["bucket"], args=[100, 0, 10]) for _ in range(30)))
    assert sum(granted == 1 for granted, _, _ in results) == 10


async def test_eval_runs_a_script_once(redis: Redis) -> None:
    assert await redis.eval("return {KEYS[1], ARGV[1], 7, 3.9, false}", 1, "k", "a") == [b"k", b"a", 7, 3, None]


async def test_unknown_script_is_named_as_such(redis: Redis) -> None:
    with pytest.raises(NoScriptError):
        await redis.evalsha("0" * 40, 0)


async def test_script_loaded_again_after_the_server_forgot_it(redis: Redis) -> None:
    take = redis.register_script(TAKE)
    await take(keys=["bucket"], args=[100, 0, 1])
    await redis.script_flush()
    assert (await take(keys=["bucket"], args=[100, 0, 1]))[1] == b"98"


async def test_error_inside_a_script_is_a_response_error(redis: Redis) -> None:
    await redis.set("text", b"value")
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        await redis.eval("return redis.call('HGET', KEYS[1], 'field')", 1, "text")


async def test_time_is_the_wall_clock(redis: Redis) -> None:
    seconds, microseconds = await redis.time()
    assert abs(seconds - time.time()) < 5
    assert 0 <= microseconds < 1_000_000


async def test_published_message_reaches_a_subscriber_byte_for_byte(redis: Redis) -> None:
    async with subscription(redis, "channel") as subscriber:
        assert await redis.publish("channel", b"\x00\xff") == 1
        assert await received(subscriber) == ("message", b"\x00\xff")


async def test_messages_arrive_in_the_order_of_publication(redis: Redis) -> None:
    async with subscription(redis, "channel") as subscriber:
        for number in range(50):
            await redis.publish("channel", str(number).encode())
        assert [await received(subscriber) for _ in range(50)] == [("message", str(n).encode()) for n in range(50)]


async def test_nobody_hears_a_channel_without_subscribers(redis: Redis) -> None:
    async with subscription(redis, "channel"):
        assert await redis.publish("another", b"message") == 0


async def test_waiting_for_a_message_ends_at_its_timeout(redis: Redis) -> None:
    async with subscription(redis, "channel") as subscriber, asyncio.timeout(5):
        assert await subscriber.get_message(timeout=0.02) is None


async def test_waiting_subscriber_hears_a_message_published_meanwhile(redis: Redis) -> None:
    async with subscription(redis, "channel") as subscriber:
        waiting = asyncio.create_task(received(subscriber))
        await asyncio.sleep(0.02)
        await redis.publish("channel", b"late")
        assert await waiting == ("message", b"late")


async def test_subscriber_that_lost_its_connection_subscribes_anew(redis: Redis) -> None:
    async with subscription(redis, "channel") as subscriber:
        assert subscriber.connection is not None
        await subscriber.connection.disconnect()
        assert await received(subscriber) == ("subscribe", 1)
        await redis.publish("channel", b"after")
        assert await received(subscriber) == ("message", b"after")


async def test_more_tasks_than_connections_are_all_served(redis: Redis) -> None:
    await asyncio.gather(*(redis.incr("n") for _ in range(500)))
    assert await redis.get("n") == b"500"


async def test_stores_of_two_clients_in_one_process_share_nothing() -> None:
    one, other = open_redis(None), open_redis(None)
    await one.set("key", b"mine")
    assert await other.get("key") is None
    await one.aclose()
    await other.aclose()


async def test_refused_connection_is_a_redis_error() -> None:
    client = open_redis("redis://127.0.0.1:1/0")
    with pytest.raises(ConnectionError):
        await client.get("key")
    await client.aclose()
