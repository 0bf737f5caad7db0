"""Refuses what no honest client sends, before anything of ours reads it."""

from collections.abc import Sequence
from itertools import chain
from typing import Final

import msgspec
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

METHODS: Final = frozenset({"GET", "HEAD", "POST", "OPTIONS"})
POLICY_VIOLATION: Final = 1008
METHOD_NOT_ALLOWED: Final = 405


class FirewallLimits(msgspec.Struct, frozen=True):
    """Bounds of a request's head. `hosts` are exact names or `*.example.com`; `*` allows all; ports do not matter."""

    hosts: tuple[str, ...] = ("*",)
    headers: int = 100
    header_bytes: int = 32 * 1024
    path_bytes: int = 2 * 1024
    query_bytes: int = 16 * 1024


class Refusal(msgspec.Struct, frozen=True):
    """Why a request is turned away."""

    status: int
    code: str
    message: str


class FirewallMiddleware:
    """Answers 400, 405, 414, 421 or 431 to a request whose head breaks a limit; closes such a WebSocket handshake."""

    def __init__(self, app: ASGIApp, limits: FirewallLimits) -> None:
        self._app = app
        self._limits = limits
        self._hosts = None if "*" in limits.hosts else tuple(pattern.lower() for pattern in limits.hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it here."""
        refusal = self._refusal(scope) if scope["type"] in {"http", "websocket"} else None
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocketClose(POLICY_VIOLATION)(scope, receive, send)
        else:
            await _response(refusal)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Refusal | None:
        """What is wrong with a request's head; None when nothing is."""
        headers = scope["headers"]
        size = sum(map(len, chain.from_iterable(headers)))
        hosts = [value for name, value in headers if name == b"host"]
        return _oversized(scope, size, self._limits) or _malformed(scope) or self._misdirected(hosts)

    def _misdirected(self, hosts: Sequence[bytes]) -> Refusal | None:
        if len(hosts) != 1 or not hosts[0]:
            return Refusal(400, "BAD_REQUEST", "The request needs exactly one Host header.")
        if self._hosts is not None and not _served(_host(hosts[0].decode("latin-1")), self._hosts):
            return Refusal(421, "UNKNOWN_HOST", "This host is not served here.")
        return None


def _oversized(scope: Scope, size: int, limits: FirewallLimits) -> Refusal | None:
    """`size` is that of all headers."""
    if len(scope["headers"]) > limits.headers or size > limits.header_bytes:
        return Refusal(431, "HEADERS_TOO_LARGE", "The request has too many headers, or too large ones.")
    if len(scope.get("raw_path") or b"") > limits.path_bytes or len(scope["query_string"]) > limits.query_bytes:
        return Refusal(414, "URI_TOO_LONG", "The address is too long; send the query by POST.")
    return None


def _malformed(scope: Scope) -> Refusal | None:
    if scope["type"] == "http" and scope["method"] not in METHODS:
        return Refusal(METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", "The method is not supported.")
    path: str = scope["path"]
    # What is not printable could steer the terminal that shows the log.
    if not path.isprintable() or "\\" in path or (".." in path and ".." in path.split("/")):
        return Refusal(400, "BAD_REQUEST", "The path is malformed.")
    if scope.get("http_version") == "1.0" and any(name == b"transfer-encoding" for name, _ in scope["headers"]):
        return Refusal(400, "BAD_REQUEST", "HTTP/1.0 has no Transfer-Encoding: where the body ends is in doubt.")
    return None


def _host(header: str) -> str:
    if header.startswith("["):
        return header.partition("]")[0].removeprefix("[").lower()
    return header.partition(":")[0].lower().rstrip(".")


def _served(host: str, patterns: Sequence[str]) -> bool:
    return any(pattern == host or (pattern.startswith("*.") and host.endswith(pattern[1:])) for pattern in patterns)


def _response(refusal: Refusal) -> Response:
    headers = {"cache-control": "no-store", "connection": "close"}
    if refusal.status == METHOD_NOT_ALLOWED:
        headers["allow"] = ", ".join(sorted(METHODS))
    error = {"message": refusal.message, "extensions": {"code": refusal.code}}
    body = msgspec.json.encode({"errors": [error]})
    return Response(body, refusal.status, headers, media_type="application/json")
