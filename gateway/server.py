"""uvicorn, leaving in order: not ready, then no streams, then the last answers, then gone.

    signal → Drain.begin: /readyz is 503, everything is still answered, new connections too
           → `drain_seconds` later Drain.close: SSE responses end, WebSockets close with 1001
           → streams gone (or `STREAM_SECONDS` over): uvicorn stops listening and waits for requests in flight

Without the first step a load balancer goes on sending requests to a socket that no longer listens.
"""

import gc
import signal
import socket
import time
from types import FrameType
from typing import Final

import uvicorn

from gateway.middleware.drain import Drain
from gateway.prompt import PromptProtocol

STREAM_SECONDS: Final = 6.0
"""How long closing streams may take; a little more than a WebSocket gives its queries in flight."""

GC_THRESHOLDS: Final = (10_000, 20, 20)
"""Measured: 2 to 16 % less time for answers of some thousand objects than with Python's own, in the same memory."""


class DrainingServer(uvicorn.Server):
    """A uvicorn server whose first SIGTERM starts the drain; Ctrl-C skips the wait, a second signal ends it."""

    def __init__(self, config: uvicorn.Config, drain: Drain, *, drain_seconds: float) -> None:
        super().__init__(config)
        self._drain = drain
        self._drain_seconds = drain_seconds
        self._close_at: float | None = None
        self._give_up_at: float | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open, then set apart what now exists: it lives as long as the process, and is most of what the cyclic
        garbage collector would walk over and over while a large answer is made. Of what comes later nearly nothing is
        cyclic, and Python's own thresholds would have it walked a hundred times for one large answer."""
        await super().startup(sockets)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to drain; a second signal is uvicorn's own, which stops at once."""
        first = not self._drain.draining
        super().handle_exit(sig, frame)
        if first:
            self._drain.begin()
            self._close_at = time.monotonic() + (0.0 if sig == signal.SIGINT else self._drain_seconds)
            self.should_exit = False

    def retire(self) -> None:
        """Another process has the place: end like after SIGTERM, but stay ready, since the address is served."""
        self._drain.retire()
        self._close_at = time.monotonic() + self._drain_seconds

    async def on_tick(self, counter: int) -> bool:
        """Called by uvicorn every 0.1 s; true when it is time to stop listening."""
        now = time.monotonic()
        if self._close_at is not None and now >= self._close_at:
            self._close_at = None
            self._give_up_at = now + STREAM_SECONDS
            self._drain.close()
        elif self._give_up_at is not None and (not self._drain.streams or now >= self._give_up_at):
            self.should_exit = True
        return await super().on_tick(counter)


def server_config(
    app: object, *, host: str, port: int, max_message_bytes: int, graceful_seconds: int
) -> uvicorn.Config:
    """uvicorn as the gateway needs it.

    Proxy headers are off here, because which proxies to trust is a setting of the application's own middleware; log
    configuration is off, because `ops.telemetry.logging` has it; frames beyond twice the endpoint's own limit are cut
    off by the protocol before they are buffered whole; a connection that sends no request is closed (`gateway.prompt`).
    """
    return uvicorn.Config(
        app,  # type: ignore[arg-type]  # uvicorn's private ASGI types and Starlette's differ in name only
        host=host,
        port=port,
        http=PromptProtocol,
        ws="websockets-sansio",
        loop="uvloop",
        ws_max_size=2 * max_message_bytes,
        ws_per_message_deflate=False,
        proxy_headers=False,
        server_header=False,
        log_config=None,
        access_log=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=graceful_seconds,
    )
