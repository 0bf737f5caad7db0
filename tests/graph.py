"""Runs operations against the graph without HTTP."""

from functools import cache
from typing import Any

import strawberry
from strawberry.types import ExecutionResult

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


async def data(context: RequestContext, query: str, **variables: Any) -> Any:
    """The operation's data; any error fails the test."""
    result = await run(context, query, **variables)
    assert result.errors is None, result.errors
    return result.data
