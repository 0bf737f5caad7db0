"""A connection whose request's head does not come in time, or does not end, is closed.

uvicorn waits for ever: who opens connections and sends nothing, or a byte a minute, takes all there are (Slowloris);
and it keeps all of a head, however long, before anybody sees it.
The time for a body is the endpoint's to bound, and between two requests the keep-alive timeout runs.
"""

import asyncio
from typing import Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.whole_writes import WholeWrites

HEAD_SECONDS: Final = 15.0
HEAD_BYTES: Final = 128 * 1024
"""Well beyond what the firewall accepts, so that most who send too much are told so."""


class PromptProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1, in whole writes.

    `head_seconds` count from the first byte of a head; those of the first head from the connection.
    """

    head_seconds = HEAD_SECONDS

    _deadline: asyncio.TimerHandle | None = None
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self._await_head()
        self._head_bytes += len(data)
        super().data_received(data)
        if self._deadline is not None and self._head_bytes > HEAD_BYTES:
            self.transport.close()

    def on_headers_complete(self) -> None:
        self._head_is_here()
        before = self.cycle
        super().on_headers_complete()
        # There is no new one for a WebSocket's handshake.
        if self.cycle is not None and self.cycle is not before:
            self.cycle.transport = cast("asyncio.Transport", WholeWrites(self.transport, self.loop))

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_here()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        if self._deadline is None:
            self._head_bytes = 0
            self._deadline = self.loop.call_later(self.head_seconds, self.transport.close)

    def _head_is_here(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
