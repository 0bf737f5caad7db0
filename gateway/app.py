"""The composition root: every route, and the middleware in the order that a request passes it."""

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random, SystemRandom
from typing import Any, Final

from opentelemetry.trace import Tracer
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from gateway.endpoint import GraphQLEndpoint
from gateway.http.limits import HttpLimits
from gateway.lifespan import STATE, Process, Telemetry, open_operations, open_process, process_of, taking_runs
from gateway.middleware.drain import Drain, DrainMiddleware
from gateway.middleware.firewall import FirewallLimits, FirewallMiddleware
from gateway.middleware.http_metrics import HttpMetricsMiddleware
from gateway.middleware.https import HttpsMiddleware
from gateway.middleware.request_id import RequestIdMiddleware
from gateway.middleware.security_headers import SecurityHeadersMiddleware
from gateway.middleware.shortcut import ShortcutMiddleware
from gateway.pages import DemoLogin, page_routes
from gateway.scrape import Exposition, exposition_of, metrics_page
from gateway.sdl import sdl_page
from gateway.settings import Environment, Settings
from ops.health import health_routes
from ops.telemetry.metrics import CostMetrics, HttpMetrics
from resolvers.context import RequestContext
from schema.graph import build_graph

GRAPHQL: Final = "/graphql"
_CORS_REQUEST: Final = (
    "Apollo-Require-Preflight",
    "Apollographql-Client-Name",
    "Apollographql-Client-Version",
    "Authorization",
    "Cache-Control",
    "Content-Type",
    "GraphQL-Cost",
    "Podgraph-Consistency",
    "Podgraph-Preflight",
    "Podgraph-Tenant",
    "Traceparent",
    "X-Request-Id",
    "X-Requested-With",
)
_CORS_RESPONSE: Final = (
    "ETag",
    "Podgraph-Consistency",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "Traceresponse",
    "X-Request-Id",
)
_ENDPOINT: Final = "endpoint"
"""Where the endpoint of GraphQL lies in the state of an ASGI scope."""

STATIC: Final = Path(__file__).parent / "static"


def create_app(
    settings: Settings,
    *,
    drain: Drain,
    tracer: Tracer,
    demo: DemoLogin | None = None,
    registry: CollectorRegistry | None = None,
    exposition: Exposition | None = None,
) -> Starlette:
    """The whole application. Nothing is opened before its lifespan begins.

    A process that is one of several gives the `registry` to count in, and the `exposition` of them all.
    """
    registry = registry or CollectorRegistry()
    telemetry = Telemetry(registry=registry, cost=CostMetrics(registry), tracer=tracer)
    token = settings.http.metrics_token
    graph = build_graph()

    def may_introspect(context: RequestContext) -> bool:
        return context.viewer is not None or settings.environment is Environment.DEVELOPMENT

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[Mapping[str, Process | GraphQLEndpoint[RequestContext]]]:
        async with (
            open_process(settings, drain, registry, telemetry.cost, serving=True) as process,
            open_operations(settings, process, graph, telemetry, may_introspect) as operations,
            taking_runs(settings, process, registry),
        ):
            yield {STATE: process, _ENDPOINT: GraphQLEndpoint(operations, _context, _limits(settings), drain)}

    routes: list[BaseRoute] = [
        Route(GRAPHQL, _Graphql()),
        WebSocketRoute(GRAPHQL, _Graphql()),
        *page_routes(STATIC, graphql_path=GRAPHQL, demo=demo),
        *health_routes(lambda request: process_of(request).health),
        Route(
            "/metrics", metrics_page(exposition or exposition_of(registry), token.get_secret_value() if token else None)
        ),
        Route("/schema.graphql", sdl_page(graph.sdl, lambda request: _context(request, None), may_introspect)),
    ]
    return Starlette(routes=routes, middleware=_middleware(settings, registry, tracer, drain), lifespan=lifespan)


class _Graphql:
    """The endpoint that the lifespan opened. A class, since Starlette takes a function for a view."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await scope["state"][_ENDPOINT](scope, receive, send)


async def _context(connection: HTTPConnection, payload: Mapping[str, Any] | None) -> RequestContext:
    return await process_of(connection).contexts(connection, payload)


def _request_ids() -> Callable[[], str]:
    """128 random bits each: unlike any other, and nothing that must not be guessed."""
    bits = Random(SystemRandom().getrandbits(128)).getrandbits  # noqa: S311  # as said, no secret
    return lambda: f"{bits(128):032x}"


def _limits(settings: Settings) -> HttpLimits:
    http = settings.http
    return HttpLimits(
        body_bytes=http.body_bytes,
        batch_items=http.batch_items,
        get_requires_preflight=http.get_requires_preflight,
        websocket_origins=frozenset(http.cors_origins),
        vary="Accept, Authorization, Podgraph-Tenant",
    )


def _middleware(settings: Settings, registry: CollectorRegistry, tracer: Tracer, drain: Drain) -> list[Middleware]:
    """Outermost first."""
    http = settings.http
    stack = [
        Middleware(SecurityHeadersMiddleware),
        Middleware(FirewallMiddleware, limits=FirewallLimits(hosts=http.allowed_hosts or ("*",))),
        Middleware(RequestIdMiddleware, tracer=tracer, new_id=_request_ids(), clock=time.monotonic),
        Middleware(
            HttpMetricsMiddleware,
            metrics=HttpMetrics(registry),
            routes=(
                GRAPHQL,
                "/",
                "/graphiql",
                "/readme",
                "/static/",
                "/livez",
                "/readyz",
                "/health",
                "/metrics",
                "/schema.graphql",
            ),
            clock=time.monotonic,
        ),
        Middleware(DrainMiddleware, drain=drain),
    ]
    if http.cors_origins:
        stack.append(
            Middleware(
                CORSMiddleware,
                allow_origins=http.cors_origins,
                allow_methods=("GET", "POST"),
                allow_headers=_CORS_REQUEST,
                expose_headers=_CORS_RESPONSE,
                max_age=3600,
            )
        )
    stack.append(Middleware(ShortcutMiddleware, path=GRAPHQL, endpoint=_Graphql()))
    if http.require_https:
        stack.insert(0, Middleware(HttpsMiddleware))
    if http.trusted_proxies:
        stack.insert(
            0, Middleware(ProxyHeadersMiddleware, trusted_hosts=[str(network) for network in http.trusted_proxies])
        )
    return stack
