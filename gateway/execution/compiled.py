"""The compiled executor: queries by their plan, level by level; everything else, and every error, by graphql-core."""

from collections.abc import AsyncGenerator
from contextlib import closing
from typing import Generic

from graphql import GraphQLSchema, OperationType

from gateway.execution.abandoned import Abandoned
from gateway.execution.executor import ContextT, Event, Execution, Job
from gateway.execution.planner import Planner, Unplanned
from gateway.execution.plans import Plans
from gateway.execution.profile import Way
from gateway.execution.reference import ReferenceExecutor
from gateway.execution.run import Run
from gateway.http.interruption import Interruption
from ops.telemetry.metrics import ExecutionMetrics


class CompiledExecutor(Generic[ContextT]):
    """Runs queries from plans; `reference` runs what has no plan, and answers where a run is abandoned.

    An abandoned run leaves what its resolvers answered in the context, so that the reference executor, which alone
    knows what an error means, calls only those that have not answered yet. `seconds` limits both together.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        metrics: ExecutionMetrics,
        *,
        seconds: float,
        reference: ReferenceExecutor[ContextT],
    ) -> None:
        self._metrics = metrics
        self._seconds = seconds
        self._reference = reference
        self.plans = Plans(Planner(schema), metrics)

    async def execute(self, job: Job, context: ContextT) -> Execution:
        """Run a query or a mutation."""
        operation = job.document.operation(job.operation_name)
        if operation.operation is not OperationType.QUERY:
            return await self._by_reference(job, context, "it is no query")
        variables = job.document.values(operation, job.variables)
        if variables is None:
            return await self._by_reference(job, context, "its variables do not fit")
        try:
            plan = self.plans.plan(job.document, operation, variables)
        except Unplanned as why:
            return await self._by_reference(job, context, str(why))
        run = Run(plan, variables, context, context.answers, job.profile)
        with closing(context):
            context.begin()
            with Interruption(self._seconds, TimeoutError):
                try:
                    data = await run.data()
                # What it means is not for compiled code to say: graphql-core meets it again.
                except Exception as error:
                    self._went(job, Way.ABANDONED, str(error) if isinstance(error, Abandoned) else type(error).__name__)
                    return await self._reference.answer(job, context)
                except BaseException:
                    self._count(run, job)
                    raise
        self._count(run, job)
        self._went(job, Way.COMPILED)
        return Execution(data)

    async def subscribe(self, job: Job, context: ContextT) -> AsyncGenerator[Event, None] | Execution:
        """Open a subscription: its events are the reference executor's."""
        return await self._reference.subscribe(job, context)

    async def _by_reference(self, job: Job, context: ContextT, why: str) -> Execution:
        self._went(job, Way.REFERENCE, why)
        return await self._reference.execute(job, context)

    def _went(self, job: Job, way: Way, why: str | None = None) -> None:
        self._metrics.operations.of(way.value).amount += 1
        if job.profile is not None:
            job.profile.way, job.profile.why = way, why

    def _count(self, run: Run, job: Job) -> None:
        if job.tally is not None:
            run.count_into(job.tally)
