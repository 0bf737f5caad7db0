"""The executors that must answer alike, and how often the compiled one leaves a job to graphql-core."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, Generic

import msgspec
from graphql import GraphQLSchema
from prometheus_client import CollectorRegistry

from gateway.execution.compiled import CompiledExecutor
from gateway.execution.executor import ContextT, Execution, Executor, Job
from gateway.execution.reference import ReferenceExecutor
from ops.telemetry.metrics import ExecutionMetrics

SECONDS: Final = 20


class CountedReference(ReferenceExecutor[ContextT]):
    """Counts the jobs that it gets."""

    def __init__(self, schema: GraphQLSchema, *, seconds: float) -> None:
        super().__init__(schema, seconds=seconds)
        self.jobs = 0

    async def execute(self, job: Job, context: ContextT) -> Execution:
        self.jobs += 1
        return await super().execute(job, context)

    async def answer(self, job: Job, context: ContextT) -> Execution:
        self.jobs += 1
        return await super().answer(job, context)


class Subject(msgspec.Struct, Generic[ContextT], frozen=True):
    """An executor under test; `fallback` is what does the jobs that it leaves, or all of them."""

    executor: Executor[ContextT]
    fallback: CountedReference[ContextT]


def reference(schema: GraphQLSchema, seconds: float = SECONDS) -> Subject[Any]:
    executor: CountedReference[Any] = CountedReference(schema, seconds=seconds)
    return Subject(executor, executor)


def compiled(schema: GraphQLSchema, seconds: float = SECONDS) -> Subject[Any]:
    fallback: CountedReference[Any] = CountedReference(schema, seconds=seconds)
    metrics = ExecutionMetrics(CollectorRegistry())
    return Subject(CompiledExecutor(schema, metrics, seconds=seconds, reference=fallback), fallback)


EXECUTORS: Final[Mapping[str, Callable[[GraphQLSchema], Subject[Any]]]] = MappingProxyType(
    {"reference": reference, "compiled": compiled}
)
