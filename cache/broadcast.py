"""Messages to the subscribers of all processes, through Redis pub/sub.

A process hands a message to its own subscribers at once and to the others through Redis, so that losing Redis costs
only what other processes say. Delivery is at most once: a lost message costs a subscriber one refresh.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import msgspec
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

_CHANNEL = "podgraph:broadcast"
_RECONNECT_SECONDS = 1.0
_QUEUE = 1_000
"""A subscriber that lags further behind loses its oldest messages."""

log = structlog.get_logger(__name__)


class _Envelope(msgspec.Struct, frozen=True):
    origin: str
    topic: str
    payload: bytes


class Broadcast:
    """Publishes bytes to topics and lets local subscribers listen. `run` must be running to hear other processes."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._origin = secrets.token_hex(8)
        self._queues: dict[str, set[asyncio.Queue[bytes]]] = {}

    async def publish(self, topic: str, payload: bytes) -> None:
        self._deliver(topic, payload)
        message = msgspec.msgpack.encode(_Envelope(self._origin, topic, payload))
        try:
            await self._redis.publish(_CHANNEL, message)
        except (RedisError, OSError) as error:
            log.warning("broadcast.publish_failed", error=type(error).__name__)

    @asynccontextmanager
    async def listen(self, topic: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """Everything published to the topic from now on."""
        queue: asyncio.Queue[bytes] = asyncio.Queue(_QUEUE)
        self._queues.setdefault(topic, set()).add(queue)
        try:
            yield _messages(queue)
        finally:
            queues = self._queues[topic]
            queues.discard(queue)
            if not queues:
                del self._queues[topic]

    async def run(self) -> None:
        """Hears other processes until cancelled, through any loss of Redis."""
        while True:
            try:
                async with self._redis.pubsub(ignore_subscribe_messages=True) as channel:
                    await channel.subscribe(_CHANNEL)
                    async for message in channel.listen():
                        self._receive(message["data"])
            except (RedisError, OSError) as error:
                log.warning("broadcast.connection_lost", error=type(error).__name__)
                await asyncio.sleep(_RECONNECT_SECONDS)

    def _receive(self, data: bytes) -> None:
        with suppress(msgspec.MsgspecError):
            envelope = msgspec.msgpack.decode(data, type=_Envelope)
            if envelope.origin != self._origin:
                self._deliver(envelope.topic, envelope.payload)

    def _deliver(self, topic: str, payload: bytes) -> None:
        for queue in self._queues.get(topic, ()):
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(payload)


async def _messages(queue: asyncio.Queue[bytes]) -> AsyncIterator[bytes]:
    while True:
        yield await queue.get()
