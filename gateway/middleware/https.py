"""HTTPS only, for deployments that are reached through TLS.

Behind a trusted proxy the scheme comes from X-Forwarded-Proto, which uvicorn's ProxyHeadersMiddleware has read before
this runs.
"""

from collections.abc import Collection

import msgspec
from starlette.datastructures import URL
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose


class HttpsMiddleware:
    """Sends browsers to https; refuses everything else that comes in clear.

    A GET or HEAD without credentials is redirected with 308. Anything with a body or with credentials gets 403 instead:
    a redirect would let a client go on leaking its token on every first try. `exempt` paths (health probes, metrics)
    are answered in clear.
    """

    def __init__(self, app: ASGIApp, exempt: Collection[str] = ("/livez", "/readyz", "/health", "/metrics")) -> None:
        self._app = app
        self._exempt = frozenset(exempt)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what came over TLS."""
        clear = scope["type"] in {"http", "websocket"} and scope["scheme"] in {"http", "ws"}
        if not clear or scope["path"] in self._exempt:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocketClose(1008)(scope, receive, send)
        elif scope["method"] in {"GET", "HEAD"} and not any(name == b"authorization" for name, _ in scope["headers"]):
            url = URL(scope=scope)
            host = url.hostname or ""
            netloc = f"[{host}]" if ":" in host else host
            await RedirectResponse(url.replace(scheme="https", netloc=netloc), 308)(scope, receive, send)
        else:
            error = {"message": "Use https.", "extensions": {"code": "HTTPS_REQUIRED"}}
            body = msgspec.json.encode({"errors": [error]})
            await Response(body, 403, media_type="application/json")(scope, receive, send)
