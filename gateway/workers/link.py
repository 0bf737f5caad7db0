"""A worker's end of the channel to its supervisor."""

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from prometheus_client import CollectorRegistry

from gateway.workers.channel import Channel
from gateway.workers.messages import (
    TO_WORKER,
    Alive,
    Ask,
    Count,
    Counted,
    Everything,
    FromWorker,
    Part,
    Ping,
    Retire,
    Started,
    ToWorker,
)
from gateway.workers.samples import exposition, families

ANSWER_SECONDS: Final = 3.0
"""How long the supervisor may take to ask all workers; a little more than it waits for them."""


class Link:
    """Of the worker with this number, which counts in `registry`."""

    def __init__(self, worker: int, end: socket.socket, registry: CollectorRegistry) -> None:
        self._worker = worker
        self._end = end
        self._registry = registry
        self._channel: Channel[FromWorker, ToWorker] | None = None
        self._numbers = itertools.count()
        self._asked: dict[int, asyncio.Future[list[Part]]] = {}

    @asynccontextmanager
    async def open(self, *, retire: Callable[[], None], leave: Callable[[], None]) -> AsyncIterator[None]:
        """Listens within the block; `retire`: another has the place, `leave`: the supervisor is gone."""
        channel = self._channel = await Channel[FromWorker, ToWorker].over(self._end, TO_WORKER)
        listening = asyncio.create_task(self._listen(channel, retire, leave))
        try:
            yield
        finally:
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening
            self._channel = None
            channel.close()

    def started(self) -> None:
        """Says that requests are taken."""
        self._say(Started())

    async def exposition(self) -> bytes:
        """The metrics of all workers; of this one alone where the supervisor does not answer."""
        number = next(self._numbers)
        future: asyncio.Future[list[Part]] = asyncio.get_running_loop().create_future()
        self._asked[number] = future
        try:
            if self._say(Ask(number)):
                await asyncio.wait([future], timeout=ANSWER_SECONDS)
        finally:
            del self._asked[number]
        return exposition(future.result() if future.done() else self._alone())

    def _alone(self) -> list[Part]:
        return [Part(self._worker, None, families(self._registry))]

    def _say(self, message: FromWorker) -> bool:
        if self._channel is None:
            return False
        self._channel.send(message)
        return True

    async def _listen(
        self, channel: Channel[FromWorker, ToWorker], retire: Callable[[], None], leave: Callable[[], None]
    ) -> None:
        async for message in channel.received():
            match message:
                case Ping():
                    channel.send(Alive())
                case Count(number):
                    channel.send(Counted(number, families(self._registry)))
                case Everything(number, parts):
                    if (waiting := self._asked.get(number)) and not waiting.done():
                        waiting.set_result(parts)
                case Retire():
                    retire()
        self._channel = None
        for waiting in self._asked.values():
            if not waiting.done():
                waiting.set_result(self._alone())
        leave()
