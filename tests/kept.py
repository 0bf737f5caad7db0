"""Processes that keep what they read, for tests: a database of their own, its watch, a coherence and a cache."""

import asyncio
import random
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from cache.coherence import Coherence
from cache.local_coherence import LocalCoherence
from cache.memory import Memory
from cache.redis import open_redis
from cache.redis_tier import RedisTier
from cache.shared_coherence import CoherenceTimes, SharedCoherence
from cache.statistics import CacheStatistics
from cache.tiers import Cache
from persistence.database import Database, open_database
from persistence.positions import Position
from resolvers.context import RequestContext, Services
from resolvers.keeping import Keeper, Kinds
from resolvers.policy import Viewer
from resolvers.sight import NOTHING_DEMANDED, Demand, begun

SECONDS = 300.0


class Calm:
    """What is known of a primary that nobody else writes to, also when the machine is too busy to ask it in time.

    A `cache.coherence.Primary`; `fresh` is False where a test says so.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.fresh = True
        self.unheard = False
        self.doubt = 0

    @property
    def position(self) -> Position:
        return self._database.watch.position

    def heard(self, position: Position) -> None:
        self._database.watch.heard(position)


class Process(msgspec.Struct, frozen=True):
    """Services that keep, and what they know of the primary."""

    services: Services
    primary: Calm


def keeper(database: Database, coherence: Coherence, tier: RedisTier | None = None) -> Keeper:
    """What keeps in memory, without a bound that tests would meet, and in Redis, if there is a tier."""
    statistics = CacheStatistics()
    memory = Memory(64 * 1024 * 1024, statistics, time.monotonic, random.Random(1).random)  # noqa: S311  # no secret
    return Keeper(Cache(coherence, memory, tier, statistics), Kinds(SECONDS), database.projections)


@asynccontextmanager
async def keeping_process(services: Services, app_url: str) -> AsyncIterator[Process]:
    """The same process, with a database whose writes it announces to itself, and with caches."""
    database = open_database(app_url, pool_size=4, statement_timeout=10)
    try:
        async with database.watch.running():
            primary = Calm(database)
            coherence = LocalCoherence(primary, time.monotonic)
            database.announcer = coherence
            kept = keeper(database, coherence)
            yield Process(
                msgspec.structs.replace(services, database=database, coherence=coherence, keeper=kept), primary
            )
    finally:
        await database.close()


@asynccontextmanager
async def sharing_process(services: Services, app_url: str, redis_url: str) -> AsyncIterator[Process]:
    """One of several processes with one Redis: it hears what the others write."""
    database = open_database(app_url, pool_size=4, statement_timeout=10)
    redis = open_redis(redis_url)
    try:
        async with database.watch.running():
            primary = Calm(database)
            times = CoherenceTimes(behind=2.0, young=0.05, beat=0.05, retry=0.02)
            coherence = SharedCoherence(redis, primary, database.unheard_writes, time.monotonic, times)
            database.announcer = coherence
            tier = RedisTier(redis, secrets.token_hex(4), coherence.failed)
            async with coherence.running():
                async with asyncio.timeout(10):
                    while not (await coherence.moment()).trusted:
                        await asyncio.sleep(0.01)
                kept = keeper(database, coherence, tier)
                yield Process(
                    msgspec.structs.replace(services, database=database, coherence=coherence, keeper=kept), primary
                )
    finally:
        await redis.aclose()
        await database.close()


@asynccontextmanager
async def keeping_services(services: Services, app_url: str) -> AsyncIterator[Services]:
    """Those of such a process."""
    async with keeping_process(services, app_url) as process:
        yield process.services


async def seeing(services: Services, viewer: Viewer | None, demand: Demand = NOTHING_DEMANDED) -> RequestContext:
    """The context of an operation that begins now, as the gateway makes one."""
    assert services.coherence is not None
    return RequestContext(services, viewer, sight=await begun(services.coherence, demand))
