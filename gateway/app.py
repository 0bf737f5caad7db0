"""The composition root: every route, and the middleware in the order that a request passes it."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import structlog
from opentelemetry.trace import Tracer
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute, Route, WebSocketRoute
from strawberry.printer import print_schema
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from gateway.documents.documents import Documents
from gateway.documents.limits import DocumentLimits
from gateway.endpoint import GraphQLEndpoint
from gateway.errors import ErrorMask
from gateway.execution.reference import ReferenceExecutor
from gateway.http.limits import HttpLimits
from gateway.lifespan import STATE, Process, open_process, process_of, taking_runs
from gateway.middleware.drain import Drain, DrainMiddleware
from gateway.middleware.firewall import FirewallLimits, FirewallMiddleware
from gateway.middleware.http_metrics import HttpMetricsMiddleware
from gateway.middleware.https import HttpsMiddleware
from gateway.middleware.request_id import RequestIdMiddleware
from gateway.middleware.security_headers import SecurityHeadersMiddleware
from gateway.operation import Operations, OperationTelemetry
from gateway.pages import DemoLogin, page_routes
from gateway.scrape import metrics_page
from gateway.sdl import sdl_page
from gateway.settings import Environment, Settings
from ops.health import health_routes
from ops.telemetry.metrics import DocumentMetrics, HttpMetrics, OperationMetrics
from resolvers.context import RequestContext
from schema.build import build_schema

GRAPHQL: Final = "/graphql"
_CORS_REQUEST: Final = (
    "Apollo-Require-Preflight",
    "Authorization",
    "Content-Type",
    "Podgraph-Preflight",
    "Podgraph-Tenant",
    "Traceparent",
    "X-Request-Id",
    "X-Requested-With",
)
_CORS_RESPONSE: Final = ("ETag", "Retry-After", "Traceresponse", "X-Request-Id")
STATIC: Final = Path(__file__).parent / "static"


def create_app(settings: Settings, *, drain: Drain, tracer: Tracer, demo: DemoLogin | None = None) -> Starlette:
    """The whole application. Nothing is opened before its lifespan begins."""
    registry = CollectorRegistry()
    token = settings.http.metrics_token
    schema = build_schema()
    sdl = print_schema(schema).strip() + "\n"

    def may_introspect(context: RequestContext) -> bool:
        return context.viewer is not None or settings.environment is Environment.DEVELOPMENT

    operations: Operations[RequestContext] = Operations(
        Documents(schema._schema, DocumentLimits(), DocumentMetrics(registry)),
        ReferenceExecutor(schema._schema, seconds=settings.http.operation_seconds),
        ErrorMask(lambda: uuid4().hex, structlog.get_logger("gateway.errors")),
        OperationTelemetry(metrics=OperationMetrics(registry), tracer=tracer),
        introspection_allowed=may_introspect,
    )
    endpoint = GraphQLEndpoint(operations, _context, _limits(settings), drain)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[Mapping[str, Process]]:
        async with open_process(settings, drain, registry) as process, taking_runs(settings, process, registry):
            yield {STATE: process}

    routes: list[BaseRoute] = [
        Route(GRAPHQL, endpoint),
        WebSocketRoute(GRAPHQL, endpoint),
        *page_routes(STATIC, graphql_path=GRAPHQL, demo=demo),
        *health_routes(lambda request: process_of(request).health),
        Route("/metrics", metrics_page(registry, token.get_secret_value() if token else None)),
        Route("/schema.graphql", sdl_page(sdl, lambda request: _context(request, None), may_introspect)),
    ]
    return Starlette(routes=routes, middleware=_middleware(settings, registry, tracer, drain), lifespan=lifespan)


async def _context(connection: HTTPConnection, payload: Mapping[str, Any] | None) -> RequestContext:
    return await process_of(connection).contexts(connection, payload)


def _limits(settings: Settings) -> HttpLimits:
    http = settings.http
    return HttpLimits(
        body_bytes=http.body_bytes,
        batch_items=http.batch_items,
        get_requires_preflight=http.get_requires_preflight,
        websocket_origins=frozenset(http.cors_origins),
        vary=("Accept", "Authorization", "Podgraph-Tenant"),
    )


def _middleware(settings: Settings, registry: CollectorRegistry, tracer: Tracer, drain: Drain) -> list[Middleware]:
    """Outermost first."""
    http = settings.http
    stack = [
        Middleware(SecurityHeadersMiddleware),
        Middleware(FirewallMiddleware, limits=FirewallLimits(hosts=http.allowed_hosts or ("*",))),
        Middleware(RequestIdMiddleware, tracer=tracer, new_id=lambda: uuid4().hex, clock=time.monotonic),
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
    if http.require_https:
        stack.insert(0, Middleware(HttpsMiddleware))
    if http.trusted_proxies:
        stack.insert(
            0, Middleware(ProxyHeadersMiddleware, trusted_hosts=[str(network) for network in http.trusted_proxies])
        )
    return stack
