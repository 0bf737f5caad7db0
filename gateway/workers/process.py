"""One worker as its supervisor sees it: a process, from its start to its end."""

import asyncio
import itertools
import signal
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, Self

from gateway.workers.channel import Channel
from gateway.workers.messages import (
    FROM_WORKER,
    Alive,
    Ask,
    Count,
    Counted,
    Family,
    FromWorker,
    Ping,
    Retire,
    Started,
    ToWorker,
)
from ops.telemetry.logging import logger

HANGS_AFTER: Final = 6
"""Pings without an answer. Counted and not timed, because a machine that slept has missed none."""

log = logger(__name__)


class WorkerProcess:
    """`asked` answers what the worker asks."""

    def __init__(
        self,
        number: int,
        process: asyncio.subprocess.Process,
        channel: Channel[ToWorker, FromWorker],
        asked: Callable[["WorkerProcess", Ask], None],
    ) -> None:
        self.number = number
        self._process = process
        self._channel = channel
        self._asked = asked
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._started: asyncio.Future[bool] = self._loop.create_future()
        self._counts: dict[int, asyncio.Future[list[Family]]] = {}
        self._numbers = itertools.count()
        self._unanswered = 0
        self._listening = asyncio.create_task(self._listen())
        self._ended = asyncio.create_task(self._end())

    @classmethod
    async def start(
        cls,
        number: int,
        command: Sequence[str],
        listener: socket.socket,
        asked: Callable[["WorkerProcess", Ask], None],
    ) -> Self:
        """The command gets three more arguments: the number, and the descriptors of the listener and of the channel."""
        ours, theirs = socket.socketpair()
        with theirs:
            descriptors = listener.fileno(), theirs.fileno()
            process = await asyncio.create_subprocess_exec(
                *command,
                *map(str, (number, *descriptors)),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=descriptors,
                start_new_session=True,  # Ctrl-C in the terminal reaches the supervisor alone
            )
        return cls(number, process, await Channel[ToWorker, FromWorker].over(ours, FROM_WORKER), asked)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def over(self) -> bool:
        return self._ended.done()

    async def started(self, seconds: float) -> bool:
        """Whether it takes requests; one that does not do so in time is killed."""
        done, _ = await asyncio.wait([self._started], timeout=seconds)
        if done:
            return self._started.result()
        log.error("worker.slow_start", worker=self.number, worker_pid=self.pid, seconds=seconds)
        self.signal(signal.SIGKILL)
        return False

    async def ended(self) -> float:
        """The seconds that it lived, once it is gone."""
        return await asyncio.shield(self._ended)

    def signal(self, number: int) -> None:
        """Idle where it is gone."""
        with suppress(ProcessLookupError):
            self._process.send_signal(number)

    def retire(self) -> None:
        """Tells it that another has its place."""
        self._channel.send(Retire())

    def answer(self, message: ToWorker) -> None:
        self._channel.send(message)

    async def counted(self, seconds: float) -> list[Family] | None:
        """What it counts; None where it does not say so in time."""
        number = next(self._numbers)
        future: asyncio.Future[list[Family]] = self._loop.create_future()
        self._counts[number] = future
        try:
            self._channel.send(Count(number))
            async with asyncio.timeout(seconds):
                return await future
        except TimeoutError:
            return None
        finally:
            del self._counts[number]

    def ping(self) -> None:
        """To be called at intervals; kills a worker that takes requests and hangs."""
        if not self._started.done() or self.over:
            return
        if self._unanswered >= HANGS_AFTER:
            log.error("worker.hangs", worker=self.number, worker_pid=self.pid)
            self.signal(signal.SIGKILL)
        self._unanswered += 1
        self._channel.send(Ping())

    async def _listen(self) -> None:
        async for message in self._channel.received():
            match message:
                case Started():
                    self._started.set_result(True)
                case Alive():
                    self._unanswered = 0
                case Ask():
                    self._asked(self, message)
                case Counted(number, families):
                    if (waiting := self._counts.get(number)) and not waiting.done():
                        waiting.set_result(families)

    async def _end(self) -> float:
        await self._process.wait()
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)
        if not self._started.done():
            self._started.set_result(False)
        self._channel.close()
        return self._loop.time() - self._began
