"""Commits: a transaction tells what it changes before it is committed, and where that went when it is."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Final, TypeVar

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncTransaction

from persistence.announcements import Announcement, Announcer
from persistence.connections import Connection
from persistence.errors import DatabaseUnavailable
from persistence.failures import translated_errors
from persistence.places import Places
from persistence.positions import Position
from persistence.touches import Touches
from persistence.unheard import HeldLock

T = TypeVar("T")

log = structlog.get_logger(__name__)

_UNDONE: Final = ("22", "23", "25", "40", "42", "44", "P0")
"""Classes of errors with which the server refuses a COMMIT. After any other it may have committed all the same."""


class Commits:
    """How the write sessions of a database end."""

    def __init__(self, places: Places, announcer: Announcer, heard: Callable[[Position], None]) -> None:
        """`heard` is told where each write went."""
        self._places = places
        self._heard = heard
        self.announcer = announcer
        self._locks: list[HeldLock] = []

    @contextmanager
    def while_held(self, lock: HeldLock) -> Iterator[None]:
        """Within the block nothing is committed while the lock is not held."""
        self._locks.append(lock)
        try:
            yield
        finally:
            self._locks.remove(lock)

    @asynccontextmanager
    async def committed(
        self, connection: Connection, isolation: str, touches: Touches, wrote: Callable[[Position], None] | None
    ) -> AsyncIterator[None]:
        """Commits when the block ends, rolls back when it raises; `wrote` is told where the write went."""
        async with transaction(connection, isolation) as begun:
            yield
            tags = touches.tags
            if not tags:
                return
            announcement = await self.announcer.announced(tags)
            if not all(lock.held for lock in self._locks):
                await announcement.undone()
                raise DatabaseUnavailable("the lock of unheard writers was lost")
            position = await _uninterrupted(self._finished(connection, begun, announcement))
            if position is not None and wrote is not None:
                wrote(position)

    async def _finished(
        self, connection: Connection, begun: AsyncTransaction, announcement: Announcement
    ) -> Position | None:
        """Where the write went; None if nobody can tell, and what it touched stays announced."""
        try:
            await begun.commit()
        except Exception as error:
            if _refused(error):
                await announcement.undone()
            elif isinstance(error, TimeoutError):
                connection.unsettled = True
            raise
        try:
            position = await self._places.written(connection.driver)
        except Exception as error:
            # It is committed, and the connection lost. The write has succeeded.
            log.warning("database.position_unknown", error=repr(error))
            return None
        self._heard(position)
        await announcement.done(position)
        return position


@asynccontextmanager
async def transaction(connection: Connection, isolation: str) -> AsyncIterator[AsyncTransaction]:
    """Commits when the block ends, rolls back when it raises."""
    with translated_errors():
        sqlalchemy = await connection.isolate(isolation)
        async with sqlalchemy.begin() as begun:
            yield begun


async def _uninterrupted(work: Coroutine[Any, Any, T]) -> T:
    """Its result; who is cancelled meanwhile waits for it all the same, since half of it would leave all in doubt."""
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait({task})
        if not task.cancelled():
            task.exception()
        raise


def _refused(error: Exception) -> bool:
    state = getattr(error.orig, "sqlstate", None) if isinstance(error, DBAPIError) else None
    return state is not None and str(state)[:2] in _UNDONE
