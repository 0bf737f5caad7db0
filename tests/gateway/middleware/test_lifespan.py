"""Middleware leaves the lifespan alone."""

from collections.abc import Callable

import pytest
from opentelemetry.trace import NoOpTracer
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.middleware.drain import Drain, DrainMiddleware
from gateway.middleware.firewall import FirewallLimits, FirewallMiddleware
from gateway.middleware.http_metrics import HttpMetricsMiddleware
from gateway.middleware.https import HttpsMiddleware
from gateway.middleware.request_id import RequestIdMiddleware
from gateway.middleware.security_headers import SecurityHeadersMiddleware
from ops.telemetry.metrics import HttpMetrics


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda app: DrainMiddleware(app, Drain()),
        lambda app: FirewallMiddleware(app, FirewallLimits()),
        lambda app: HttpMetricsMiddleware(app, HttpMetrics(CollectorRegistry()), routes=(), clock=lambda: 0.0),
        HttpsMiddleware,
        lambda app: RequestIdMiddleware(app, tracer=NoOpTracer(), new_id=str, clock=lambda: 0.0),
        SecurityHeadersMiddleware,
    ],
)
async def test_lifespan_passes_untouched(wrapped: Callable[[ASGIApp], ASGIApp]) -> None:
    seen: list[tuple[Scope, Receive, Send]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append((scope, receive, send))

    async def receive() -> Message:
        return {"type": "lifespan.startup"}

    async def send(_message: Message) -> None:
        """Nothing is sent."""

    scope = {"type": "lifespan"}
    await wrapped(app)(scope, receive, send)
    assert seen == [(scope, receive, send)]
