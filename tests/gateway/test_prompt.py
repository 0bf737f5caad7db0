"""Connections that send no request, or half of one, are closed; those that ask are served as long as they like."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
import uvicorn

from gateway.prompt import HEAD_BYTES, PromptProtocol
from gateway.server import server_config
from tests.gateway.edge import Edge, until
from tests.gateway.http.test_websocket import acknowledged

REQUEST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 19\r\n\r\n"
BODY = b'{"query":"{hello}"}'
END = b"}}}}"
"""Of an answer: what is left of the budget."""


class HastyProtocol(PromptProtocol):
    head_seconds = 0.1


@asynccontextmanager
async def serving(edge: Edge) -> AsyncGenerator[tuple[str, int], None]:
    config = uvicorn.Config(
        edge.app, port=0, http=HastyProtocol, ws="websockets-sansio", log_config=None, lifespan="off"
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server._serve())
    await until(lambda: server.started)
    try:
        host, port = server.servers[0].sockets[0].getsockname()
        edge.base = f"{host}:{port}"
        yield host, port
    finally:
        server.should_exit = server.force_exit = True
        await task


async def rest_of(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(5):
        return await reader.read()


@pytest.mark.parametrize(
    "sent", [b"", b"G", b"POST / HTTP/1.1\r\nHost: x\r\n", b"POST / HTTP/1.1\r\nX-Endless: " + b"x" * 5_000]
)
async def test_connection_without_a_whole_head_is_closed(sent: bytes) -> None:
    async with serving(Edge()) as address:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(sent)
        assert await rest_of(reader) == b""
        writer.close()


async def test_head_without_end_is_cut_off_before_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HastyProtocol, "head_seconds", 60.0)
    async with serving(Edge()) as address:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(b"GET / HTTP/1.1\r\nX: " + b"x" * (HEAD_BYTES + 100))
        with contextlib.suppress(ConnectionResetError):
            assert await rest_of(reader) == b""
        writer.close()


async def test_large_body_is_no_head() -> None:
    async with serving(Edge()) as address:
        reader, writer = await asyncio.open_connection(*address)
        padded = BODY + b" " * (2 * HEAD_BYTES)
        writer.write(REQUEST.replace(b"19", str(len(padded)).encode()) + padded)
        assert (await reader.readuntil(END)).startswith(b"HTTP/1.1 200 OK")
        writer.close()


async def test_second_head_of_a_connection_must_come_in_time_too() -> None:
    async with serving(Edge()) as address:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(REQUEST + BODY)
        assert (await reader.readuntil(END)).startswith(b"HTTP/1.1 200 OK")
        writer.write(b"GET /")
        assert await rest_of(reader) == b""
        writer.close()


async def test_answer_may_take_longer_than_a_head() -> None:
    edge = Edge()
    async with serving(edge) as address:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(REQUEST + b'{"query":"{gated}"}')
        await edge.bench.entered.wait()
        asyncio.get_running_loop().call_later(3 * HastyProtocol.head_seconds, edge.bench.gate.set)
        assert (await reader.readuntil(END)).count(b'{"data":{"gated":"passed"}') == 1
        writer.close()


async def test_websocket_may_be_silent() -> None:
    edge = Edge()
    async with serving(edge), acknowledged(edge) as socket:
        await socket.subscribe("1", "subscription { queued }")
        asyncio.get_running_loop().call_later(3 * HastyProtocol.head_seconds, edge.bench.events.put_nowait, 7)
        assert (await socket.receive())["payload"] == {"data": {"queued": 7}}


def test_gateway_serves_with_it() -> None:
    config = server_config(Edge().app, host="x", port=1, max_message_bytes=1, graceful_seconds=1)
    config.load()
    assert config.http_protocol_class is PromptProtocol
