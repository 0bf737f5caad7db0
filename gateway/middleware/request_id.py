"""Every request has an id, a span and one line in the log."""

import re
from collections.abc import Callable, Collection
from typing import Final

import structlog
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from ops.telemetry.tracing import incoming_context, traceresponse

REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._\-]{8,128}")
SERVER_FAILURE: Final = 500


class RequestIdMiddleware:
    """Gives the request its id (the caller's X-Request-Id where it is a sane one), its span and its access log line.

    The span continues the caller's `traceparent`; `traceresponse` answers it. `quiet` paths are logged at debug level:
    health probes come every second. The log line never holds the query string, which may hold a query's
    literals, nor the client's address, which is personal data.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        tracer: Tracer,
        new_id: Callable[[], str],
        clock: Callable[[], float],
        quiet: Collection[str] = ("/livez", "/readyz", "/health", "/metrics"),
    ) -> None:
        self._app = app
        self._tracer = tracer
        self._new_id = new_id
        self._clock = clock
        self._quiet = frozenset(quiet)
        self._log = structlog.get_logger("gateway.access")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request inside its span and its log context."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if REQUEST_ID.fullmatch(given) else self._new_id()
        scope.setdefault("state", {})["request_id"] = request_id
        method = str(scope.get("method", "WEBSOCKET"))
        attributes = {"http.request.method": method, "url.path": scope["path"], "url.scheme": scope["scheme"]}
        with (
            bound_contextvars(request_id=request_id),
            self._tracer.start_as_current_span(
                method, context=incoming_context(dict(headers)), kind=SpanKind.SERVER, attributes=attributes
            ) as span,
        ):
            seen = _Seen(send, request_id, traceresponse(span.get_span_context()))
            started = self._clock()
            try:
                await self._app(scope, receive, seen.send)
            finally:
                span.set_attribute("http.response.status_code", seen.status)
                if seen.status >= SERVER_FAILURE:
                    span.set_status(Status(StatusCode.ERROR))
                self._write_line(scope, method, seen, self._clock() - started)

    def _write_line(self, scope: Scope, method: str, seen: "_Seen", seconds: float) -> None:
        write = self._log.debug if scope["path"] in self._quiet else self._log.info
        write(
            "request",
            method=method,
            path=scope["path"],
            status=seen.status,
            response_bytes=seen.bytes,
            duration_ms=round(seconds * 1000, 3),
        )


class _Seen:
    """What went out: the status (101 for an accepted WebSocket, 0 when nothing was sent) and the body's bytes."""

    def __init__(self, send: Send, request_id: str, trace: str) -> None:
        self._send = send
        self._request_id = request_id
        self._trace = trace
        self.status = 0
        self.bytes = 0

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if kind in {"http.response.start", "websocket.accept"}:
            self.status = message.get("status", 101)
            headers = MutableHeaders(scope=_with_headers(message))
            headers["x-request-id"] = self._request_id
            if self._trace:
                headers["traceresponse"] = self._trace
        elif kind == "websocket.close" and not self.status:
            self.status = 403
        elif kind == "http.response.body":
            self.bytes += len(message.get("body", b""))
        await self._send(message)


def _with_headers(message: Message) -> Message:
    """ASGI makes `headers` optional, and lets it be a tuple."""
    message["headers"] = list(message.get("headers", ()))
    return message
