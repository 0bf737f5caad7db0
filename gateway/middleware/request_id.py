"""Every request has an id, a span and one line in the log."""

import re
from collections.abc import Callable, Collection
from functools import cached_property
from typing import Final

from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, reset_contextvars
from structlog.typing import FilteringBoundLogger

from gateway.http.head import Head, head_of
from ops.telemetry.logging import logger
from ops.telemetry.tracing import incoming_context, records, traceresponse

REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._\-]{8,128}")
SERVER_FAILURE: Final = 500

_OURS: Final = frozenset({b"x-request-id", b"traceresponse"})


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
        self._traced = records(tracer)
        self._new_id = new_id
        self._clock = clock
        self._quiet = frozenset(quiet)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request inside its span and its log context."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        head = head_of(scope)
        given = head.get("x-request-id")
        request_id = given if given is not None and REQUEST_ID.fullmatch(given) else self._new_id()
        scope.setdefault("state", {})["request_id"] = request_id
        bound = bind_contextvars(request_id=request_id)
        try:
            # Most servers record no spans, and most requests bring none.
            if self._traced or "traceparent" in head:
                await self._in_span(head, scope, receive, _Seen(send, request_id))
            else:
                await self._served(scope, receive, _Seen(send, request_id))
        finally:
            reset_contextvars(**bound)

    async def _in_span(self, head: Head, scope: Scope, receive: Receive, seen: "_Seen") -> None:
        method = _method(scope)
        attributes = {"http.request.method": method, "url.path": scope["path"], "url.scheme": scope["scheme"]}
        parent = incoming_context({name: ",".join(head.every(name)) for name in ("traceparent", "tracestate")})
        with self._tracer.start_as_current_span(
            method, context=parent, kind=SpanKind.SERVER, attributes=attributes
        ) as span:
            seen.trace = traceresponse(span.get_span_context())
            try:
                await self._served(scope, receive, seen)
            finally:
                span.set_attribute("http.response.status_code", seen.status)
                if seen.status >= SERVER_FAILURE:
                    span.set_status(Status(StatusCode.ERROR))

    async def _served(self, scope: Scope, receive: Receive, seen: "_Seen") -> None:
        started = self._clock()
        try:
            await self._app(scope, receive, seen.send)
        finally:
            self._write_line(scope, seen, self._clock() - started)

    @cached_property
    def _log(self) -> FilteringBoundLogger:
        """As logs are configured when the first line is written; a logger that is not bound looks it up for each."""
        return logger("gateway.access").bind()

    def _write_line(self, scope: Scope, seen: "_Seen", seconds: float) -> None:
        log = self._log
        write = log.debug if scope["path"] in self._quiet else log.info
        write(
            "request",
            method=_method(scope),
            path=scope["path"],
            status=seen.status,
            response_bytes=seen.bytes,
            duration_ms=round(seconds * 1000, 3),
        )


class _Seen:
    """What went out: the status (101 for an accepted WebSocket, 0 when nothing was sent) and the body's bytes.

    `trace` is the response header of that name, empty outside any trace.
    """

    __slots__ = ("_request_id", "_send", "bytes", "status", "trace")

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self.trace = ""
        self.status = 0
        self.bytes = 0

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "http.response.body":
            self.bytes += len(message.get("body", b""))
        elif kind in {"http.response.start", "websocket.accept"}:
            self.status = message.get("status", 101)
            headers = list(message.get("headers", ()))
            if not _OURS.isdisjoint(dict(headers)):
                headers = [header for header in headers if header[0] not in _OURS]
            headers.append((b"x-request-id", self._request_id.encode()))
            if self.trace:
                headers.append((b"traceresponse", self.trace.encode()))
            message["headers"] = headers
        elif kind == "websocket.close" and not self.status:
            self.status = 403
        await self._send(message)


def _method(scope: Scope) -> str:
    return str(scope.get("method", "WEBSOCKET"))
