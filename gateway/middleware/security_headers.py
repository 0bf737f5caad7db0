"""Headers that tell browsers to trust our pages and answers no further than they must."""

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NOTHING_POLICY: Final = "default-src 'none'; frame-ancestors 'none'"
"""For what names no policy of its own, as `gateway.pages` does for each page: it loads nothing."""

ALWAYS: Final = (
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)


class SecurityHeadersMiddleware:
    """Adds security headers that a response has not set itself.

    `hsts_seconds` is sent over TLS only; 0 leaves it out.
    """

    def __init__(self, app: ASGIApp, hsts_seconds: int = 31_536_000) -> None:
        self._app = app
        self._hsts = f"max-age={hsts_seconds}; includeSubDomains" if hsts_seconds else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on; the headers are added when the response starts."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def secure_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in ALWAYS:
                    headers.setdefault(name, value)
                headers.setdefault("content-security-policy", NOTHING_POLICY)
                if self._hsts and scope["scheme"] == "https":
                    headers.setdefault("strict-transport-security", self._hsts)
            await send(message)

        await self._app(scope, receive, secure_send)
