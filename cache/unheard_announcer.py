"""Announcing without being heard: of a process that nobody hears, and that keeps nothing itself."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from typing import Final

from cache.tags import Position, Tag
from cache.unheard_hold import UnheardHold, UnheardWrites

LINGER_SECONDS: Final = 1.0
"""How long the lock is kept after a write: the next one, if it comes soon, need not wait for it."""


class UnheardAnnouncer:
    """While it writes, everybody who caches knows that somebody writes unheard. Serve within `running`."""

    def __init__(self, writes: UnheardWrites, clock: Callable[[], float]) -> None:
        """`clock` is in seconds and monotonic."""
        self._hold = UnheardHold(writes)
        self._clock = clock
        self._under_way = 0
        self._last = float("-inf")
        """When the last write ended."""

    async def announced(self, tags: Collection[Tag]) -> "_UnheardAnnouncement":
        """Raises what `UnheardWrites` raises."""
        self._under_way += 1
        try:
            await self._hold.take()
        except BaseException:
            self.over()
            raise
        return _UnheardAnnouncement(self)

    def over(self) -> None:
        self._under_way -= 1
        self._last = self._clock()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        letting_go = asyncio.create_task(self._let_go())
        try:
            yield
        finally:
            letting_go.cancel()
            await asyncio.wait([letting_go])
            await self._hold.release()

    async def _let_go(self) -> None:
        while True:
            await asyncio.sleep(LINGER_SECONDS)
            if not self._under_way and self._clock() - self._last >= LINGER_SECONDS:
                await self._hold.release()


class _UnheardAnnouncement:
    """If neither is called, nobody knows what became of the write, and the lock is kept."""

    def __init__(self, announcer: UnheardAnnouncer) -> None:
        self._announcer = announcer

    async def done(self, position: Position) -> None:
        self._announcer.over()

    async def undone(self) -> None:
        self._announcer.over()
