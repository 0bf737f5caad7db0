"""A server on 127.0.0.1 that answers with whatever bytes a test wants."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

Answer = Callable[[str, asyncio.StreamWriter], Awaitable[None]]
"""Gets the request's head, as text, and the writer to answer with; the connection is closed after it."""

Handle = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """`heads` are the requests it got; `port` is where it listens."""

    def __init__(self, port: int, heads: list[str]) -> None:
        self.port = port
        self.heads = heads

    def url(self, path: str = "/feed", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"


@asynccontextmanager
async def listening(handle: Handle, host: str = "127.0.0.1") -> AsyncGenerator[int]:
    """The port where `handle` gets every connection; all are closed when the block ends."""
    connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def handled(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections[task] = writer
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
            await handle(reader, writer)
            await writer.drain()
        writer.close()

    listener = await asyncio.start_server(handled, host, 0)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        for writer in connections.values():
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()


@asynccontextmanager
async def serving(answer: Answer) -> AsyncGenerator[Server]:
    """A server of HTTP, until the block ends."""
    heads: list[str] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"))
        await answer(heads[-1], writer)

    async with listening(handle) as port:
        yield Server(port, heads)


def response(body: bytes = b"", status: str = "200 OK", headers: str = "", *, length: int | None = None) -> bytes:
    """A response of HTTP/1.1; `headers` are lines that end in CRLF."""
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\n{headers}\r\n".encode("latin-1") + body


def always(answer: bytes) -> Answer:
    """The same answer to every request."""

    async def write(head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    return write


def redirect(location: str, status: str = "302 Found") -> bytes:
    return response(status=status, headers=f"Location: {location}\r\n")
