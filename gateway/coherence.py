"""Which way a process tells others what it writes and hears what they write, and with it what it may keep."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis

from cache.coherence import Coherence
from cache.local_coherence import LocalCoherence
from cache.shared_coherence import SharedCoherence
from cache.unheard_announcer import UnheardAnnouncer
from ops.telemetry.logging import logger
from persistence.database import Database

log = logger(__name__)


@asynccontextmanager
async def open_coherence(database: Database, redis: Redis | None, *, keeping: bool) -> AsyncIterator[Coherence | None]:
    """Within the block the database's writes are heard, or everybody who keeps anything knows that they are not.

    Processes with one Redis hear each other. Without Redis, a process that is to be `keeping` what it reads may do so
    as long as no other one does. None: nothing may be kept. Raises DatabaseUnavailable.
    """
    if redis is not None:
        async with database.caching(exclusive=False) as heard:
            if heard:
                coherence = SharedCoherence(redis, database.watch, database.unheard_writes, time.monotonic)
                database.announcer = coherence
                async with coherence.running():
                    yield coherence
                return
        log.warning("cache.off", why="a server without PODGRAPH_REDIS__URL keeps what it reads of this database")
    elif keeping:
        async with database.caching(exclusive=True) as alone:
            if alone:
                local = LocalCoherence(database.watch, time.monotonic)
                database.announcer = local
                async with local.running():
                    yield local
                return
        log.warning("cache.off", why="another process serves this database: give both one PODGRAPH_REDIS__URL")
    unheard = UnheardAnnouncer(database.unheard_writes, time.monotonic)
    database.announcer = unheard
    async with unheard.running():
        yield None
