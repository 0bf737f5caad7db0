"""How often something may be tried: counted in Redis for all processes, and in this one while Redis is away.

A window begins with a subject's first guess and ends by itself; then the subject has all its guesses again. Subjects
(emails, hashes of addresses) are stored as keyed hashes.
"""

import asyncio
import hmac
import time
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final, TypeVar

import msgspec
from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from limits.aio.strategies import FixedWindowRateLimiter
from limits.errors import StorageError
from redis.asyncio import Redis

from ops.telemetry.logging import logger
from resolvers.errors import TooManyAttempts
from resolvers.identity.ports import Guess

LIMITS: Final[Mapping[Guess, RateLimitItem]] = MappingProxyType(
    {
        Guess.LOGIN_BY_ADDRESS: RateLimitItemPerMinute(100, 10),
        Guess.LOGIN_BY_ACCOUNT_AND_ADDRESS: RateLimitItemPerMinute(10, 15),
        Guess.LOGIN_BY_ACCOUNT_ELSEWHERE: RateLimitItemPerMinute(20, 15),
        Guess.REGISTER_BY_ADDRESS: RateLimitItemPerHour(30),
        Guess.REFRESH_BY_ADDRESS: RateLimitItemPerMinute(100, 10),
        Guess.INVITE_BY_ADDRESS: RateLimitItemPerMinute(20, 10),
    }
)
"""An office behind one address stays far below these; a guesser does not get far with them."""

TIMEOUT: Final = 0.5
"""Seconds that Redis has for one answer."""

log = logger(__name__)

T = TypeVar("T")


class Guesses:
    """Implements `resolvers.identity.ports.GuessLimits`. Without `redis` each process counts for itself."""

    def __init__(self, key: str, redis: Redis | None, limits: Mapping[Guess, RateLimitItem] = LIMITS) -> None:
        self._key = key.encode()
        self._limits = limits
        self._local = FixedWindowRateLimiter(MemoryStorage())
        self._shared = FixedWindowRateLimiter(_storage(redis)) if redis is not None else None

    async def admit(self, guess: Guess, *subject: str) -> None:
        """Counts before the outcome is known, so that guesses side by side count too. Raises TooManyAttempts."""
        limit, name = self._limits[guess], self._name(guess, subject)
        retry_after = await self._everywhere(lambda limiter: _hit(limiter, limit, name))
        if retry_after is not None:
            raise TooManyAttempts(f"Too many attempts: try again in {round(retry_after)} seconds.", retry_after)

    async def forgive(self, guess: Guess, *subject: str) -> None:
        limit, name = self._limits[guess], self._name(guess, subject)
        await self._everywhere(lambda limiter: limiter.clear(limit, name))

    async def _everywhere(self, work: Callable[[FixedWindowRateLimiter], Awaitable[T]]) -> T:
        if self._shared is not None:
            try:
                async with asyncio.timeout(TIMEOUT):
                    return await work(self._shared)
            # Redis is an optimisation here: without it each process counts for itself.
            except (StorageError, OSError, TimeoutError) as error:
                log.warning("guess_limits.redis_failed", error=type(error).__name__)
        return await work(self._local)

    def _name(self, guess: Guess, subject: tuple[str, ...]) -> str:
        digest = hmac.digest(self._key, msgspec.json.encode(subject), "sha256")
        return f"{guess.name.lower()}:{digest.hex()[:32]}"


def _storage(redis: Redis) -> Storage:
    return RedisStorage(
        "async+redis://",
        wrap_exceptions=True,
        implementation="redispy",
        key_prefix="podgraph:guesses",
        connection_pool=redis.connection_pool,  # type: ignore[arg-type]  # typed for URLs' options, documented for pools
    )


async def _hit(limiter: FixedWindowRateLimiter, limit: RateLimitItem, name: str) -> float | None:
    """None if the guess is admitted, else the seconds until the window ends."""
    if await limiter.hit(limit, name):
        return None
    reset = (await limiter.get_window_stats(limit, name)).reset_time
    return max(1.0, round(reset - time.time(), 1))
