"""Which way a process tells others what it writes and hears what they write, and with it what it may keep."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
from redis.asyncio import Redis

from cache.coherence import Coherence
from cache.local_coherence import LocalCoherence
from cache.shared_coherence import SharedCoherence
from ops.telemetry.logging import logger
from persistence.database import Database

log = logger(__name__)


class Coherent(msgspec.Struct, frozen=True):
    """`coherence` is None where nobody is heard and nobody hears; `alone`: no other process has part in it."""

    coherence: Coherence | None
    alone: bool = False


@asynccontextmanager
async def open_coherence(database: Database, redis: Redis | None, *, serving: bool) -> AsyncIterator[Coherent]:
    """Within the block the database's writes are heard, or everybody who keeps anything knows that they are not.

    Processes with one Redis hear each other. A server without Redis keeps what it reads as long as no other process
    does; a command without Redis keeps nothing. Raises DatabaseUnavailable.
    """
    if redis is not None:
        async with database.caching(exclusive=False) as heard:
            if heard:
                coherence = SharedCoherence(redis, database.watch, database.unheard_writes, time.monotonic)
                database.announcer = coherence
                async with coherence.running():
                    yield Coherent(coherence)
                return
        log.warning("cache.off", why="a server without PODGRAPH_REDIS__URL keeps what it reads of this database")
    elif serving:
        async with database.caching(exclusive=True) as alone:
            if alone:
                local = LocalCoherence(database.watch, time.monotonic)
                database.announcer = local
                async with local.running():
                    yield Coherent(local, alone=True)
                return
        log.warning("cache.off", why="another process serves this database: give both one PODGRAPH_REDIS__URL")
    async with database.unheard_writes():
        yield Coherent(None)
