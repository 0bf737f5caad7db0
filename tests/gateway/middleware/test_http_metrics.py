"""HTTP metrics and their bounded labels."""

import itertools

import pytest
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.middleware.http_metrics import HttpMetricsMiddleware
from ops.telemetry.metrics import HttpMetrics
from tests.gateway.middleware.asgi import Recorder, call


class Measured:
    """The middleware around an application, on a clock that advances a quarter of a second a look."""

    def __init__(self, app: ASGIApp) -> None:
        self.registry = CollectorRegistry()
        seconds = itertools.count(0, 0.25)
        metrics = HttpMetrics(self.registry)
        routes = ("/", "/graphql", "/static/")
        self.app = HttpMetricsMiddleware(app, metrics, routes=routes, clock=lambda: next(seconds))

    def value(self, name: str, /, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"podgraph_http_{name}", labels)


@pytest.mark.parametrize(
    ("path", "route"),
    [("/", "/"), ("/graphql", "/graphql"), ("/static/a.js", "/static/"), ("/wp-login.php", "other")],
)
async def test_routes_are_bounded(path: str, route: str) -> None:
    measured = Measured(Recorder())
    await call(measured.app, path)
    assert measured.value("requests_total", method="GET", route=route, status="200") == 1
    assert measured.value("request_seconds_sum", method="GET", route=route) == 0.25


async def test_methods_are_bounded() -> None:
    measured = Measured(Recorder())
    await call(measured.app, method="BREW")
    assert measured.value("requests_total", method="other", route="/", status="200") == 1


async def test_failure_counts_as_500_and_leaves_nothing_in_flight() -> None:
    async def failing(_scope: Scope, _receive: Receive, _send: Send) -> None:
        assert measured.value("requests_in_flight") == 1
        raise RuntimeError("lost")

    measured = Measured(failing)
    with pytest.raises(RuntimeError, match="lost"):
        await call(measured.app)
    assert measured.value("requests_total", method="GET", route="/", status="500") == 1
    assert measured.value("requests_in_flight") == 0


async def test_client_that_left_counts_as_499() -> None:
    async def silent(_scope: Scope, _receive: Receive, _send: Send) -> None:
        """Answer nothing."""

    measured = Measured(silent)
    await call(measured.app)
    assert measured.value("requests_total", method="GET", route="/", status="499") == 1


async def test_open_websockets_are_gauged() -> None:
    seen: list[float | None] = []

    async def socket(_scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(measured.registry.get_sample_value("podgraph_websockets_open"))

    measured = Measured(socket)
    await call(measured.app, type="websocket")
    assert [*seen, measured.registry.get_sample_value("podgraph_websockets_open")] == [1, 0]
