"""Leaving without dropping anybody: ready no more, then no more streams, then gone."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Drain:
    """The state of the process's shutdown: serving → draining (`begin`) → closed to streams (`close`).

    While draining everything is still answered; `/readyz` says 503 and clients are told to reconnect elsewhere.
    """

    def __init__(self) -> None:
        self._draining = False
        self._leaving = False
        self._closed = asyncio.Event()
        self._streams = 0

    @property
    def draining(self) -> bool:
        """Whether shutdown has begun."""
        return self._draining

    @property
    def leaving(self) -> bool:
        """Whether connections should go elsewhere: from `begin` or `retire` on."""
        return self._leaving

    @property
    def streams(self) -> int:
        """Event streams and WebSocket connections still open."""
        return self._streams

    def begin(self) -> None:
        """Stop being ready; called on the first signal to stop."""
        self._draining = self._leaving = True

    def retire(self) -> None:
        """Another process has the place: stay ready, for as long as anybody asks this one."""
        self._leaving = True

    def close(self) -> None:
        """Ask every stream to end."""
        self._leaving = True
        self._closed.set()

    async def closed(self) -> None:
        """Wait until streams are asked to end."""
        await self._closed.wait()

    @contextmanager
    def stream(self) -> Iterator[None]:
        """Count a stream while it is open."""
        self._streams += 1
        try:
            yield
        finally:
            self._streams -= 1


class DrainMiddleware:
    """While draining, answers `Connection: close`, so that keep-alive clients move to another replica."""

    def __init__(self, app: ASGIApp, drain: Drain) -> None:
        self._app = app
        self._drain = drain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on; the header is decided when the response starts."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def closing_send(message: Message) -> None:
            if message["type"] == "http.response.start" and self._drain.leaving:
                MutableHeaders(scope=message)["connection"] = "close"
            await send(message)

        await self._app(scope, receive, closing_send)
