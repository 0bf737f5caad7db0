"""Counts and times HTTP requests by method, route and status."""

from collections.abc import Callable, Collection
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ops.telemetry.metrics import HttpMetrics

METHODS: Final = frozenset({"GET", "HEAD", "POST", "OPTIONS"})


class HttpMetricsMiddleware:
    """`routes` are the paths that get a label of their own; a prefix ends with `/`; the rest is "other"."""

    def __init__(
        self, app: ASGIApp, metrics: HttpMetrics, *, routes: Collection[str], clock: Callable[[], float]
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._paths = frozenset(route for route in routes if not route.endswith("/") or route == "/")
        self._prefixes = tuple(route for route in routes if route.endswith("/") and route != "/")
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Measure until the last byte is sent, also when the application fails or the client leaves."""
        if scope["type"] == "websocket":
            with self._metrics.websockets.track_inprogress():
                await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # nginx's word for a client that left before its answer.
        status = "499"

        async def counting_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        method = scope["method"] if scope["method"] in METHODS else "other"
        route = self._route(scope["path"])
        started = self._clock()
        self._metrics.begin()
        try:
            await self._app(scope, receive, counting_send)
        except Exception:
            status = "500"
            raise
        finally:
            self._metrics.end(method, route, status, self._clock() - started)

    def _route(self, path: str) -> str:
        if path in self._paths:
            return path
        return next((prefix for prefix in self._prefixes if path.startswith(prefix)), "other")
