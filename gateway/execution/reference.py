"""The reference executor: graphql-core, with a time limit."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable
from contextlib import aclosing, closing
from typing import Any, Generic, cast

from graphql import GraphQLSchema
from graphql.execution import (
    ExecutionResult,
    create_source_event_stream,
    execute_root_selection_set,
    execute_subscription_event,
    map_source_to_response_event,
)
from graphql.execution import Executor as CoreExecutor

from gateway.errors import Code, RequestRejected
from gateway.execution.executor import ContextT, Execution, Job


class ReferenceExecutor(Generic[ContextT]):
    """Runs the schema's own resolvers, object by object.

    `seconds` limits a query or mutation, the opening of a subscription, and each of its events: a cancelled operation
    cancels its resolvers, and what they began in tasks of their own is cancelled with its context.
    """

    def __init__(self, schema: GraphQLSchema, *, seconds: float) -> None:
        self._schema = schema
        self._seconds = seconds

    async def execute(self, job: Job, context: ContextT) -> Execution:
        """Run a query or a mutation."""
        executor = self._executor(job, context)
        with closing(context):
            async with asyncio.timeout(self._seconds):
                return _execution(await _settled(execute_root_selection_set(executor)))

    async def subscribe(self, job: Job, context: ContextT) -> AsyncGenerator[Execution, None] | Execution:
        """Open a subscription."""
        executor = self._executor(job, context)
        async with asyncio.timeout(self._seconds):
            source = await _settled(create_source_event_stream(executor))
        if isinstance(source, ExecutionResult):
            return _execution(source)
        return self._events(executor, source, context)

    async def _events(
        self, executor: CoreExecutor[Any], source: AsyncIterable[Any], context: ContextT
    ) -> AsyncGenerator[Execution, None]:
        async def run(event: CoreExecutor[Any]) -> ExecutionResult:
            event.context_value = context.for_event()
            with closing(event.context_value):
                async with asyncio.timeout(self._seconds):
                    return cast("ExecutionResult", await _settled(execute_subscription_event(event)))

        run_event = cast("Callable[[CoreExecutor[Any]], Awaitable[ExecutionResult]]", run)
        async with aclosing(map_source_to_response_event(executor, source, run_event)) as events:
            async for event in events:
                yield _execution(event)

    def _executor(self, job: Job, context: ContextT) -> CoreExecutor[Any]:
        built = CoreExecutor.build(
            self._schema,
            job.document.node,
            context_value=context,
            raw_variable_values=dict(job.variables),
            operation_name=job.operation_name,
            hide_suggestions=job.hide_suggestions,
            max_coercion_errors=10,
        )
        if isinstance(built, list):
            raise RequestRejected(Code.BAD_USER_INPUT, built)
        return built


async def _settled(result: Any) -> Any:
    return await result if isinstance(result, Awaitable) else result


def _execution(result: ExecutionResult) -> Execution:
    return Execution(data=result.data, errors=tuple(result.errors or ()))
