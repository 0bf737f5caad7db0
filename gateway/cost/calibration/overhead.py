"""What pricing adds to the server time of one operation."""

import math
import time
from collections.abc import Callable
from typing import Final

import msgspec
from prometheus_client import CollectorRegistry

from gateway.cost.admission import Checkout
from gateway.cost.local_budgets import LocalBudgets
from gateway.cost.model import CostModel
from gateway.cost.prices import Prices
from gateway.documents.documents import Documents
from gateway.documents.limits import DocumentLimits
from gateway.execution.compiled import CompiledExecutor
from gateway.execution.executor import Job
from gateway.execution.reference import ReferenceExecutor
from ops.telemetry.metrics import CostMetrics, DocumentMetrics, ExecutionMetrics
from resolvers.billing.plans import PLANS, PlanName
from resolvers.billing.spending import UNKNOWN, Spending
from resolvers.context import RequestContext
from schema.graph import Graph

FIFTY_CAMPAIGNS: Final = """{ campaigns(first: 50) { nodes { name budget { amountMinor currency }
  lineItems(first: 10) { nodes { name rate { amountMinor currency }
    placements(first: 10) { nodes { position episode { title podcast { title } } } } } } } } }"""
"""A screen of campaigns with all that is below them."""

SMALL: Final = "{ plans { name } }"
"""A query that reads nothing from the database."""

_SECONDS: Final = 30.0


class Overhead(msgspec.Struct, frozen=True):
    """Seconds of this process on a processor: the shortest of all repetitions, with and without pricing."""

    priced: float
    bare: float

    @property
    def added(self) -> float:
        """Seconds."""
        return self.priced - self.bare

    @property
    def share(self) -> float:
        """Of the time without pricing."""
        return self.added / self.bare


class OverheadMeasuring:
    """Runs an operation from its document to the bytes of its answer, with and without all that its price needs.

    It runs as on a server. What the price needs: the value of the known formula, the hold on a budget in this process,
    counting, settlement, and `extensions.cost` and the headers. Without pricing they are left out; the rest is the
    same code. What the database takes is left out of both.
    """

    def __init__(self, graph: Graph, context: Callable[[], RequestContext]) -> None:
        self._context = context
        self._documents = Documents(graph.schema, DocumentLimits(), DocumentMetrics(CollectorRegistry()))
        self._prices = Prices(CostModel(graph.schema, graph.annotations))
        reference: ReferenceExecutor[RequestContext] = ReferenceExecutor(graph.schema, seconds=_SECONDS)
        metrics = ExecutionMetrics(CollectorRegistry())
        self._executor = CompiledExecutor(graph.schema, metrics, seconds=_SECONDS, reference=reference)
        self._checkout = Checkout(LocalBudgets(time.monotonic), CostMetrics(CollectorRegistry()))
        self._spending = Spending("ten:1", PLANS[PlanName.ENTERPRISE])

    async def overhead(self, text: str, repetitions: int) -> Overhead:
        """The two ways in turns, so that what else the machine does falls on both."""
        priced = bare = math.inf
        for _ in range(repetitions):
            priced = min(priced, await self._priced(text))
            bare = min(bare, await self._bare(text))
        return Overhead(priced, bare)

    async def _priced(self, text: str) -> float:
        began = time.process_time()
        document = self._documents.document(text, hide_suggestions=False)
        price = self._prices.price(document, document.operation(None), {})
        purchase = self._checkout.purchase(price, self._spending, UNKNOWN)
        job = Job(document, None, {}, hide_suggestions=False, tally=purchase.tally)
        await purchase.take(_SECONDS)
        execution = await self._executor.execute(job, self._context())
        await purchase.settle()
        purchase.headers()
        msgspec.json.encode({"data": execution.data, "extensions": {"cost": purchase.extension(None)}})
        return time.process_time() - began

    async def _bare(self, text: str) -> float:
        began = time.process_time()
        document = self._documents.document(text, hide_suggestions=False)
        document.operation(None)
        job = Job(document, None, {}, hide_suggestions=False)
        execution = await self._executor.execute(job, self._context())
        msgspec.json.encode({"data": execution.data})
        return time.process_time() - began
