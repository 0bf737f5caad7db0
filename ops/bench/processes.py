"""Servers of a bench's own, each in a process of its own: started, waited for, asked, stopped, and what they take."""

import asyncio
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import httpx2
import msgspec
import psutil  # type: ignore[import-untyped]  # it has no types

_START_SECONDS: Final = 120.0


class BenchFailed(Exception):
    """What was measured did not do its work; the message says what went wrong."""


def without_podgraph(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without what it says of another Podgraph."""
    return {name: value for name, value in environment.items() if not name.startswith("PODGRAPH_")}


def free_port() -> int:
    """Of 127.0.0.1; nobody has it now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@asynccontextmanager
async def serving(
    command: Sequence[str], environment: Mapping[str, str], log: Path, http: httpx2.AsyncClient
) -> AsyncIterator[int]:
    """The process id of a server that runs within the block and answers /readyz there. Raises BenchFailed."""
    with log.open("wb") as output:
        server = await asyncio.create_subprocess_exec(
            *command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C ends this process, which then ends the server
        )
    try:
        await _ready(server, http, log)
        yield server.pid
    finally:
        if server.returncode is None:
            server.send_signal(signal.SIGINT)
        await server.wait()


async def answered(http: httpx2.AsyncClient, body: bytes) -> httpx2.Response:
    """The response to a GraphQL request, whatever it is. Raises BenchFailed."""
    try:
        return await http.post("/graphql", content=body)
    except httpx2.HTTPError as error:
        raise BenchFailed(f"the server does not answer: {error!r}") from error


async def data(http: httpx2.AsyncClient, body: bytes) -> Any:
    """The data of an answer without errors. Raises BenchFailed."""
    response = await answered(http, body)
    answer = msgspec.json.decode(response.content) if response.status_code == httpx2.codes.OK else None
    if answer is None or "errors" in answer:
        raise BenchFailed(f"the server answers {response.status_code}: {response.text[:2000]}")
    return answer["data"]


def cpu_seconds(process_id: int) -> float:
    """User and system time that a process and all those below it have had, ended ones among them.

    As the operating system counts it: on Linux in hundredths of a second.
    """
    process = psutil.Process(process_id)
    total = float(sum(process.cpu_times()[:4]))  # user, system, and the same of children that have ended
    for child in process.children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # it has just ended, and is counted above the next time
            total += sum(child.cpu_times()[:2])
    return total


async def _ready(server: asyncio.subprocess.Process, http: httpx2.AsyncClient, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            if (await http.get("/readyz")).status_code == httpx2.codes.OK:
                return
        except httpx2.HTTPError:
            pass
        if server.returncode is not None or time.monotonic() > deadline:
            said = await asyncio.to_thread(log.read_text, errors="replace")
            raise BenchFailed(f"the server did not start: {said.strip()[-2000:]}")
        await asyncio.sleep(0.1)
