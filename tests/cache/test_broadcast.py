"""Messages between processes, with a real Redis and without one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cache.broadcast import Broadcast
from cache.redis import open_redis
from tests.services.redis_server import RedisServer


@asynccontextmanager
async def process(url: str | None) -> AsyncIterator[Broadcast]:
    """What one process has: its own connection and its own listener."""
    redis = open_redis(url)
    broadcast = Broadcast(redis)
    async with broadcast.running():
        await broadcast.connected()
        yield broadcast
    await redis.aclose()


async def heard_again(broadcast: Broadcast) -> None:
    """After a loss: waits until it was noticed and mended."""
    async with asyncio.timeout(5):
        while not broadcast.losses:
            await asyncio.sleep(0.01)
        await broadcast.connected()


async def next_of(messages: AsyncIterator[bytes]) -> bytes:
    async with asyncio.timeout(5):
        return await anext(messages)


async def test_message_reaches_subscribers_of_its_topic_in_another_process(redis_server: RedisServer) -> None:
    async with (
        process(redis_server.url) as one,
        process(redis_server.url) as other,
        other.listen("campaigns") as messages,
        other.listen("podcasts") as quiet,
    ):
        await one.publish("campaigns", b"first")
        await one.publish("campaigns", b"second")
        assert [await next_of(messages), await next_of(messages)] == [b"first", b"second"]
        await one.publish("podcasts", b"third")
        assert await next_of(quiet) == b"third"


async def test_own_message_arrives_once(redis_server: RedisServer) -> None:
    async with process(redis_server.url) as one, one.listen("topic") as messages:
        await one.publish("topic", b"1")
        await one.publish("topic", b"2")
        assert [await next_of(messages), await next_of(messages)] == [b"1", b"2"]


async def test_own_subscribers_are_served_while_redis_is_gone(redis_server: RedisServer) -> None:
    async with process(redis_server.url) as one, one.listen("topic") as messages:
        redis_server.kill()
        await one.publish("topic", b"alone")
        assert await next_of(messages) == b"alone"


async def test_listener_hears_again_after_redis_restarts(redis_server: RedisServer) -> None:
    async with process(redis_server.url) as one, process(redis_server.url) as other, other.listen("topic") as messages:
        redis_server.kill()
        redis_server.start()
        await heard_again(one)
        await heard_again(other)
        await one.publish("topic", b"back")
        assert await next_of(messages) == b"back"


async def test_quiet_connection_is_kept(redis_server: RedisServer) -> None:
    async with process(redis_server.url) as one, process(redis_server.url) as other, other.listen("topic") as messages:
        await asyncio.sleep(0.6)  # longer than any command may take
        assert other.losses == 0
        await one.publish("topic", b"still here")
        assert await next_of(messages) == b"still here"


async def test_subscriber_that_lags_loses_its_oldest_messages() -> None:
    async with process(None) as one, one.listen("topic") as messages:
        for number in range(1_005):
            await one.publish("topic", str(number).encode())
        assert await next_of(messages) == b"5"


async def test_topic_without_subscribers_is_forgotten() -> None:
    async with process(None) as one:
        async with one.listen("topic"):
            assert one.topics == {"topic"}
        assert one.topics == set()
