"""The Redis tier: values that all processes share, as bytes that begin with the position that they cover.

aiocache's Redis backend reads them, in one MGET. It cannot write each with an expiry of its own, or lease: both are one
script (redis_tier.lua), one round trip for however many. Losing Redis costs latency, never a request: every failure is
counted and told to the coherence, and reads as nothing.
"""

from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import Any, Final

from aiocache import RedisCache  # type: ignore[import-untyped]  # aiocache has no types
from aiocache.serializers import BaseSerializer  # type: ignore[import-untyped]  # as above
from redis.asyncio import Redis
from redis.exceptions import RedisError

from ops.telemetry.logging import logger

LEASE_SECONDS: Final = 2.0
"""How long a lease lasts whose holder died."""

MOST_BYTES: Final = 1024 * 1024
"""A larger value is not sent."""

_SCRIPT: Final = files("cache").joinpath("redis_tier.lua")

log = logger(__name__)


class _Bytes(BaseSerializer):  # type: ignore[misc]  # aiocache has no types
    """Bytes in and out: what they mean is the business of `cache.kinds`."""

    DEFAULT_ENCODING = None

    def dumps(self, value: bytes) -> bytes:
        return value

    def loads(self, value: bytes | None) -> bytes | None:
        return value


class RedisTier:
    """`failed` hears of each failure; `name` is one that no other process has."""

    def __init__(self, redis: Redis, name: str, failed: Callable[[], None]) -> None:
        # Timeouts and the plugins' ceremony of aiocache's public calls are not wanted: the client has timeouts.
        self._backend: Any = RedisCache(serializer=_Bytes(), timeout=0, key_builder=lambda key, namespace: key)
        self._backend.client = redis
        self._script = redis.register_script(_SCRIPT.read_text(encoding="utf-8"))
        self._name = name
        self._failed = failed
        self.failures = 0

    async def recall(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """What Redis has, in the order of the keys; nothing if it does not answer."""
        try:
            found: list[bytes | None] = await self._backend.multi_get(keys)
        except (RedisError, OSError) as error:
            self._lost(error)
            return [None] * len(keys)
        return found

    async def lease(self, keys: Sequence[bytes]) -> dict[bytes, bytes | None]:
        """The keys that this process shall load, each with what is kept there by now; all if Redis does not answer."""
        try:
            granted = await self._script(keys=keys, args=["lease", self._name, int(LEASE_SECONDS * 1_000)])
        except (RedisError, OSError) as error:
            self._lost(error)
            return dict.fromkeys(keys)
        return {keys[index - 1]: value for index, value in zip(granted[::2], granted[1::2], strict=True)}

    async def give_back(self, keys: Sequence[bytes]) -> None:
        """Leases of this process; those of others stay."""
        try:
            await self._script(keys=keys, args=["give back", self._name])
        except (RedisError, OSError) as error:
            self._lost(error)

    async def keep(self, keys: Sequence[bytes], values: Sequence[bytes], seconds: float) -> None:
        """For about so long."""
        try:
            await self._script(keys=keys, args=["keep", max(1, int(seconds * 1_000)), *values])
        except (RedisError, OSError) as error:
            self._lost(error)

    def _lost(self, error: Exception) -> None:
        self.failures += 1
        self._failed()
        log.warning("cache.redis_failed", error=type(error).__name__)
