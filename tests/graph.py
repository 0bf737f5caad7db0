"""Runs operations against the graph without HTTP."""

from collections.abc import AsyncGenerator
from functools import cache
from typing import Any

import strawberry
from prometheus_client import CollectorRegistry
from strawberry.types import ExecutionResult

from gateway.documents.documents import Documents
from gateway.documents.limits import DocumentLimits
from gateway.execution.executor import Execution, Job
from gateway.execution.reference import ReferenceExecutor
from ops.telemetry.metrics import DocumentMetrics
from resolvers.context import RequestContext
from schema.build import build_schema


@cache
def schema() -> strawberry.Schema:
    return build_schema()


async def run(context: RequestContext, query: str, **variables: Any) -> ExecutionResult:
    """The operation's result by graphql-core, errors unmasked."""
    result = await schema().execute(query, variable_values=variables, context_value=context)
    assert isinstance(result, ExecutionResult)
    return result


async def subscribed(
    context: RequestContext, query: str, **variables: Any
) -> AsyncGenerator[Execution, None] | Execution:
    """The events of a subscription, each run in a context of its own, as the gateway does; or why there are none."""
    core = schema()._schema
    documents = Documents(core, DocumentLimits(), DocumentMetrics(CollectorRegistry()))
    job = Job(
        document=documents.document(query, hide_suggestions=False),
        operation_name=None,
        variables=variables,
        hide_suggestions=False,
    )
    executor: ReferenceExecutor[RequestContext] = ReferenceExecutor(core, seconds=5)
    return await executor.subscribe(job, context)


async def data(context: RequestContext, query: str, **variables: Any) -> Any:
    """The operation's data; any error fails the test."""
    result = await run(context, query, **variables)
    assert result.errors is None, result.errors
    return result.data
