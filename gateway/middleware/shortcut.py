"""Takes the requests of one path to where its route would, without asking the router."""

from starlette.types import ASGIApp, Receive, Scope, Send


class ShortcutMiddleware:
    """For the path that nearly all requests are for: the router tries routes one by one, and wraps what is sent."""

    def __init__(self, app: ASGIApp, path: str, endpoint: ASGIApp) -> None:
        self._app = app
        self._path = path
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("path") == self._path:
            await self._endpoint(scope, receive, send)
        else:
            await self._app(scope, receive, send)
