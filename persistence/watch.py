"""The watch: asks every server ten times a second how it is, on a connection of its own.

It runs without replicas too. Whoever caches asks it whether the primary was seen a moment ago (`fresh`), how far it is
(`position`), and whether somebody writes, or may have written, without being heard (`unheard`, `doubt`).
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Final

import structlog

from persistence.failures import translated
from persistence.places import Places
from persistence.positions import Position
from persistence.servers import Server, Servers, ServerState
from persistence.unheard import HeldLock

log = structlog.get_logger(__name__)

SAMPLE_SECONDS: Final = 0.1
"""Between two samples of a server."""
HURRIED_SECONDS: Final = 0.005
"""The same, while a read waits for a replica to get somewhere."""
FRESH_SECONDS: Final = 1.0
"""For so long is a sample of the primary true. Unheard writers wait for longer before they commit (`unheard.py`)."""
_ANSWER_SECONDS: Final = 0.2
_OPEN_SECONDS: Final = 0.5
_UNSEEN_SECONDS: Final = 1.0
"""Somebody may have come, written unheard and gone between two samples that are as far apart."""
_FIRST_SECONDS: Final = 2.0
"""How long the start waits for servers that do not answer."""


class Watch:
    """Samples within `running`; before and after it, nothing is known and nothing is fresh."""

    def __init__(self, servers: Servers, places: Places, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds that never go back."""
        self._servers = servers
        self._places = places
        self._clock = clock
        self._seen = float("-inf")
        """When the last good sample of the primary was asked for."""
        self._locks: list[HeldLock] = []
        self._hurried = 0
        self._waking = asyncio.Event()
        self._turn: asyncio.Future[None] | None = None
        """Done at the next sample of any server."""
        self.unheard = False
        """Somebody holds the lock of those whose writes cannot be heard."""
        self.doubt = 0
        """Raised whenever somebody may have written unheard since."""
        servers.on_primary.append(self._doubted)

    @property
    def position(self) -> Position:
        """The newest of the primary's that is known; 0: none yet."""
        return self._servers.position

    @property
    def fresh(self) -> bool:
        seen = self._seen
        # Who took the lock of those who cache looks for unheard writers after that: they need not wait for others.
        return self._clock() - seen < FRESH_SECONDS and all(lock.held and lock.since <= seen for lock in self._locks)

    @property
    def states(self) -> list[ServerState]:
        return self._servers.states

    @contextmanager
    def while_held(self, lock: HeldLock | None) -> Iterator[None]:
        """Within the block nothing is fresh while the lock, if there is one, is not held."""
        if lock is not None:
            self._locks.append(lock)
        try:
            yield
        finally:
            if lock is not None:
                self._locks.remove(lock)

    def now(self) -> float:
        return self._clock()

    def heard(self, position: Position) -> None:
        """A write went up to here."""
        self._servers.heard(position)

    def report(self, server: Server) -> None:
        """Its connections end, or none can be had: it is used no more until it has answered for a while."""
        self._servers.lost(server)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Begins when every server has been asked once, or has not answered in time."""
        first = [asyncio.Event() for _ in self._servers.all]
        tasks = [
            asyncio.create_task(self._watched(server, asked))
            for server, asked in zip(self._servers.all, first, strict=True)
        ]
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(_FIRST_SECONDS):
                    for asked in first:
                        await asked.wait()
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._seen = float("-inf")

    async def sampled(self, seconds: float) -> bool:
        """Comes back when any server has been asked again, which is hurried; False if that took longer."""
        if self._turn is None or self._turn.done():
            self._turn = asyncio.get_running_loop().create_future()
        self._hurried += 1
        self._waking.set()
        try:
            async with asyncio.timeout(seconds):
                await asyncio.shield(self._turn)
        except TimeoutError:
            return False
        finally:
            self._hurried -= 1
        return True

    async def _watched(self, server: Server, asked: asyncio.Event) -> None:
        connection: Any = None
        try:
            while True:
                began = self._clock()
                try:
                    connection = await self._asked(server, connection)
                except Exception:
                    # Whatever it is, one sample less is not the end of the watch.
                    log.exception("database.watch_failed", server=server.name)
                    self._servers.failed(server)
                asked.set()
                if self._turn is not None and not self._turn.done():
                    self._turn.set_result(None)
                await self._pause(began)
        finally:
            if connection is not None:
                connection.terminate()

    async def _asked(self, server: Server, connection: Any) -> Any:
        """The connection to ask on the next time, if there is one."""
        if connection is not None and not connection.is_closed():
            if await self._sampled(server, connection):
                return connection
            # It may only be slow, or have ended this one connection: opening another will show.
            self._servers.failed(server)
        connection = await self._opened(server)
        if connection is None or not await self._sampled(server, connection):
            self._servers.lost(server)
            # It may be gone without a word: what is read there is read elsewhere, and not only when time runs out.
            server.connections.cut()
            return None
        return connection

    async def _opened(self, server: Server) -> Any:
        try:
            async with asyncio.timeout(_OPEN_SECONDS):
                return await server.endpoint.connected(server_settings={"application_name": "podgraph watch"})
        except Exception as error:
            _tell_of_defect(error, server)
            return None

    async def _sampled(self, server: Server, connection: Any) -> bool:
        at = self._clock()
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                sample = await self._places.sampled(connection, at)
        except BaseException as error:
            connection.terminate()
            if not isinstance(error, Exception):
                raise
            _tell_of_defect(error, server)
            return False
        self._servers.sampled(server, sample)
        if server is self._servers.primary:
            self._see(at, sample.unheard)
        return True

    def _see(self, at: float, unheard: bool) -> None:
        if self._clock() - self._seen >= _UNSEEN_SECONDS or (self.unheard and not unheard):
            self._doubted()
        self.unheard = unheard
        self._seen = at

    def _doubted(self) -> None:
        self.doubt += 1

    async def _pause(self, began: float) -> None:
        while True:
            seconds = HURRIED_SECONDS if self._hurried else SAMPLE_SECONDS
            left = began + seconds - self._clock()
            if left <= 0:
                return
            self._waking.clear()
            try:
                async with asyncio.timeout(left):
                    await self._waking.wait()
            except TimeoutError:
                return


def _tell_of_defect(error: Exception, server: Server) -> None:
    """A server that is away is told of by its metrics; what it cannot mend by coming back is written down."""
    if translated(error) is None:
        log.warning("database.sample_failed", server=server.name, error=repr(error))
