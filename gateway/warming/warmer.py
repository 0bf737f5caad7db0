"""The warmer: asks queries in the name of every tenant and kind of viewer, so that what they read is kept."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol
from uuid import uuid4

import msgspec
import structlog
from graphql import OperationDefinitionNode
from opentelemetry.trace import NoOpTracer
from prometheus_client import CollectorRegistry

from gateway.cost.budgets import Allowance, Hold, Level
from gateway.cost.model import CostModel
from gateway.cost.points import Points
from gateway.cost.prices import Prices
from gateway.documents.documents import Document, Documents
from gateway.documents.registered import Registered
from gateway.documents.source import DocumentSource
from gateway.errors import ErrorMask
from gateway.execution.compiled import CompiledExecutor
from gateway.execution.reference import ReferenceExecutor
from gateway.operation import (
    QUERIES,
    OperationParts,
    OperationRequest,
    OperationResult,
    Operations,
    OperationTelemetry,
)
from gateway.responses.answers import Answers
from gateway.responses.policies import Policies
from gateway.settings import TrustedDocuments
from gateway.warming.queries import Query
from ops.telemetry.metrics import ClientMetrics, CostMetrics, ExecutionMetrics, OperationMetrics
from persistence.errors import PersistenceError
from persistence.ids import TenantId
from persistence.repositories.tenants import tenants_of
from resolvers.billing.plans import PLANS, PlanName
from resolvers.billing.spending import Client, Spending
from resolvers.context import RequestContext, Services
from resolvers.ids import TENANT, typed_id
from resolvers.policy import Role, Scope, Viewer
from resolvers.sight import NOTHING_DEMANDED, OperationSight, begun
from schema.graph import Graph

TOLD: Final = 5
"""Errors that are told in words; all are counted."""

_PATIENCE: Final = 5.0
"""Seconds for which a process may need to hear all that others write before it may keep anything."""


class Rights(msgspec.Struct, frozen=True):
    """A kind of viewer: whole answers are kept for each of them, everything below is shared."""

    role: Role | None = None
    scopes: frozenset[Scope] = frozenset()
    """Of an API key, where there is no role."""

    def viewer(self, tenant_id: TenantId) -> Viewer:
        return Viewer(tenant_id=tenant_id, role=self.role, scopes=self.scopes)


class Report(msgspec.Struct):
    """What has been done so far, in operations."""

    warmed: int = 0
    """Executed: what may be kept of them is."""
    there: int = 0
    """Whole answers that were kept already."""
    failed: int = 0
    passed: int = 0
    """Of ids that are no tenant's."""
    tenants: int = 0
    errors: list[str] = msgspec.field(default_factory=list)
    """The first few."""
    stopped: str | None = None
    """Why it was not all done, as half a sentence."""

    @property
    def done(self) -> int:
        return self.warmed + self.there + self.failed + self.passed


class Signs(Protocol):
    """What says when to stop."""

    async def sign(self) -> str | None:
        """Why to stop, as half a sentence."""


class Warmer:
    """Asks `batch` operations at once, and looks for pressure before the next."""

    def __init__(
        self,
        operations: Operations[RequestContext],
        services: Services,
        pressure: Signs,
        *,
        batch: int,
        patience: float = _PATIENCE,
    ) -> None:
        self._operations = operations
        self._services = services
        self._pressure = pressure
        self._batch = batch
        self._patience = patience

    async def warm(
        self,
        tenants: Iterable[TenantId],
        queries: Sequence[Query],
        rights: Sequence[Rights],
        progress: Callable[[Report], None],
    ) -> Report:
        """Asks all queries with all rights for each of the tenants; `progress` is told after each batch."""
        report = Report(stopped=await self._pressure.sign())
        waiting: list[tuple[Viewer, Query]] = []
        each = len(queries) * len(rights)
        try:
            for tenant_id in tenants:
                if report.stopped is not None:
                    return report
                if not await self._exists(tenant_id):
                    report.passed += each
                    progress(report)
                    continue
                report.tenants += 1
                # The first of the rights reads what the others find in memory.
                waiting += [(right.viewer(tenant_id), query) for right in rights for query in queries]
                while len(waiting) >= self._batch and report.stopped is None:
                    batch, waiting = waiting[: self._batch], waiting[self._batch :]
                    await self._asked_together(batch, report)
                    progress(report)
            if waiting and report.stopped is None:
                await self._asked_together(waiting, report)
                progress(report)
        except PersistenceError as error:
            report.stopped = f"the database does not answer ({error})"
        return report

    async def _asked_together(self, batch: Sequence[tuple[Viewer, Query]], report: Report) -> None:
        results = await asyncio.gather(*(self._asked(viewer, query) for viewer, query in batch))
        for (viewer, query), result in zip(batch, results, strict=True):
            if result is None:
                report.stopped = "nothing can be kept, since Redis or the database does not keep up"
            elif result.errors:
                report.failed += 1
                if len(report.errors) < TOLD:
                    first = result.errors[0]
                    report.errors.append(f"{_named(viewer)}: {query.name}: {first['message']}")
            elif result.extensions["cost"].get("cached"):
                report.there += 1
            else:
                report.warmed += 1
        report.stopped = report.stopped or await self._pressure.sign()

    async def _asked(self, viewer: Viewer, query: Query) -> OperationResult | None:
        """None where nothing could be kept, and nothing was asked."""
        sight = await self._sight()
        if sight is None:
            return None
        # The largest plan: what is too dear for a tenant's own is refused to its clients, whatever is kept.
        spending = Spending(f"ten:{viewer.tenant_id}", PLANS[PlanName.ENTERPRISE])
        context = RequestContext(self._services, viewer, spending=spending, sight=sight)
        request = OperationRequest(query=query.text, operation_name=query.operation, variables=query.variables)
        result = await self._operations.run(request, context, QUERIES)
        if not isinstance(result, OperationResult):
            raise TypeError("a query gave a stream")
        return result

    async def _sight(self) -> OperationSight | None:
        """Of an operation that begins when what it reads may be kept; None if that does not come."""
        coherence = self._services.coherence
        if coherence is None:
            return None
        until = time.monotonic() + self._patience
        while not (sight := await begun(coherence, NOTHING_DEMANDED)).caches:
            if time.monotonic() >= until:
                return None
            await asyncio.sleep(0.05)
        return sight

    async def _exists(self, tenant_id: TenantId) -> bool:
        async with self._services.database.read(tenant_id) as session:
            return await tenants_of(session, [tenant_id]) != [None]


def free_operations(
    graph: Graph, services: Services, documents: Documents, *, seconds: float
) -> Operations[RequestContext]:
    """The way of every operation, also to what is kept, without a budget and a trace of usage."""
    registry = CollectorRegistry()
    reference: ReferenceExecutor[RequestContext] = ReferenceExecutor(graph.schema, seconds=seconds)
    executor = CompiledExecutor(graph.schema, ExecutionMetrics(registry), seconds=seconds, reference=reference)
    registered = Registered(services.database, time.monotonic)
    return Operations(
        OperationParts(
            source=DocumentSource(registered, None, TrustedDocuments.OFF, ClientMetrics(registry)),
            documents=documents,
            prices=Prices(CostModel(graph.schema, graph.annotations)),
            budgets=Unlimited(),
            usage=Uncounted(),
            executor=executor,
            answers=Answers(Policies(graph.schema, graph.annotations.hints)),
        ),
        ErrorMask(lambda: uuid4().hex, structlog.get_logger("gateway.errors")),
        OperationTelemetry(OperationMetrics(registry), CostMetrics(registry), NoOpTracer()),
        hold_seconds=seconds,
        introspection_allowed=lambda _context: True,
    )


class Unlimited:
    """Implements `gateway.cost.budgets.Budgets`: there is always enough, since nobody pays."""

    async def take(self, allowances: Sequence[Allowance], requested: Points, *, client: str, seconds: float) -> Hold:
        return Hold("free", tuple(allowances), requested, _full(allowances))

    async def settle(self, hold: Hold, actual: Points) -> tuple[Level, ...]:
        return _full(hold.allowances)

    async def levels(self, allowances: Sequence[Allowance]) -> tuple[Level, ...]:
        return _full(allowances)


class Uncounted:
    """Implements `gateway.operation.UsageCount`: no client used anything."""

    def count(
        self, document: Document, operation: OperationDefinitionNode, variables: Mapping[str, Any], client: Client
    ) -> None:
        """Nothing."""


def _full(allowances: Sequence[Allowance]) -> tuple[Level, ...]:
    return tuple(Level(each.capacity, each.capacity, each.restore_rate) for each in allowances)


def _named(viewer: Viewer) -> str:
    tenant = "nobody" if viewer.tenant_id is None else typed_id(TENANT, viewer.tenant_id)
    return f"{tenant} ({viewer.rights})"
