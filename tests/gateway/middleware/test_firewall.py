"""Heads of requests that no honest client sends."""

import pytest
from starlette.types import Receive, Scope, Send

from gateway.middleware.firewall import FirewallLimits, FirewallMiddleware
from tests.gateway.middleware.asgi import Recorder, call


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        ({"headers": {f"x-{n}": "1" for n in range(100)}}, 431, "HEADERS_TOO_LARGE"),
        ({"headers": {"x": "a" * 32_768}}, 431, "HEADERS_TOO_LARGE"),
        ({"path": "/" + "a" * 2_048}, 414, "URI_TOO_LONG"),
        ({"query_string": b"a" * 16_385}, 414, "URI_TOO_LONG"),
        ({"method": "TRACE"}, 405, "METHOD_NOT_ALLOWED"),
        ({"path": "/a\x00b"}, 400, "BAD_REQUEST"),
        ({"path": "/a\nb"}, 400, "BAD_REQUEST"),
        ({"path": "/a\x7fb"}, 400, "BAD_REQUEST"),
        ({"path": "/a\x9b31mb"}, 400, "BAD_REQUEST"),
        ({"path": "/a\u2028b"}, 400, "BAD_REQUEST"),
        ({"path": "/a\u202eb"}, 400, "BAD_REQUEST"),
        ({"headers": {"transfer-encoding": "chunked"}, "http_version": "1.0"}, 400, "BAD_REQUEST"),
        ({"path": "/a\\b"}, 400, "BAD_REQUEST"),
        ({"path": "/static/../../etc/passwd"}, 400, "BAD_REQUEST"),
        ({"headers": {"host": ""}}, 400, "BAD_REQUEST"),
        ({"headers": {"host": "evil.example"}}, 421, "UNKNOWN_HOST"),
        ({"headers": {"host": "evilpodgraph.example"}}, 421, "UNKNOWN_HOST"),
        ({"headers": {"host": "podgraph.example.evil.example"}}, 421, "UNKNOWN_HOST"),
    ],
)
async def test_request_is_answered_by_the_firewall(request_: dict[str, object], status: int, code: str) -> None:
    app = Recorder()
    limits = FirewallLimits(hosts=("localhost", "*.podgraph.example"))
    answer = await call(FirewallMiddleware(app, limits), **request_)  # type: ignore[arg-type]  # keyword by keyword
    assert (answer.status, answer.code, answer.headers["connection"]) == (status, code, "close")
    assert app.scopes == []


async def test_two_host_headers_are_refused() -> None:
    app = Recorder()
    firewall = FirewallMiddleware(app, FirewallLimits())

    async def with_two(scope: Scope, receive: Receive, send: Send) -> None:
        await firewall({**scope, "headers": [(b"host", b"a"), (b"host", b"b")]}, receive, send)

    assert (await call(with_two)).status == 400
    assert app.scopes == []


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8000", "api.podgraph.example", "a.b.podgraph.example.", "[::1]:8000"]
)
async def test_served_hosts_pass(host: str) -> None:
    app = Recorder()
    limits = FirewallLimits(hosts=("localhost", "*.podgraph.example", "::1"))
    assert (await call(FirewallMiddleware(app, limits), headers={"host": host})).status == 200
    assert len(app.scopes) == 1


async def test_websocket_handshake_is_closed() -> None:
    app = Recorder()
    firewall = FirewallMiddleware(app, FirewallLimits(hosts=("podgraph.example",)))
    answer = await call(firewall, type="websocket", scheme="ws")
    assert [(m["type"], m["code"]) for m in answer.messages] == [("websocket.close", 1008)]
    assert app.scopes == []
