"""Writers that cannot be heard, and those who would have to hear them: two advisory locks of the primary.

Whoever cannot tell the processes that cache what it writes (Redis is away, or it is a command that knows of none) holds
UNHEARD while it writes. They look at the lock with every sample of the primary, trust no cache while somebody holds
it, and drop what they keep when it is free again (`watch.py`).
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import structlog

from persistence.advisory_locks import CACHING, UNHEARD, somebody_holds
from persistence.failures import translated, translated_errors
from persistence.places import TIMELINE, UNTOLD

log = structlog.get_logger(__name__)

KNOWN_SECONDS: Final = 1.25
"""From when the lock is taken until everybody has seen it, or trusts nothing for want of a sample (FRESH_SECONDS)."""
_AGAIN_SECONDS: Final = 0.1

# Whoever caches from now on takes CACHING first and looks for UNHEARD then. On a server that was promoted, those who
# held it on the one before may not have taken it again yet.
_NOBODY_CACHES: Final = f"SELECT NOT {somebody_holds(CACHING)} AND {TIMELINE} = 1"

Connect = Callable[[], Awaitable[Any]]
"""A connection of the driver's to the primary."""
Settle = Callable[[Any], Awaitable[None]]


class HeldLock:
    """A lock on a connection of its own, taken again when that is lost."""

    def __init__(self, connect: Connect, key: int, *, shared: bool, settle: Settle | None = None) -> None:
        """It counts as held when `settle` comes back, which is given the connection."""
        self._connect = connect
        self._take = f"SELECT pg_try_advisory_lock{'_shared' if shared else ''}({key})"
        self._settle = settle
        self.since = float("-inf")
        """When it was taken, in the seconds of time.monotonic."""
        self._connection: Any = None
        self._lost = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    @property
    def held(self) -> bool:
        return self._connection is not None and not self._connection.is_closed()

    async def take(self) -> bool:
        """False if another holds it. Raises DatabaseUnavailable."""
        with translated_errors():
            taken = await self._taken()
        if taken:
            self._keeper = asyncio.create_task(self._keep())
        return taken

    async def release(self) -> None:
        """Without one, nothing happens."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
            self._keeper = None
        connection, self._connection = self._connection, None
        if connection is not None:
            # Its end is the lock's.
            with suppress(Exception):
                await connection.close(timeout=1.0)

    async def _taken(self) -> bool:
        connection = await self._connect()
        try:
            if not await connection.fetchval(self._take):
                connection.terminate()
                return False
            since = time.monotonic()
            if self._settle is not None:
                await self._settle(connection)
        except BaseException:
            connection.terminate()
            raise
        self._lost = lost = asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())
        self._connection, self.since = connection, since
        return True

    async def _keep(self) -> None:
        while True:
            await self._lost.wait()
            try:
                if await self._taken():
                    continue
            except Exception as error:
                if translated(error) is None:
                    log.exception("database.lock_lost")
            await asyncio.sleep(_AGAIN_SECONDS)


@asynccontextmanager
async def unheard_writes(connect: Connect) -> AsyncIterator[HeldLock]:
    """Begins when everybody knows. Nothing may be committed while the lock is not held.

    Raises DatabaseUnavailable.
    """
    lock = HeldLock(connect, UNHEARD, shared=True, settle=_until_known)
    try:
        await lock.take()
        yield lock
    finally:
        await lock.release()


@asynccontextmanager
async def caching(connect: Connect, *, exclusive: bool) -> AsyncIterator[HeldLock | None]:
    """The lock of processes that cache: alone, or with those that hear each other. None: others cache, who do not.

    Without it, nothing may be cached, and whatever is written is unheard. Raises DatabaseUnavailable.
    """
    lock = HeldLock(connect, CACHING, shared=not exclusive)
    try:
        yield lock if await lock.take() else None
    finally:
        await lock.release()


async def _until_known(connection: Any) -> None:
    """Comes back when everybody who caches knows that the lock is held: at once if nobody does."""
    try:
        nobody = await connection.fetchval(_NOBODY_CACHES)
    except UNTOLD:
        nobody = False
    if not nobody:
        await asyncio.sleep(KNOWN_SECONDS)
