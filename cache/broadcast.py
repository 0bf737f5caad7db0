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
_POLL_SECONDS = 1.0
_QUEUE = 1_000
"""A subscriber that lags further behind loses its oldest messages."""

log = structlog.get_logger(__name__)


class _Envelope(msgspec.Struct, frozen=True):
    origin: str
    topic: str
    payload: bytes


class Broadcast:
    """Publishes bytes to topics and lets local subscribers listen. Other processes are heard within `running`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._origin = secrets.token_hex(8)
        self._queues: dict[str, set[asyncio.Queue[bytes]]] = {}
        self._connected = asyncio.Event()
        self.losses = 0
        """How often the connection that hears other processes was lost."""

    @property
    def topics(self) -> set[str]:
        """Topics with a subscriber in this process."""
        return set(self._queues)

    async def connected(self) -> None:
        """Waits until other processes are heard."""
        await self._connected.wait()

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

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Hears other processes within the block, through any loss of Redis."""
        listener = asyncio.create_task(self._run())
        try:
            yield
        finally:
            # More than once: Python 3.11's wait_for, within the client, loses a cancellation that meets a message.
            while not listener.done():
                listener.cancel()
                await asyncio.wait([listener], timeout=0.05)

    async def _run(self) -> None:
        while True:
            try:
                async with self._redis.pubsub(ignore_subscribe_messages=False) as channel:
                    await channel.subscribe(_CHANNEL)
                    while True:
                        message = await channel.get_message(timeout=_POLL_SECONDS)
                        if message is None:
                            continue
                        if message["type"] == "subscribe":
                            self._connected.set()
                        else:
                            self._receive(message["data"])
            except (RedisError, OSError) as error:
                self._connected.clear()
                self.losses += 1
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
