"""Parsing feeds in processes of their own, so that no feed can stop, slow down or fill the server."""

import asyncio
from math import ceil
from typing import Final

import msgspec

from resolvers.errors import FeedRejected
from resolvers.feeds.messages import Request
from resolvers.feeds.process import ParsingProcess, ProcessLost
from resolvers.feeds.reasons import Reason
from resolvers.feeds.values import ParsedFeed


class ReaderLimits(msgspec.Struct, frozen=True):
    """`seconds` and `memory_bytes` are for one feed. `waiting` and `waiting_bytes` bound the queue behind `processes`.

    A process that has read more than `recycled_bytes` ends afterwards and so gives its memory back.
    """

    processes: int = 2
    seconds: float = 25.0
    memory_bytes: int = 1 << 30
    waiting: int = 100
    waiting_bytes: int = 100 << 20
    recycled_bytes: int = 4 << 20


DEFAULT_LIMITS: Final = ReaderLimits()


class FeedReader:
    """Starts its processes when they are needed and keeps them; `close` ends them all, busy or not."""

    def __init__(self, limits: ReaderLimits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._free = asyncio.Semaphore(limits.processes)
        self._waiting = 0
        self._waiting_bytes = 0
        self._idle: list[ParsingProcess] = []
        self._busy: set[ParsingProcess] = set()
        self._ending: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def pids(self) -> frozenset[int]:
        """The processes there are."""
        return frozenset(process.pid for process in (*self._idle, *self._busy))

    @property
    def waiting(self) -> int:
        """How many feeds wait for a process."""
        return self._waiting

    async def parse(self, body: bytes, *, content_type: str | None = None, base_url: str | None = None) -> ParsedFeed:
        """`resolvers.feeds.parser.parse_feed`, elsewhere.

        Raises FeedRejected as that does, and PARSE_TIMEOUT, TOO_COMPLEX (too much memory), TOO_MANY_IMPORTS (the queue
        is full) and INTERRUPTED (the server stops). Cancelling it kills the process that reads.
        """
        await self._admitted(len(body))
        try:
            async with asyncio.timeout(self._limits.seconds):
                return await self._parsed(body, content_type, base_url)
        except TimeoutError as error:
            raise FeedRejected(Reason.PARSE_TIMEOUT, "the feed takes too long to read") from error
        finally:
            self._free.release()

    async def close(self) -> None:
        self._closed = True
        for process in (*self._idle, *self._busy):
            self._end(process)
        self._idle.clear()
        await asyncio.gather(*self._ending)

    async def _admitted(self, size: int) -> None:
        limits = self._limits
        full = self._waiting >= limits.waiting or self._waiting_bytes + size > limits.waiting_bytes
        if self._free.locked() and self._waiting and full:
            raise FeedRejected(
                Reason.TOO_MANY_IMPORTS, "too many feeds are being imported right now: try again in a minute"
            )
        self._waiting += 1
        self._waiting_bytes += size
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1
            self._waiting_bytes -= size

    async def _parsed(self, body: bytes, content_type: str | None, base_url: str | None) -> ParsedFeed:
        request = Request(content_type, base_url, len(body), ceil(self._limits.seconds) + 1)
        while True:
            used = bool(self._idle)
            try:
                return await self._by_one_process(request, body)
            except ProcessLost as error:
                if self._closed:
                    raise _interrupted() from error
                if not used:  # else it may have been lost while it had nothing to do
                    raise FeedRejected(Reason.TOO_COMPLEX, "the feed takes too much memory to read") from error

    async def _by_one_process(self, request: Request, body: bytes) -> ParsedFeed:
        process = self._idle.pop() if self._idle else await ParsingProcess.start(self._limits.memory_bytes)
        self._busy.add(process)
        reusable = False
        try:
            if self._closed:
                raise _interrupted()
            feed = await process.parse(request, body)
            reusable = True
        except FeedRejected:
            reusable = True
            raise
        finally:
            self._busy.discard(process)
            if reusable and not self._closed and len(body) <= self._limits.recycled_bytes:
                self._idle.append(process)
            else:
                self._end(process)
        return feed

    def _end(self, process: ParsingProcess) -> None:
        task = asyncio.create_task(process.end())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


def _interrupted() -> FeedRejected:
    return FeedRejected(Reason.INTERRUPTED, "the server is stopping: import the feed again later")
