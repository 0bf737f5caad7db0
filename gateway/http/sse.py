"""Results as server-sent events: "distinct connections mode" of the GraphQL over SSE protocol.

    event: next
    data: {"data": ...}

    event: complete
    data:

A comment is sent while nothing happens, so that proxies keep the connection. When the server drains, and when the
client's credentials are good no more, the response ends without `complete`: clients of this protocol then connect
again, to another replica or with a new token, and nothing is missed in silence.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Final

from starlette.types import Receive, Send

from gateway.http.interruption import disconnected
from gateway.http.limits import HttpLimits
from gateway.middleware.drain import Drain
from gateway.operation import OperationResult, ResultStream

COMPLETE: Final = b"event: complete\ndata:\n\n"
HEARTBEAT: Final = b":\n\n"
Serialise = Callable[[OperationResult], tuple[OperationResult, bytes]]

HEADERS: Final = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    # nginx would otherwise hold events back until its buffer is full.
    (b"x-accel-buffering", b"no"),
)


async def send_events(
    results: ResultStream,
    serialise: Serialise,
    receive: Receive,
    send: Send,
    *,
    limits: HttpLimits,
    drain: Drain,
    refused: Awaitable[None],
) -> None:
    """Send every result as it comes, until the stream ends, the client leaves, `refused` is done or the server drains.

    Whichever is first closes the stream at once. `serialise` is the one of `Operations`. A client that reads nothing
    for `stream_write_seconds` is let go.
    """
    write = _Writer(send, limits.stream_write_seconds)
    pump = asyncio.create_task(_pump(results, serialise, limits, write))
    gone = asyncio.create_task(disconnected(receive))
    closed = asyncio.create_task(drain.closed())
    tasks = (pump, gone, closed, asyncio.ensure_future(refused))
    with drain.stream():
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        if gone.cancelled():
            await write.end()
        failure = outcomes[0]
        if isinstance(failure, Exception) and not isinstance(failure, (OSError, TimeoutError)):
            raise failure


class _Writer:
    def __init__(self, send: Send, seconds: float) -> None:
        self._send = send
        self._seconds = seconds
        self._started = False

    async def write(self, chunk: bytes, *, more: bool = True) -> None:
        async with asyncio.timeout(self._seconds):
            if not self._started:
                self._started = True
                await self._send({"type": "http.response.start", "status": 200, "headers": list(HEADERS)})
            await self._send({"type": "http.response.body", "body": chunk, "more_body": more})

    async def end(self) -> None:
        try:
            await self.write(b"", more=False)
        except (OSError, TimeoutError):
            # The client left, or reads no more, while we said goodbye.
            return


async def _pump(results: ResultStream, serialise: Serialise, limits: HttpLimits, write: _Writer) -> None:
    await write.write(HEARTBEAT)
    async with aclosing(results):
        coming = asyncio.ensure_future(anext(results, None))
        try:
            while True:
                done, _ = await asyncio.wait({coming}, timeout=limits.sse_heartbeat_seconds)
                if not done:
                    await write.write(HEARTBEAT)
                    continue
                result = coming.result()
                if result is None:
                    await write.write(COMPLETE)
                    return
                await write.write(b"event: next\ndata: " + serialise(result)[1] + b"\n\n")
                coming = asyncio.ensure_future(anext(results, None))
        finally:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)
