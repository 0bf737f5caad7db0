"""Which requests take the shortcut."""

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.middleware.shortcut import ShortcutMiddleware


def noting(name: str, seen: list[str]) -> ASGIApp:
    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(name)

    return app


@pytest.mark.parametrize(
    ("scope", "who"),
    [
        ({"type": "http", "path": "/graphql"}, "endpoint"),
        ({"type": "websocket", "path": "/graphql"}, "endpoint"),
        ({"type": "http", "path": "/graphql/"}, "router"),
        ({"type": "http", "path": "/"}, "router"),
        ({"type": "lifespan"}, "router"),
    ],
)
async def test_only_its_own_path_does_not_pass_the_router(scope: Scope, who: str) -> None:
    seen: list[str] = []
    middleware = ShortcutMiddleware(noting("router", seen), "/graphql", noting("endpoint", seen))

    async def unused(*_: object) -> None:
        raise AssertionError

    await middleware(scope, unused, unused)  # type: ignore[arg-type]  # neither is called
    assert seen == [who]
