"""Keeps a number of workers serving one listening socket."""

import asyncio
import signal
import socket
from collections.abc import Coroutine, Sequence

import msgspec

from gateway.workers.messages import Ask, Everything, Part
from gateway.workers.process import WorkerProcess
from ops.telemetry.logging import logger

log = logger(__name__)


class CannotStart(Exception):
    """A worker ended before it, or one in its place, had ever taken a request."""


class Times(msgspec.Struct, frozen=True):
    """In seconds."""

    start: float = 120.0
    """How long a worker may take to start."""
    stop: float = 90.0
    """How long workers may take to leave. They keep to bounds of their own; this is for one that cannot."""
    ping: float = 5.0
    count: float = 2.0
    """How long a scrape waits for a worker."""
    stable: float = 10.0
    """A worker that lives for less is replaced after a pause, which doubles each time."""
    pause: float = 1.0
    longest_pause: float = 30.0


class _Seat:
    """One of the places to be filled. Whoever fills it holds its lock."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.worker: WorkerProcess | None = None
        self.restarts = 0
        self.pause = 0.0
        self.lock = asyncio.Lock()


class Supervisor:
    """SIGTERM and SIGINT go to all workers, the second ones too; SIGHUP replaces them one after the other.

    A new worker is there before an old one leaves, so that a reload is noticed by nobody; where a new one cannot start,
    the old ones stay. A worker that ends by itself is replaced, whatever ended it.
    """

    def __init__(self, command: Sequence[str], listener: socket.socket, workers: int, times: Times) -> None:
        """`command` is that of a worker (see `WorkerProcess.start`)."""
        self._command = command
        self._listener = listener
        self._times = times
        self._seats = [_Seat(number) for number in range(1, workers + 1)]
        self._alive: set[WorkerProcess] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self._reload = asyncio.Event()
        self._broken = False

    async def run(self) -> None:
        """Until a signal says stop and all workers have left. Raises CannotStart."""
        loop = asyncio.get_running_loop()
        handlers = {
            signal.SIGTERM: lambda: self._stop(signal.SIGTERM),
            signal.SIGINT: lambda: self._stop(signal.SIGINT),
            signal.SIGHUP: self._reload.set,
        }
        for number, handler in handlers.items():
            loop.add_signal_handler(number, handler)
        background = [asyncio.create_task(task) for task in (self._pinging(), self._reloading())]
        try:
            await asyncio.gather(*(self._keep(seat) for seat in self._seats))
            while self._alive:  # a reload's, in the middle of its start
                await asyncio.gather(*(worker.ended() for worker in self._alive))
        finally:
            for task in (*background, *self._tasks):
                task.cancel()
            await asyncio.gather(*background, *self._tasks, return_exceptions=True)
            for number in handlers:
                loop.remove_signal_handler(number)
        if self._broken:
            raise CannotStart

    def _stop(self, number: signal.Signals) -> None:
        if not self._stopping.is_set():
            self._stopping.set()
            self._begin(self._kill_late())
        for worker in self._alive:
            worker.signal(number)

    async def _kill_late(self) -> None:
        await asyncio.sleep(self._times.stop)
        for worker in self._alive:
            log.error("worker.does_not_leave", worker=worker.number, worker_pid=worker.pid)
            worker.signal(signal.SIGKILL)

    async def _keep(self, seat: _Seat) -> None:
        while not self._stopping.is_set():
            async with seat.lock:
                worker = seat.worker if seat.worker and not seat.worker.over else await self._filled(seat)
            if worker is None:
                continue
            lived = await worker.ended()
            if worker is seat.worker and not self._stopping.is_set():
                seat.restarts += 1
                self._slow_down(seat, lived)
                log.warning("worker.ended", worker=seat.number, worker_pid=worker.pid, seconds=round(lived, 3))

    async def _filled(self, seat: _Seat) -> WorkerProcess | None:
        """A new worker in the seat; None where none can start now. That stops all, if none has ever started there."""
        if seat.pause and await self._stopped_within(seat.pause):
            return None
        worker = await self._started(seat)
        if worker:
            seat.worker = worker
        elif seat.worker is None:
            # The settings, the database or the program are wrong, and would be for every other.
            self._broken = self._broken or not self._stopping.is_set()
            self._stop(signal.SIGTERM)
        else:
            self._slow_down(seat, 0)
        return worker

    async def _started(self, seat: _Seat) -> WorkerProcess | None:
        if self._stopping.is_set():
            return None
        try:
            worker = await WorkerProcess.start(seat.number, self._command, self._listener, self._answer)
        except OSError:  # no memory, or no more processes
            log.exception("worker.not_started", worker=seat.number)
            return None
        self._alive.add(worker)
        self._begin(self._forget(worker))
        if self._stopping.is_set():  # since the process was asked for
            worker.signal(signal.SIGTERM)
        if await worker.started(self._times.start):
            log.info("worker.started", worker=seat.number, worker_pid=worker.pid)
            return worker
        await worker.ended()
        return None

    async def _forget(self, worker: WorkerProcess) -> None:
        await worker.ended()
        self._alive.discard(worker)

    def _slow_down(self, seat: _Seat, lived: float) -> None:
        if lived >= self._times.stable:
            seat.pause = 0.0
        else:
            seat.pause = min(max(self._times.pause, 2 * seat.pause), self._times.longest_pause)

    async def _stopped_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                return await self._stopping.wait()
        except TimeoutError:
            return False

    async def _reloading(self) -> None:
        while True:
            await self._reload.wait()
            self._reload.clear()
            for seat in self._seats:
                if not await self._replaced(seat):
                    log.error("workers.reload_given_up", worker=seat.number)
                    break

    async def _replaced(self, seat: _Seat) -> bool:
        async with seat.lock:
            worker = await self._started(seat)
            if worker is None:
                return False
            old, seat.worker = seat.worker, worker
        if old:
            old.retire()
            await old.ended()
        return True

    async def _pinging(self) -> None:
        while True:
            await asyncio.sleep(self._times.ping)
            for worker in self._alive:
                worker.ping()

    def _answer(self, worker: WorkerProcess, ask: Ask) -> None:
        self._begin(self._tell_all(worker, ask))

    async def _tell_all(self, worker: WorkerProcess, ask: Ask) -> None:
        parts = await asyncio.gather(*(self._part(seat) for seat in self._seats))
        worker.answer(Everything(ask.number, parts))

    async def _part(self, seat: _Seat) -> Part:
        families = await seat.worker.counted(self._times.count) if seat.worker and not seat.worker.over else None
        return Part(seat.number, seat.restarts, families)

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
