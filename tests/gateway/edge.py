"""The edge on a real socket: the small schema behind uvicorn, in this process, on a free port."""

import asyncio
import itertools
import socket
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import msgspec
import structlog
import uvicorn
from graphql import OperationDefinitionNode
from opentelemetry.trace import NoOpTracer, Tracer
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp
from structlog.testing import LogCapture

from gateway.cost.budgets import Budgets
from gateway.cost.local_budgets import LocalBudgets
from gateway.cost.model import CostModel
from gateway.cost.prices import Prices
from gateway.documents.documents import Document, Documents
from gateway.documents.limits import DocumentLimits
from gateway.documents.source import DocumentSource
from gateway.endpoint import GraphQLEndpoint
from gateway.errors import ErrorMask
from gateway.execution.compiled import CompiledExecutor
from gateway.execution.reference import ReferenceExecutor
from gateway.http.limits import HttpLimits
from gateway.middleware.drain import Drain
from gateway.operation import OperationParts, Operations, OperationTelemetry
from gateway.settings import TrustedDocuments
from ops.telemetry.metrics import ClientMetrics, CostMetrics, DocumentMetrics, ExecutionMetrics, OperationMetrics
from resolvers.billing.spending import Client
from tests.gateway.small_schema import ANNOTATIONS, Bench, SmallContext, context_factory, small_schema


class NothingRegistered:
    """No document is registered."""

    async def by_id(self, given: str) -> str | None:
        return None

    async def has(self, digest: str) -> bool:
        return False


class Used:
    """The operations that were counted, by their clients."""

    def __init__(self) -> None:
        self.operations: list[tuple[str, str]] = []

    def count(
        self, document: Document, operation: OperationDefinitionNode, variables: Mapping[str, Any], client: Client
    ) -> None:
        self.operations.append((operation.name.value if operation.name else "", client.name))


class Edge:
    """One endpoint and everything a test may look at."""

    def __init__(
        self,
        *,
        http: HttpLimits | None = None,
        documents: DocumentLimits | None = None,
        seconds: float = 5.0,
        strangers_introspect: bool = True,
        tracer: Tracer | None = None,
        budgets: Budgets | None = None,
        source: DocumentSource | None = None,
    ) -> None:
        self.bench = Bench()
        self.usage = Used()
        self.registry = CollectorRegistry()
        self.drain = Drain()
        self.logs = LogCapture()
        log = structlog.wrap_logger(None, processors=[self.logs], wrapper_class=structlog.BoundLogger)
        numbers = itertools.count(1)
        schema = small_schema()
        self.operations: Operations[SmallContext] = Operations(
            OperationParts(
                source=source
                or DocumentSource(NothingRegistered(), None, TrustedDocuments.OFF, ClientMetrics(CollectorRegistry())),
                documents=Documents(schema, documents or DocumentLimits(), DocumentMetrics(self.registry)),
                prices=Prices(CostModel(schema, ANNOTATIONS)),
                budgets=budgets or LocalBudgets(time.monotonic),
                usage=self.usage,
                executor=CompiledExecutor(
                    schema,
                    ExecutionMetrics(self.registry),
                    seconds=seconds,
                    reference=ReferenceExecutor(schema, seconds=seconds),
                ),
            ),
            ErrorMask(lambda: f"error-{next(numbers)}", log),
            OperationTelemetry(
                metrics=OperationMetrics(self.registry), cost=CostMetrics(self.registry), tracer=tracer or NoOpTracer()
            ),
            hold_seconds=60,
            introspection_allowed=lambda context: strangers_introspect or context.viewer is not None,
        )
        self.app: ASGIApp = GraphQLEndpoint(
            self.operations, context_factory(self.bench), http or HttpLimits(), self.drain
        )
        self.base = ""

    def count(self, name: str, /, **labels: str) -> float:
        """The value of a metric, 0 where it has none."""
        return self.registry.get_sample_value(name, labels) or 0.0


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncGenerator[str, None]:
    """`host:port` of a running uvicorn."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, lifespan="off", ws="websockets-sansio", timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    # pytest keeps the process's signal handlers: only the server proper is run.
    task = asyncio.create_task(server._serve([listener]))
    await until(lambda: server.started)
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        await _stop(server, task)


async def _stop(server: uvicorn.Server, task: asyncio.Task[None]) -> None:
    """Drop everything at once: uvicorn's own way out waits a fifth of a second, which two hundred tests feel."""
    for listening in server.servers:
        listening.close()
    for connection in list(server.server_state.connections):
        connection.transport.abort()
    task.cancel()
    await asyncio.gather(task, *server.server_state.tasks, return_exceptions=True)


@asynccontextmanager
async def client_of(edge: Edge) -> AsyncGenerator[httpx2.AsyncClient, None]:
    """An HTTP client of a running edge."""
    async with served(edge.app) as address:
        edge.base = address
        async with httpx2.AsyncClient(base_url=f"http://{address}", timeout=10) as client:
            yield client


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait for something that happens in a server, which has no event to await. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


def json_of(response: httpx2.Response) -> Any:
    """The decoded body, without what operations cost: tests of cost look at `response.json()`."""
    return uncosted(msgspec.json.decode(response.content))


def uncosted(payload: Any) -> Any:
    """A response, a batch of them, or a message that carries one, without `extensions.cost`."""
    if isinstance(payload, list):
        return [uncosted(item) for item in payload]
    if not isinstance(payload, dict):
        return payload
    kept = {name: uncosted(value) if name == "payload" else value for name, value in payload.items()}
    if isinstance(kept.get("extensions"), dict) and "cost" in kept["extensions"]:
        others = {name: value for name, value in kept["extensions"].items() if name != "cost"}
        kept = {
            **{name: value for name, value in kept.items() if name != "extensions"},
            **({"extensions": others} if others else {}),
        }
    return kept
