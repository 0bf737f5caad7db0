"""Automatic persisted queries: texts that clients have sent once, by their SHA-256, so that the hash is enough.

They lie in Redis, where all processes see them, with the latest in each process. They save bandwidth and protect
nothing; a hash that is not found is sent again with its text, so that losing them all costs one request each.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from ops.telemetry.logging import logger
from ops.telemetry.metrics import PersistedMetrics

KEYS: Final = ("podgraph:{persisted}:texts", "podgraph:{persisted}:used")
"""Texts by hash, with their bytes in all under 'bytes'; and when each was used last. One slot of a cluster."""

SPARE_BYTES: Final = 512
"""What a text is taken to cost beside itself."""

RETRY_SECONDS: Final = 1.0
"""How long a process does without Redis once it has failed: not every request waits for it."""

_FETCH: Final = """
local now = tonumber(redis.call('TIME')[1])
local used = redis.call('ZSCORE', KEYS[2], ARGV[1])
if not used or tonumber(used) < now - tonumber(ARGV[2]) then return false end
redis.call('ZADD', KEYS[2], now, ARGV[1])
return redis.call('HGET', KEYS[1], ARGV[1])
"""
"""ARGV: the hash, the seconds that a text is kept after its last use."""

_STORE: Final = """
local now = tonumber(redis.call('TIME')[1])
local kept, most, spare = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local texts = redis.call('HLEN', KEYS[1])
-- Redis may have evicted one of the two: what cannot be found must not stay.
if math.max(texts - 1, 0) ~= redis.call('ZCARD', KEYS[2]) then redis.call('DEL', KEYS[1], KEYS[2]) end
local bytes = tonumber(redis.call('HGET', KEYS[1], 'bytes') or '0')
if redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2]) == 1 then bytes = bytes + #ARGV[2] + spare end
redis.call('ZADD', KEYS[2], now, ARGV[1])
local function drop(hash)
    bytes = bytes - #redis.call('HGET', KEYS[1], hash) - spare
    redis.call('HDEL', KEYS[1], hash)
    redis.call('ZREM', KEYS[2], hash)
end
local unused = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', '(' .. (now - kept), 'LIMIT', 0, 100)
for _, hash in ipairs(unused) do drop(hash) end
while bytes > most do drop(redis.call('ZRANGE', KEYS[2], 0, 0)[1]) end
redis.call('HSET', KEYS[1], 'bytes', bytes)
redis.call('EXPIRE', KEYS[1], kept)
redis.call('EXPIRE', KEYS[2], kept)
return bytes
"""
"""ARGV: the hash, the text, the seconds that a text is kept, the most bytes in all, the spare bytes of each."""

T = TypeVar("T")

log = logger(__name__)


class PersistedLimits(msgspec.Struct, frozen=True):
    """How long a text is kept after its last use, and how many bytes of texts, here and in Redis."""

    kept_seconds: int
    process_bytes: int = 4 * 1024 * 1024
    redis_bytes: int = 64 * 1024 * 1024

    @property
    def touch_seconds(self) -> float:
        """How often a process tells Redis that a text is in use, at most."""
        return min(3600.0, self.kept_seconds / 10)


class _Kept(msgspec.Struct):
    text: str
    size: int
    touched: float


class PersistedQueries:
    """Texts by the lower-case hexadecimal SHA-256 of their UTF-8. Never raises because Redis is gone.

    `clock` counts seconds, from anywhere.
    """

    def __init__(
        self, redis: Redis, limits: PersistedLimits, metrics: PersistedMetrics, clock: Callable[[], float]
    ) -> None:
        self._fetch = redis.register_script(_FETCH)
        self._store = redis.register_script(_STORE)
        self._limits = limits
        self._metrics = metrics
        self._clock = clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._bytes = 0
        self._retry_at = float("-inf")

    async def text(self, digest: str) -> str | None:
        """The text of this hash, which is used by that; None where it is not known."""
        kept = self._kept.get(digest)
        if kept is not None:
            self._metrics.lookups.labels("process").inc()
            await self.keep(digest, kept.text)
            return kept.text
        arguments = (digest, self._limits.kept_seconds)
        found = await self._asked(lambda: self._fetch(keys=KEYS, args=arguments))
        if found is None or hashlib.sha256(found).hexdigest() != digest:
            self._metrics.lookups.labels("miss").inc()
            return None
        self._metrics.lookups.labels("redis").inc()
        text: str = found.decode()
        self._note(digest, text)
        return text

    async def keep(self, digest: str, text: str) -> None:
        """Keeps a valid document's text, whose hash this is. Tells Redis from time to time, which may have lost it."""
        kept = self._kept.get(digest)
        if kept is not None and self._clock() - kept.touched < self._limits.touch_seconds:
            self._kept.move_to_end(digest)
            return
        self._note(digest, text)
        limits = self._limits
        arguments = (digest, text.encode(), limits.kept_seconds, limits.redis_bytes, SPARE_BYTES)
        if await self._asked(lambda: self._store(keys=KEYS, args=arguments)) is None and digest in self._kept:
            self._kept[digest].touched = float("-inf")

    def _note(self, digest: str, text: str) -> None:
        size = len(text.encode()) + SPARE_BYTES
        before = self._kept.pop(digest, None)
        self._kept[digest] = _Kept(text, size, self._clock())
        self._bytes += size - (before.size if before else 0)
        while self._bytes > self._limits.process_bytes:
            _, gone = self._kept.popitem(last=False)
            self._bytes -= gone.size

    async def _asked(self, question: Callable[[], Awaitable[T]]) -> T | None:
        """Redis' answer; None when it has failed just now."""
        if self._clock() < self._retry_at:
            return None
        try:
            return await question()
        # Redis is an optimisation here: losing it costs a client's second request, never an answer.
        except RedisError as error:
            self._retry_at = self._clock() + RETRY_SECONDS
            self._metrics.failures.inc()
            log.warning("persisted_queries.redis_failed", error=type(error).__name__)
            return None
