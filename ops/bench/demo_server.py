"""A `podgraph up` of a bench's own, with the demo in it, and what it answers."""

import asyncio
import os
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx2
import msgspec

_START_SECONDS: Final = 120.0


class BenchFailed(Exception):
    """What was measured did not do its work; the message says what went wrong."""


class DemoServer(msgspec.Struct, frozen=True):
    """Running. `http` speaks for the demo's tenant; `owner_url` opens its database as the role that owns the tables."""

    http: httpx2.AsyncClient
    environment: Mapping[str, str]
    """In which commands of the program find this server's database."""
    owner_url: str
    tenant_id: int


@asynccontextmanager
async def demo_server(program: Sequence[str], folder: Path) -> AsyncIterator[DemoServer]:
    """Whatever the environment says of another Podgraph is not for this one. Raises BenchFailed.

    The folder is empty, and every account of the machine may enter it: as root, PostgreSQL runs as another one.
    """
    directory = folder / "data"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PODGRAPH_")}
    environment |= {"PODGRAPH_DATA_DIR": str(directory), "PODGRAPH_HTTP__DRAIN_SECONDS": "0"}
    port = _free_port()
    log = folder / "server.log"
    with log.open("wb") as output:
        server = await asyncio.create_subprocess_exec(
            *program,
            *("up", "--port", str(port)),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C ends this process, which then ends the server
        )
    try:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
            await _ready(server, http, log)
            demo = msgspec.json.decode((directory / "demo.json").read_bytes())
            running = msgspec.json.decode((directory / "running.json").read_bytes())
            await _unthrottled(program, environment, demo["tenant_id"])
            http.headers.update({"authorization": f"Bearer {demo['api_key']}", "content-type": "application/json"})
            yield DemoServer(http, environment, running["owner_url"].replace("+asyncpg", ""), demo["tenant_id"])
    finally:
        if server.returncode is None:
            server.send_signal(signal.SIGINT)
        await server.wait()


async def _unthrottled(program: Sequence[str], environment: Mapping[str, str], tenant_id: int) -> None:
    """Puts the demo on the largest plan: what is measured is the server, not how long a budget makes one wait."""
    moved = await asyncio.create_subprocess_exec(
        *program, "plan", f"ten_{tenant_id}", "ENTERPRISE", env=environment, stdout=subprocess.DEVNULL
    )
    if await moved.wait():
        raise BenchFailed("the demo's tenant could not be put on another plan")


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
            raise BenchFailed(f"podgraph up did not start: {said.strip()[-2000:]}")
        await asyncio.sleep(0.1)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
