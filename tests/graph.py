"""Runs operations against the graph without HTTP."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from functools import cache
from typing import Any

import msgspec
import strawberry
from graphql import OperationType
from prometheus_client import CollectorRegistry
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.types import ExecutionResult

from gateway.cost.tally import Tally
from gateway.documents.documents import Documents
from gateway.documents.limits import DocumentLimits
from gateway.errors import RequestRejected
from gateway.execution.compiled import CompiledExecutor
from gateway.execution.executor import Event, Execution, Job
from gateway.execution.reference import ReferenceExecutor
from ops.telemetry.metrics import DocumentMetrics, ExecutionMetrics
from resolvers.context import RequestContext
from schema.build import build_schema

ROOMY = DocumentLimits(source_bytes=10**7, tokens=10**6, aliases=10**5, fields=10**6, pairs=10**7)
"""Tests generate documents that show everything that a field can show."""


@cache
def schema() -> strawberry.Schema:
    """The graph; a document that is run again is parsed and validated once, as in the gateway."""
    built = build_schema()
    built.extensions = (ParserCache, ValidationCache)
    return built


async def run(context: RequestContext, query: str, **variables: Any) -> ExecutionResult:
    """The operation's result, errors unmasked: a query's as the gateway runs it, anything else by Strawberry alone."""
    try:
        job = _job(query, variables)
        if job.document.operation(None).operation is OperationType.QUERY:
            execution = await _executor().execute(job, await context.for_event())
            return ExecutionResult(
                msgspec.json.decode(msgspec.json.encode(execution.data)), list(execution.errors) or None
            )
    except RequestRejected:
        pass
    result = await schema().execute(query, variable_values=variables, context_value=context)
    assert isinstance(result, ExecutionResult)
    return result


async def subscribed(
    context: RequestContext, query: str, **variables: Any
) -> AsyncGenerator[Execution, None] | Execution:
    """The events of a subscription, each run in a context of its own, as the gateway does; or why there are none."""
    opened = await _executor().subscribe(_job(query, variables), context)
    return opened if isinstance(opened, Execution) else _executions(opened)


async def _executions(events: AsyncGenerator[Event, None]) -> AsyncGenerator[Execution, None]:
    async with aclosing(events):
        async for event in events:
            yield await event(Tally())


async def executed(context: RequestContext, query: str, **variables: Any) -> Execution:
    """A query's result, run as the gateway runs it, its data as JSON has it."""
    execution = await _executor().execute(_job(query, variables), context)
    return Execution(msgspec.json.decode(msgspec.json.encode(execution.data)), execution.errors)


@cache
def _executor() -> CompiledExecutor[RequestContext]:
    reference: ReferenceExecutor[RequestContext] = ReferenceExecutor(schema()._schema, seconds=30)
    return CompiledExecutor(schema()._schema, ExecutionMetrics(CollectorRegistry()), seconds=30, reference=reference)


@cache
def _documents() -> Documents:
    return Documents(schema()._schema, ROOMY, DocumentMetrics(CollectorRegistry()))


def _job(query: str, variables: Mapping[str, Any]) -> Job:
    document = _documents().document(query, hide_suggestions=False)
    return Job(document=document, operation_name=None, variables=variables, hide_suggestions=False)


async def data(context: RequestContext, query: str, **variables: Any) -> Any:
    """The operation's data; any error fails the test."""
    result = await run(context, query, **variables)
    assert result.errors is None, result.errors
    return result.data
