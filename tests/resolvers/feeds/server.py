"""A server on 127.0.0.1 that answers with whatever bytes a test wants."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

Answer = Callable[[str, asyncio.StreamWriter], Awaitable[None]]
"""Gets the request's head, as text, and the writer to answer with; the connection is closed after it."""


class Server:
    """`heads` are the requests it got; `port` is where it listens."""

    def __init__(self, port: int, heads: list[str]) -> None:
        self.port = port
        self.heads = heads

    def url(self, path: str = "/feed", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"


@asynccontextmanager
async def serving(answer: Answer) -> AsyncGenerator[Server]:
    """The server, until the block ends."""
    heads: list[str] = []
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                heads.append((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"))
                await answer(heads[-1], writer)
                await writer.drain()
        finally:
            tasks.discard(task)
            writer.close()

    listener = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield Server(listener.sockets[0].getsockname()[1], heads)
    finally:
        listener.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


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
