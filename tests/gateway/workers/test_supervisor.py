"""The supervisor keeps its workers, whatever becomes of them. These do nothing but live and die."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # it has no types
import pytest

from gateway.workers.supervisor import CannotStart, Supervisor, Times

TIMES = Times(pause=0.02, stable=3600, ping=3600)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """The supervisor has the process to itself and leaves no handlers behind; this process has some."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@asynccontextmanager
async def supervised(directory: Path, workers: int, times: Times = TIMES) -> AsyncIterator[asyncio.Task[None]]:
    """A supervisor at work; ended with the block, if it has not ended by then."""
    command = (sys.executable, "-m", "tests.gateway.workers.plain_worker", str(directory))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        task = asyncio.create_task(Supervisor(command, listener, workers, times).run())
        try:
            yield task
        finally:
            for worker in alive():
                worker.kill()
            if not task.done():
                os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.gather(task, return_exceptions=True)


def alive() -> list[psutil.Process]:
    """The workers that run."""
    return [process for process in psutil.Process().children() if _works(process)]


def listening() -> list[psutil.Process]:
    """The workers that have started: they handle SIGTERM."""
    return [process for process in alive() if _handles(process.pid, signal.SIGTERM)]


def _works(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE and "tests.gateway.workers.plain_worker" in process.cmdline()
    except psutil.NoSuchProcess:
        return False


def _handles(pid: int, number: signal.Signals) -> bool:
    """Whether it does; a process that has ended meanwhile handles nothing."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    for line in status.splitlines():
        if line.startswith("SigCgt:"):
            return bool(int(line.split()[1], 16) >> (number - 1) & 1)
    return False


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


def lines(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


async def test_worker_that_cannot_start_ends_all_at_once(tmp_path: Path) -> None:
    (tmp_path / "broken").touch()
    async with supervised(tmp_path, 2) as supervisor:
        with pytest.raises(CannotStart):
            await supervisor
        assert len(lines(tmp_path / "begun")) <= 2
        assert alive() == []


async def test_signal_to_stop_reaches_every_worker_and_so_does_the_second(tmp_path: Path) -> None:
    (tmp_path / "deaf").touch()
    async with supervised(tmp_path, 2) as supervisor:
        await until(lambda: len(listening()) == 2)
        os.kill(os.getpid(), signal.SIGTERM)
        await until(lambda: lines(tmp_path / "signals") == ["SIGTERM", "SIGTERM"])
        assert not supervisor.done()
        (tmp_path / "deaf").unlink()
        os.kill(os.getpid(), signal.SIGINT)
        await supervisor
    assert lines(tmp_path / "signals")[2:] == ["SIGINT", "SIGINT"]


async def test_worker_that_does_not_leave_is_killed(tmp_path: Path) -> None:
    (tmp_path / "deaf").touch()
    async with supervised(tmp_path, 1, Times(stop=0.05)) as supervisor:
        await until(lambda: len(listening()) == 1)
        os.kill(os.getpid(), signal.SIGTERM)
        await supervisor
        assert alive() == []


async def test_dead_worker_is_replaced_in_its_place(tmp_path: Path) -> None:
    async with supervised(tmp_path, 2):
        await until(lambda: len(listening()) == 2)
        first = alive()
        number = first[0].cmdline()[-3]
        first[0].kill()
        await until(lambda: len(lines(tmp_path / "begun")) == 3 and len(listening()) == 2)
        assert first[1] in alive()
        assert lines(tmp_path / "begun")[2] == number


async def test_replacement_that_cannot_start_is_tried_again_while_the_others_go_on(tmp_path: Path) -> None:
    async with supervised(tmp_path, 2) as supervisor:
        await until(lambda: len(listening()) == 2)
        (tmp_path / "broken").touch()
        alive()[0].kill()
        await until(lambda: len(lines(tmp_path / "begun")) >= 4)
        assert not supervisor.done()
        assert len(listening()) == 1
        (tmp_path / "broken").unlink()
        await until(lambda: len(listening()) == 2)


async def test_worker_that_hangs_is_killed_and_replaced(tmp_path: Path) -> None:
    async with supervised(tmp_path, 1, Times(ping=0.05, pause=0.02)):
        await until(lambda: len(listening()) == 1)
        [hung] = alive()
        hung.suspend()
        await until(lambda: alive() != [] and alive() != [hung] and len(listening()) == 1)


async def test_reload_replaces_all_one_after_the_other(tmp_path: Path) -> None:
    async with supervised(tmp_path, 2):
        await until(lambda: len(listening()) == 2)
        before = alive()
        fewest = 2

        def replaced() -> bool:
            nonlocal fewest
            fewest = min(fewest, len(listening()))
            return len(listening()) == 2 and not set(alive()) & set(before)

        os.kill(os.getpid(), signal.SIGHUP)
        await until(replaced)
        assert fewest == 2
        assert lines(tmp_path / "signals") == []


async def test_reload_with_which_nothing_can_start_leaves_all_as_it_is(tmp_path: Path) -> None:
    async with supervised(tmp_path, 2) as supervisor:
        await until(lambda: len(listening()) == 2)
        before = alive()
        (tmp_path / "broken").touch()
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: len(lines(tmp_path / "begun")) == 3)
        await until(lambda: len(alive()) == 2)
        assert alive() == before
        assert not supervisor.done()


async def test_signal_to_stop_during_a_reload_ends_the_new_workers_too(tmp_path: Path) -> None:
    async with supervised(tmp_path, 1) as supervisor:
        await until(lambda: len(listening()) == 1)
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: len(alive()) == 2)
        os.kill(os.getpid(), signal.SIGTERM)
        await supervisor
        assert alive() == []


async def test_worker_gets_what_all_of_them_count(tmp_path: Path) -> None:
    async with supervised(tmp_path, 2):
        await until(lambda: len(listening()) == 2)
        (tmp_path / "asks").touch()
        alive()[0].kill()
        files = [tmp_path / "whole1", tmp_path / "whole2"]
        await until(lambda: any(map(lines, files)))
        [whole] = filter(lines, files)
        replaced = whole.name[-1]
        assert whole.read_text().splitlines() == [
            "# HELP podgraph_numbers Its number.",
            "# TYPE podgraph_numbers gauge",
            'podgraph_numbers{worker="1"} 1.0',
            'podgraph_numbers{worker="2"} 2.0',
            "# HELP podgraph_worker_up 1 if the worker said what it counts.",
            "# TYPE podgraph_worker_up gauge",
            'podgraph_worker_up{worker="1"} 1.0',
            'podgraph_worker_up{worker="2"} 1.0',
            "# HELP podgraph_worker_restarts_total Times that the worker ended unasked and was replaced.",
            "# TYPE podgraph_worker_restarts_total counter",
            f'podgraph_worker_restarts_total{{worker="1"}} {float(replaced == "1")}',
            f'podgraph_worker_restarts_total{{worker="2"}} {float(replaced == "2")}',
        ]
