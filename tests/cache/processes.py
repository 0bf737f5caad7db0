"""What one process has of the cache: its own connection to Redis, its own memory, its own coherence."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import msgspec
from redis.asyncio import Redis

from cache.coherence import Moment
from cache.kinds import Kind
from cache.memory import Memory, Shelf
from cache.redis import open_redis
from cache.redis_tier import RedisTier
from cache.shared_coherence import CoherenceTimes, SharedCoherence
from cache.statistics import CacheStatistics
from cache.tags import Tag
from cache.tiers import Cache, Fetched, Loaded
from tests.cache.primary import ScriptedPrimary

TENANT = 7
OTHER_TENANT = 8
TABLE = "podcasts"
QUICK = CoherenceTimes(behind=0.5, young=0.3, beat=0.05, retry=0.02)


class Podcast(msgspec.Struct, frozen=True):
    id: int
    title: str
    created_at: datetime = datetime(2026, 11, 1, tzinfo=UTC)


PODCAST = Kind[Podcast | None]("podcast", Podcast | None, table=TABLE)
TITLES = Kind[list[str]]("titles", list[str])


def whole(tenant_id: int = TENANT, table: str = TABLE) -> list[Tag]:
    return [(tenant_id, table, 0)]


def row(row_id: int, tenant_id: int = TENANT) -> list[Tag]:
    return [(tenant_id, TABLE, row_id)]


class Loads:
    """A load of podcasts that counts; their titles are what `title` says, None what is not there."""

    def __init__(self, primary: ScriptedPrimary, title: str = "first") -> None:
        self.primary = primary
        self.title: str | None = title
        self.keys: list[list[int]] = []
        self.position: int | None = None
        """Of a lagging replica; None: the primary's."""
        self.held: asyncio.Event | None = None
        """Loads that have read wait for it."""

    @property
    def count(self) -> int:
        return len(self.keys)

    async def __call__(self, keys: list[int]) -> Loaded[Podcast | None]:
        self.keys.append(keys)
        position = self.primary.position if self.position is None else self.position
        values = [None if self.title is None else Podcast(key, self.title) for key in keys]
        if self.held is not None:
            await self.held.wait()
        return Loaded(values, whole(), position)


class Process:
    def __init__(
        self, redis: Redis, primary: ScriptedPrimary, clock: Callable[[], float], times: CoherenceTimes
    ) -> None:
        self.redis = redis
        self.primary = primary
        self.coherence = SharedCoherence(redis, primary, primary.unheard_writes, clock, times)
        self.statistics = CacheStatistics()
        self.memory = Memory(1 << 20, self.statistics, time.monotonic, lambda: 0.5)
        self.cache = Cache(
            self.coherence, self.memory, RedisTier(redis, f"p{id(self)}", self.coherence.failed), self.statistics
        )

    @property
    def shelf(self) -> Shelf[Podcast | None]:
        return self.cache.shelf(PODCAST, TENANT)

    async def trusted(self) -> Moment:
        """The first moment that is."""
        async with asyncio.timeout(10):
            while not (moment := await self.coherence.moment()).trusted:
                await asyncio.sleep(0.01)
        return moment

    async def fetched(self, loads: Loads, *keys: int) -> Fetched[Podcast | None]:
        """As an operation of its own."""
        return await self.cache.fetch(self.shelf, keys, loads, await self.coherence.moment())

    async def titles(self, loads: Loads, *keys: int) -> list[str | None]:
        return [podcast.title if podcast else None for podcast in (await self.fetched(loads, *keys)).values]

    async def forget_memory(self) -> None:
        """Redis has all that was loaded, memory has nothing."""
        await self.cache.settled()
        self.memory.forget_all()

    async def write(self, *tags: Tag) -> int:
        """One that is committed; where it went."""
        announcement = await self.coherence.announced(tags)
        position = self.primary.position + 8
        await announcement.done(position)
        return position


@asynccontextmanager
async def process(
    url: str,
    primary: ScriptedPrimary,
    clock: Callable[[], float] = time.monotonic,
    times: CoherenceTimes = QUICK,
) -> AsyncIterator[Process]:
    """One that trusts what it keeps."""
    redis = open_redis(url)
    try:
        one = Process(redis, primary, clock, times)
        async with one.coherence.running():
            await one.trusted()
            yield one
            await one.cache.settled()
    finally:
        await redis.aclose()
