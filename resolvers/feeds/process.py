"""The server's end of one parsing process."""

import asyncio
from typing import Final, Self

import msgspec

from resolvers.child_process import ChildProcess
from resolvers.errors import FeedRejected
from resolvers.feeds.messages import (
    LENGTH_BYTES,
    Answer,
    Defect,
    Exhausted,
    Parsed,
    Part,
    Ready,
    Refused,
    Request,
    frame,
)
from resolvers.feeds.values import ParsedEpisode, ParsedFeed, RejectedItem

_WORKER = "resolvers.feeds.worker"
_ANSWER: Final = msgspec.msgpack.Decoder(Answer)
_PART: Final = msgspec.msgpack.Decoder(Part)


class ProcessLost(Exception):
    """The process ended before it answered."""


class ParserDefect(Exception):
    """The parser raised what it must not; the message is its traceback."""


class ParsingProcess:
    """One process, which parses one feed at a time. What raises anything but FeedRejected must be ended."""

    def __init__(self, process: ChildProcess) -> None:
        self._process = process

    @classmethod
    async def start(cls, memory_bytes: int) -> Self:
        started = cls(await ChildProcess.start(_WORKER, str(memory_bytes)))
        try:
            await started._ready()
        except BaseException:
            await asyncio.shield(started.end())
            raise
        return started

    @property
    def pid(self) -> int:
        return self._process.pid

    async def parse(self, request: Request, body: bytes) -> ParsedFeed:
        """Raises FeedRejected, ProcessLost, ParserDefect."""
        try:
            await self._send(request, body)
            answer = _ANSWER.decode(await self._frame())
            match answer:
                case Parsed():
                    return await self._whole(answer)
                case Refused():
                    raise FeedRejected(answer.reason, answer.message, answer.path)
                case Exhausted():
                    raise ProcessLost("out of memory")
                case Defect():
                    raise ParserDefect(answer.traceback)
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            raise ProcessLost from error
        raise ParserDefect(f"an answer out of turn: {answer}")

    async def end(self) -> None:
        """Kills the process, whatever it does, and returns when it is gone."""
        await self._process.end()

    async def _ready(self) -> None:
        try:
            answer = _ANSWER.decode(await self._frame())
        except asyncio.IncompleteReadError as error:
            raise ParserDefect("the parsing process does not start; its own output says why") from error
        if not isinstance(answer, Ready):
            raise ParserDefect(f"an answer out of turn: {answer}")

    async def _send(self, request: Request, body: bytes) -> None:
        await self._process.send(frame(request))
        await self._process.send(body)

    async def _whole(self, answer: Parsed) -> ParsedFeed:
        episodes: list[ParsedEpisode] = []
        rejected: list[RejectedItem] = []
        for _ in range(answer.parts):
            part = _PART.decode(await self._frame())
            episodes.extend(part.episodes)
            rejected.extend(part.rejected)
            await asyncio.sleep(0)  # what is here already would be read without giving way
        return msgspec.structs.replace(answer.feed, episodes=tuple(episodes), rejected=tuple(rejected))

    async def _frame(self) -> bytes:
        length = int.from_bytes(await self._process.output.readexactly(LENGTH_BYTES), "big")
        return await self._process.output.readexactly(length)
