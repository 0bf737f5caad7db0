"""SIGTERM under load: not ready first, everything in flight answered, streams told to go elsewhere."""

import asyncio
import contextlib
import signal
import socket
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.gateway.edge import until

DRAIN_SECONDS = 0.6


@asynccontextmanager
async def process(drain_seconds: float = DRAIN_SECONDS) -> AsyncGenerator[tuple[asyncio.subprocess.Process, str], None]:
    """A serving process and its `host:port`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = ("-m", "tests.gateway.drain_app", str(port), str(drain_seconds))
    running = await asyncio.create_subprocess_exec(sys.executable, *arguments)
    address = f"127.0.0.1:{port}"
    try:
        async with httpx2.AsyncClient() as client, asyncio.timeout(20):
            while True:
                with contextlib.suppress(httpx2.TransportError):
                    if (await client.get(f"http://{address}/readyz")).status_code == 200:
                        break
                await asyncio.sleep(0.05)
        yield running, address
    finally:
        if running.returncode is None:
            running.kill()
        await running.wait()


async def ended(running: asyncio.subprocess.Process) -> int:
    """The exit status, negative for a signal."""
    async with asyncio.timeout(20):
        return await running.wait()


async def test_sigterm_under_load_loses_no_request() -> None:
    async with process() as (running, address), httpx2.AsyncClient(base_url=f"http://{address}", timeout=10) as client:
        ready = True
        statuses: list[int] = []
        answered_while_draining = 0

        async def balancer() -> None:
            nonlocal ready
            while ready:
                ready = (await client.get("/readyz")).status_code == 200
                await asyncio.sleep(0.02)

        async def caller() -> None:
            nonlocal answered_while_draining
            while ready:
                response = await client.post("/graphql/", json={"query": "{ hello }"})
                statuses.append(response.status_code)
                answered_while_draining += response.headers.get("connection") == "close"

        slow = asyncio.create_task(client.post("/graphql/", json={"query": "{ gated }"}))
        load = [asyncio.create_task(work()) for work in (balancer, *([caller] * 8))]
        await until(lambda: len(statuses) >= 50)
        running.send_signal(signal.SIGTERM)
        await asyncio.gather(*load)
        late = await client.post("/graphql/", json={"query": "{ hello }"})
        assert (await slow).content.startswith(b'{"data":{"gated":"passed"}')
        assert set(statuses) == {200}
        assert late.status_code == 200
        assert late.headers["connection"] == "close"
        assert await ended(running) == -signal.SIGTERM
        with pytest.raises(httpx2.ConnectError):
            await client.get("/readyz")


async def test_readyz_says_draining_while_the_rest_is_served() -> None:
    async with process(drain_seconds=60) as (running, address):
        async with httpx2.AsyncClient(base_url=f"http://{address}") as client:
            running.send_signal(signal.SIGTERM)
            async with asyncio.timeout(5):
                ready = await client.get("/readyz")
                while ready.status_code == 200:
                    ready = await client.get("/readyz")
            assert (ready.status_code, ready.json()) == (503, {"status": "draining"})
            assert (await client.get("/livez")).status_code == 200
            assert (await client.post("/graphql/", json={"query": "{ hello }"})).status_code == 200
        running.send_signal(signal.SIGTERM)
        started = time.monotonic()
        assert await ended(running) == -signal.SIGTERM
        assert time.monotonic() - started < 15


async def test_streams_are_closed_after_the_wait() -> None:
    async with process(drain_seconds=0.3) as (running, address), httpx2.AsyncClient(timeout=10) as client:
        query = "subscription { queued }"
        events = client.stream(
            "POST", f"http://{address}/graphql/", json={"query": query}, headers={"accept": "text/event-stream"}
        )
        async with (
            events as response,
            connect(f"ws://{address}/graphql/", subprotocols=[Subprotocol("graphql-transport-ws")]) as websocket,
        ):
            await websocket.send('{"type":"connection_init"}')
            await websocket.recv()
            await websocket.send('{"type":"subscribe","id":"a","payload":{"query":"subscription { queued }"}}')
            running.send_signal(signal.SIGTERM)
            assert await response.aread() == b":\n\n"
            with pytest.raises(ConnectionClosed):
                await websocket.recv()
            assert websocket.close_code == 1001
        assert await ended(running) == -signal.SIGTERM


async def test_ctrl_c_does_not_wait_for_a_load_balancer() -> None:
    async with process(drain_seconds=60) as (running, _):
        started = time.monotonic()
        running.send_signal(signal.SIGINT)
        await ended(running)
        assert time.monotonic() - started < 15


async def test_the_garbage_collector_leaves_alone_what_the_start_has_made() -> None:
    async with process() as (_, address), httpx2.AsyncClient() as client:
        assert int((await client.get(f"http://{address}/frozen")).text) > 50_000
