"""What queries take in this process, and what each of them is made of."""

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec
from prometheus_client import CollectorRegistry

from gateway.cost.calibration.queries import GeneratedQuery
from gateway.cost.calibration.weighing import LEAF, Sample, counting, weighed
from gateway.cost.model import CostModel
from gateway.cost.points import ONE, Points
from gateway.cost.prices import Price, Prices
from gateway.cost.tally import Tally
from gateway.documents.documents import Documents
from gateway.documents.limits import DocumentLimits
from gateway.errors import RequestRejected
from gateway.execution.compiled import CompiledExecutor
from gateway.execution.executor import Execution, Job
from gateway.execution.reference import ReferenceExecutor
from ops.bench.decades import Spread
from ops.telemetry.metrics import DocumentMetrics, ExecutionMetrics
from resolvers.context import RequestContext
from schema.graph import Graph

_OPERATION_SECONDS: Final = 30.0
_COVERED: Final = 40
"""Queries that should meet each coordinate."""


class Unanswered(Exception):
    """A query that was to be answered has errors."""


class Measuring:
    """Runs queries as the gateway does, from the document on to the bytes, each in a context of its own."""

    def __init__(self, graph: Graph, context: Callable[[], RequestContext]) -> None:
        self._context = context
        self._documents = Documents(graph.schema, DocumentLimits(), DocumentMetrics(CollectorRegistry()))
        self._prices = Prices(CostModel(graph.schema, graph.annotations))
        self._weighed = frozenset(weighed(graph.schema, graph.annotations))
        self._counting = Prices(CostModel(graph.schema, counting(graph.annotations, self._weighed)))
        reference: ReferenceExecutor[RequestContext] = ReferenceExecutor(graph.schema, seconds=_OPERATION_SECONDS)
        metrics = ExecutionMetrics(CollectorRegistry())
        self._executor = CompiledExecutor(graph.schema, metrics, seconds=_OPERATION_SECONDS, reference=reference)

    async def ask(self, text: str) -> Mapping[str, Any]:
        """The data of a query. Raises Unanswered."""
        job = Job(self._documents.document(text, hide_suggestions=False), None, {}, hide_suggestions=False)
        execution = await self._executor.execute(job, self._context())
        if execution.errors or execution.data is None:
            raise Unanswered("; ".join(error.message for error in execution.errors))
        # As a client has it: moments are texts there.
        return msgspec.json.decode(msgspec.json.encode(execution.data), type=dict[str, Any])

    async def samples(
        self,
        queries: Iterable[GeneratedQuery],
        *,
        wanted: int,
        rounds: int,
        dearest: Points,
        say: Callable[[str], None],
    ) -> list[Sample]:
        """So many of the queries that run without errors and cost at most `dearest`, each with its shortest time.

        About as many of each order of magnitude are taken, by what they come to; fewer when the queries end, and more
        of those that meet what few others do. The rounds go over all of them, so that what else the machine does falls
        on none of them alone.
        """
        jobs: list[tuple[Job, Mapping[str, int]]] = []
        spread = Spread(wanted)
        met: Counter[str] = Counter()
        for query in queries:
            if spread.full:
                break
            priced = self._priced(query, dearest)
            if priced is None:
                continue
            job, price, tally = priced
            try:
                execution = await self._executor.execute(job, self._context())
            except (RequestRejected, TimeoutError):
                continue
            if execution.errors:
                continue
            counts = self._counts(job, tally)
            rare = any(met[coordinate] < _COVERED for coordinate in counts)
            if spread.takes(price.actual(tally) / ONE) or rare:
                met.update(counts.keys())
                jobs.append((job, counts))
                say(f"Choosing queries: {len(jobs):,} of {wanted:,}")
        best = [math.inf] * len(jobs)
        for round_ in range(1, rounds + 1):
            say(f"Round {round_} of {rounds}: {len(jobs):,} queries")
            for place, (job, _) in enumerate(jobs):
                best[place] = min(best[place], await self._seconds(job))
        return [Sample(counts, seconds) for (_, counts), seconds in zip(jobs, best, strict=True)]

    def _priced(self, query: GeneratedQuery, dearest: Points) -> tuple[Job, Price, Tally] | None:
        try:
            document = self._documents.document(query.text, hide_suggestions=False)
            price = self._prices.price(document, document.operation(None), query.variables)
        except RequestRejected:  # past a limit of documents
            return None
        if price.static > dearest:
            return None
        tally = Tally()
        return Job(document, None, query.variables, hide_suggestions=False, tally=tally), price, tally

    async def _seconds(self, job: Job) -> float:
        began = time.perf_counter()
        execution = await self._executor.execute(msgspec.structs.replace(job, tally=Tally()), self._context())
        msgspec.json.encode(_payload(execution))
        return time.perf_counter() - began

    def _counts(self, job: Job, tally: Tally) -> Mapping[str, int]:
        formula = self._counting.formula(job.document, job.document.operation(None), job.variables)
        selections = {selection.group: selection for selection in formula.selections}
        counts: Counter[str] = Counter()
        for answered in tally:
            counts[answered.group[0]] += answered.times
            for field in selections[answered.group].fields if answered.times else ():
                counts[field.coordinate if field.coordinate in self._weighed else LEAF] += answered.times
        return counts


def _payload(execution: Execution) -> dict[str, Any]:
    return {"data": execution.data}
