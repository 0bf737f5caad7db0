"""A `podgraph up` of a bench's own, with the demo in it."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import msgspec

from ops.bench.processes import BenchFailed, free_port, serving, without_podgraph


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
    environment = without_podgraph(os.environ)
    environment |= {"PODGRAPH_DATA_DIR": str(directory), "PODGRAPH_HTTP__DRAIN_SECONDS": "0"}
    # What is kept is answered in no time and for a tenth of its price: benches are about the work.
    environment["PODGRAPH_CACHE__ENABLED"] = "false"
    port = free_port()
    command = (*program, "up", "--port", str(port))
    async with (
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as http,
        serving(command, environment, folder / "server.log", http),
    ):
        demo = msgspec.json.decode((directory / "demo.json").read_bytes())
        running = msgspec.json.decode((directory / "running.json").read_bytes())
        await _unthrottled(program, environment, demo["tenant_id"])
        http.headers.update({"authorization": f"Bearer {demo['api_key']}", "content-type": "application/json"})
        yield DemoServer(http, environment, running["owner_url"].replace("+asyncpg", ""), demo["tenant_id"])


async def _unthrottled(program: Sequence[str], environment: Mapping[str, str], tenant_id: int) -> None:
    """Puts the demo on the largest plan: what is measured is the server, not how long a budget makes one wait."""
    moved = await asyncio.create_subprocess_exec(
        *program, "plan", f"ten_{tenant_id}", "ENTERPRISE", env=environment, stdout=subprocess.DEVNULL
    )
    if await moved.wait():
        raise BenchFailed("the demo's tenant could not be put on another plan")
