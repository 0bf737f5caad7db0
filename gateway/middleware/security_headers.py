"""Headers that tell browsers to trust our pages and answers no further than they must."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

NOTHING_POLICY: Final = "default-src 'none'; frame-ancestors 'none'"
"""For what names no policy of its own, as `gateway.pages` does for each page: it loads nothing."""

ALWAYS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    (b"content-security-policy", NOTHING_POLICY.encode()),
)

_Headers = tuple[tuple[bytes, bytes], ...]


class SecurityHeadersMiddleware:
    """Adds security headers that a response has not set itself.

    `hsts_seconds` is sent over TLS only; 0 leaves it out.
    """

    def __init__(self, app: ASGIApp, hsts_seconds: int = 31_536_000) -> None:
        self._app = app
        hsts = f"max-age={hsts_seconds}; includeSubDomains"
        strict = ((b"strict-transport-security", hsts.encode()),) if hsts_seconds else ()
        self._in_clear = _named(ALWAYS)
        self._over_tls = _named((*ALWAYS, *strict))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on; the headers are added when the response starts."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        ours, names = self._over_tls if scope["scheme"] == "https" else self._in_clear

        async def secure_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                given = dict(headers)
                if names.isdisjoint(given):
                    headers += ours
                else:
                    headers += [header for header in ours if header[0] not in given]
                message["headers"] = headers
            await send(message)

        await self._app(scope, receive, secure_send)


def _named(headers: _Headers) -> tuple[_Headers, frozenset[bytes]]:
    return headers, frozenset(dict(headers))
