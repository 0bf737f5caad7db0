"""The reference executor: graphql-core, with a time limit."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable
from contextlib import aclosing, closing
from typing import Any, Generic, cast

from graphql import GraphQLObjectType, GraphQLSchema
from graphql.execution import (
    ExecutionResult,
    create_source_event_stream,
    execute_root_selection_set,
    execute_subscription_event,
    map_source_to_response_event,
)
from graphql.execution import Executor as CoreExecutor
from graphql.execution.collect_fields import FieldDetailsList
from graphql.pyutils import Path

from gateway.cost.tally import Answered, Tally
from gateway.errors import Code, RequestRejected
from gateway.execution.executor import ContextT, Event, Execution, Job


class CountingExecutor(CoreExecutor[Any]):
    """Counts each object that it executes."""

    tally: Tally

    def begin(self, tally: Tally) -> None:
        """Count the root and, from now on, what is below it."""
        self.tally = tally
        # graphql-core gives the objects at one place one list of field details, and keeps it as long as this executor.
        self._places: dict[tuple[GraphQLObjectType, int], Answered] = {}
        root = self.schema.get_root_type(self.operation.operation)
        if root is not None:
            tally.count(root.name, ())

    def build_per_event_executor(self, payload: Any) -> "CountingExecutor":
        event = cast("CountingExecutor", super().build_per_event_executor(payload))
        # Else what one event collected would be kept until the last.
        event._relevant_sub_fields = {}
        return event

    def collect_and_execute_subfields(
        self,
        return_type: GraphQLObjectType,
        field_details_list: FieldDetailsList,
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        place = self._places.get((return_type, id(field_details_list)))
        if place is None:
            nodes = [details.node for details in field_details_list]
            keys = tuple(key for key in path.as_list() if isinstance(key, str))
            place = self.tally.place(return_type.name, nodes, keys)
            self._places[return_type, id(field_details_list)] = place
        place.times += 1
        return super().collect_and_execute_subfields(return_type, field_details_list, path, result, position_context)


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
                return await self._answered(executor)

    async def answer(self, job: Job, context: ContextT) -> Execution:
        """As `execute`, for who limits the time and closes the context."""
        return await self._answered(self._executor(job, context))

    async def _answered(self, executor: CoreExecutor[Any]) -> Execution:
        return _execution(await _settled(execute_root_selection_set(executor)))

    async def subscribe(self, job: Job, context: ContextT) -> AsyncGenerator[Event, None] | Execution:
        """Open a subscription."""
        executor = self._executor(job, context)
        async with asyncio.timeout(self._seconds):
            source = await _settled(create_source_event_stream(executor))
        if isinstance(source, ExecutionResult):
            return _execution(source)
        return self._events(executor, source, context)

    async def _events(
        self, executor: CoreExecutor[Any], source: AsyncIterable[Any], context: ContextT
    ) -> AsyncGenerator[Event, None]:
        def happened(event: CoreExecutor[Any]) -> Event:
            async def execution(tally: Tally) -> Execution:
                if isinstance(event, CountingExecutor):
                    event.begin(tally)
                event.context_value = await context.for_event()
                with closing(event.context_value):
                    async with asyncio.timeout(self._seconds):
                        return _execution(await _settled(execute_subscription_event(event)))

            return execution

        # graphql-core hands on whatever it is given for an event.
        run_event = cast("Callable[[CoreExecutor[Any]], Awaitable[ExecutionResult]]", happened)
        async with aclosing(map_source_to_response_event(executor, source, run_event)) as events:
            async for event in events:
                yield cast("Event", event)

    def _executor(self, job: Job, context: ContextT) -> CoreExecutor[Any]:
        executor_type = CoreExecutor if job.tally is None else CountingExecutor
        built = executor_type.build(
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
        if isinstance(built, CountingExecutor) and job.tally is not None:
            built.begin(job.tally)
        return built


async def _settled(result: Any) -> Any:
    return await result if isinstance(result, Awaitable) else result


def _execution(result: ExecutionResult) -> Execution:
    return Execution(data=result.data, errors=tuple(result.errors or ()))
