"""The composition root: every route, and the middleware in the order that a request passes it."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from uuid import uuid4

import structlog
from opentelemetry.trace import Tracer
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from strawberry.printer import print_schema
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from gateway.context import Contexts
from gateway.documents.documents import Documents
from gateway.documents.limits import DocumentLimits
from gateway.endpoint import GraphQLEndpoint
from gateway.errors import ErrorMask
from gateway.execution.reference import ReferenceExecutor
from gateway.http.limits import HttpLimits
from gateway.lifespan import open_services
from gateway.middleware.drain import Drain, DrainMiddleware
from gateway.middleware.firewall import FirewallLimits, FirewallMiddleware
from gateway.middleware.http_metrics import HttpMetricsMiddleware
from gateway.middleware.https import HttpsMiddleware
from gateway.middleware.request_id import RequestIdMiddleware
from gateway.middleware.security_headers import SecurityHeadersMiddleware
from gateway.operation import Operations, OperationTelemetry
from gateway.pages import DemoLogin, page_routes
from gateway.settings import Environment, Http, Settings
from ops.health import HealthCheck, Probe, health_routes
from ops.telemetry.metrics import DocumentMetrics, HttpMetrics, OperationMetrics
from resolvers.context import RequestContext, Services
from schema.build import build_schema

GRAPHQL_PATH: Final = "/graphql"
STATIC: Final = Path(__file__).parent / "static"


def create_app(settings: Settings, *, drain: Drain, tracer: Tracer, demo: DemoLogin | None = None) -> Starlette:
    """The whole application. Nothing is opened before its lifespan begins."""
    schema = build_schema()
    registry = CollectorRegistry()
    contexts = Contexts()
    operations: Operations[RequestContext] = Operations(
        Documents(schema._schema, DocumentLimits(), DocumentMetrics(registry)),
        ReferenceExecutor(schema._schema, seconds=settings.http.operation_seconds),
        ErrorMask(lambda: uuid4().hex, structlog.get_logger("gateway.errors")),
        OperationTelemetry(metrics=OperationMetrics(registry), tracer=tracer),
        introspection_allowed=lambda context: (
            context.viewer is not None or settings.environment is Environment.DEVELOPMENT
        ),
    )
    endpoint = GraphQLEndpoint(operations, contexts, _http_limits(settings.http), drain)
    health = HealthCheck(contexts.probes(), draining=lambda: drain.draining, clock=time.monotonic)
    sdl = print_schema(schema).strip() + "\n"

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with open_services(settings) as services:
            contexts.services = services
            yield

    async def metrics(_request: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    async def schema_text(_request: Request) -> Response:
        return PlainTextResponse(sdl)

    routes: list[BaseRoute] = [
        Route(GRAPHQL_PATH, endpoint),
        *page_routes(STATIC, graphql_path=GRAPHQL_PATH, demo=demo),
        *health_routes(health),
        Route("/metrics", metrics),
        Route("/schema.graphql", schema_text),
    ]
    return Starlette(routes=routes, middleware=_middleware(settings, registry, tracer, drain), lifespan=lifespan)
