"""The way of one operation, the same for every transport: document, execution, result.

HTTP, batches, SSE and WebSocket each turn their bytes into an `OperationRequest`, call `Operations.run`, and send the
`OperationResult`s that come back. Nothing here knows how they travel.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from contextlib import aclosing
from typing import Any, Final, Generic

import msgspec
from graphql import OperationDefinitionNode, OperationType
from opentelemetry.trace import Status, StatusCode, Tracer

from gateway.documents.documents import Document, Documents
from gateway.errors import Code, ErrorMask, FormattedError, RequestRejected, rejected, retry_headers
from gateway.execution.executor import ContextT, Execution, Executor, Job
from ops.telemetry.metrics import OTHER, OperationMetrics
from resolvers.errors import DomainError

QUERIES: Final = frozenset({OperationType.QUERY})
QUERIES_AND_MUTATIONS: Final = frozenset({OperationType.QUERY, OperationType.MUTATION})
ALL_KINDS: Final = frozenset(OperationType)


class OperationRequest(msgspec.Struct, frozen=True):
    """What a client asks, in the words of GraphQL over HTTP."""

    query: str | None = None
    operation_name: str | None = None
    variables: Mapping[str, Any] = {}
    extensions: Mapping[str, Any] = {}
    document_id: str | None = None


class OperationResult(msgspec.Struct, frozen=True):
    """A response that is safe to send: errors are masked and formatted.

    `rejection` is the code of a request that failed as a whole, before execution; its payload has no `data`.
    `headers` are response headers that go with a rejection, for transports that have headers.
    """

    data: dict[str, Any] | None = None
    errors: tuple[FormattedError, ...] = ()
    extensions: Mapping[str, Any] = {}
    rejection: str | None = None
    headers: Mapping[str, str] = {}

    def payload(self) -> dict[str, Any]:
        """The response map: `data` unless rejected, `errors` and `extensions` only where there are any."""
        payload: dict[str, Any] = {}
        if self.errors:
            payload["errors"] = self.errors
        if self.rejection is None:
            payload["data"] = self.data
        if self.extensions:
            payload["extensions"] = self.extensions
        return payload


ResultStream = AsyncGenerator[OperationResult, None]


class OperationTelemetry(msgspec.Struct, frozen=True):
    """Where operations are counted and traced."""

    metrics: OperationMetrics
    tracer: Tracer


class Operations(Generic[ContextT]):
    """Runs operations against one schema.

    `introspection_allowed` decides by the context; who may not introspect gets no "Did you mean" either.
    """

    def __init__(
        self,
        documents: Documents,
        executor: Executor[ContextT],
        mask: ErrorMask,
        telemetry: OperationTelemetry,
        *,
        introspection_allowed: Callable[[ContextT], bool],
    ) -> None:
        self._documents = documents
        self._executor = executor
        self._introspection_allowed = introspection_allowed
        self._metrics = telemetry.metrics
        self._tracer = telemetry.tracer
        self._mutations: set[asyncio.Task[Execution]] = set()
        self.mask = mask

    async def run(
        self, request: OperationRequest, context: ContextT, kinds: Collection[OperationType]
    ) -> OperationResult | ResultStream:
        """Run a request whose operation is of one of `kinds`, the ones its transport can carry.

        A query or mutation gives its result; a subscription gives the stream of its results, which the caller closes;
        either gives a rejected result when the request is at fault. Never raises but CancelledError.
        """
        started = time.perf_counter()
        kind = "unknown"
        try:
            document = self._document(request, context)
            operation = document.operation(request.operation_name)
            kind = operation.operation.value
            self._check_kind(operation.operation, kinds)
            self._documents.check_size(document, operation, request.variables)
            job = self._job(request, document, context)
            name = self._label(operation, context)
            if operation.operation is OperationType.SUBSCRIPTION:
                return await self._subscription(job, context)
            result = await self._execution(job, context, kind, name)
            self._metrics.seconds.labels(kind, name).observe(time.perf_counter() - started)
            return self._counted(result, kind)
        # The last line of defence: what is not understood is masked.
        except Exception as error:
            return self._counted(self.failed(error), kind)

    def serialised(self, result: OperationResult) -> tuple[OperationResult, bytes]:
        """The JSON of a result, and the result that was sent: a masked one when a value cannot be encoded."""
        try:
            return result, msgspec.json.encode(result.payload())
        except (TypeError, ValueError, RecursionError) as error:
            failed = self.failed(error)
            return failed, msgspec.json.encode(failed.payload())

    def failed(self, error: Exception) -> OperationResult:
        """The result of a request that an exception stopped as a whole; a defect is logged here."""
        if isinstance(error, RequestRejected):
            errors = tuple(self.mask.request_errors(error))
            return OperationResult(errors=errors, rejection=error.code, headers=error.headers)
        if isinstance(error, DomainError):
            return OperationResult(
                errors=(self.mask.domain_error(error),), rejection=error.code, headers=retry_headers(error)
            )
        code, formatted = self.mask.failure(error)
        return OperationResult(errors=(formatted,), rejection=code)

    def _document(self, request: OperationRequest, context: ContextT) -> Document:
        allowed = self._introspection_allowed(context)
        document = self._documents.document(_text(request), hide_suggestions=not allowed)
        if document.structure.introspects and not allowed:
            raise rejected(Code.INTROSPECTION_DISABLED, "Introspection is for signed-in users.")
        return document

    def _check_kind(self, kind: OperationType, kinds: Collection[OperationType]) -> None:
        if kind in kinds:
            return
        if kind is OperationType.MUTATION:
            raise rejected(Code.METHOD_NOT_ALLOWED, "Mutations are sent by POST.", {"allow": "POST"})
        message = "Subscriptions need text/event-stream in Accept, or the graphql-transport-ws protocol."
        raise rejected(Code.NOT_ACCEPTABLE, message)

    def _label(self, operation: OperationDefinitionNode, context: ContextT) -> str:
        """The operation's name for metrics and spans; strangers could fill the bounded set with names of their own."""
        if operation.name is not None and not self._introspection_allowed(context):
            return OTHER
        return self._metrics.names.label(operation.name.value if operation.name else None)

    def _job(self, request: OperationRequest, document: Document, context: ContextT) -> Job:
        return Job(
            document=document,
            operation_name=request.operation_name or None,
            variables=request.variables,
            hide_suggestions=not self._introspection_allowed(context),
        )

    async def _execution(self, job: Job, context: ContextT, kind: str, name: str) -> OperationResult:
        attributes = {"graphql.operation.type": kind, "graphql.operation.name": name}
        with self._tracer.start_as_current_span(f"{kind} {name}", attributes=attributes) as span:
            execution = await self._executed(job, context, kind)
            if execution.errors:
                span.set_status(Status(StatusCode.ERROR))
            return self._result(execution)

    async def _executed(self, job: Job, context: ContextT, kind: str) -> Execution:
        if kind != OperationType.MUTATION.value:
            return await self._executor.execute(job, context)
        # A query ends with its client; a mutation that has begun is finished, or half of it might be done.
        mutation = asyncio.create_task(self._executor.execute(job, context))
        self._mutations.add(mutation)
        mutation.add_done_callback(self._mutations.discard)
        try:
            return await asyncio.shield(mutation)
        except asyncio.CancelledError:
            mutation.add_done_callback(self._left_alone)
            raise

    def _left_alone(self, mutation: asyncio.Task[Execution]) -> None:
        """Log what befell a mutation that nobody waits for any more."""
        if not mutation.cancelled() and isinstance(error := mutation.exception(), Exception):
            self.failed(error)

    async def _subscription(self, job: Job, context: ContextT) -> OperationResult | ResultStream:
        opened = await self._executor.subscribe(job, context)
        if not isinstance(opened, Execution):
            return self._events(opened)
        errors = tuple(self.mask.execution_errors(opened.errors))
        code = str(errors[0]["extensions"]["code"]) if errors else str(Code.INTERNAL_SERVER_ERROR)
        return self._counted(OperationResult(errors=errors, rejection=code), OperationType.SUBSCRIPTION.value)

    async def _events(self, executions: AsyncGenerator[Execution, None]) -> ResultStream:
        kind = OperationType.SUBSCRIPTION.value
        with self._metrics.subscriptions.track_inprogress():
            async with aclosing(executions):
                try:
                    async for execution in executions:
                        yield self._counted(self._result(execution), kind)
                # The source broke: say so, masked, and end.
                except Exception as error:
                    yield self._counted(self._broken(error), kind)

    def _broken(self, error: Exception) -> OperationResult:
        return msgspec.structs.replace(self.failed(error), rejection=None)

    def _result(self, execution: Execution) -> OperationResult:
        return OperationResult(data=execution.data, errors=tuple(self.mask.execution_errors(execution.errors)))

    def _counted(self, result: OperationResult, kind: str) -> OperationResult:
        for error in result.errors:
            self._metrics.count_error(error["extensions"].get("code"))
        if result.rejection is not None:
            outcome = "rejected"
        elif not result.errors:
            outcome = "ok"
        else:
            outcome = "partial" if result.data is not None else "failed"
        self._metrics.results.labels(kind, outcome).inc()
        return result


def _text(request: OperationRequest) -> str:
    if request.query is not None:
        return request.query
    if "persistedQuery" in request.extensions:
        # The message is the one Apollo's clients know: they answer by sending the text.
        raise rejected(Code.PERSISTED_QUERY_NOT_SUPPORTED, "PersistedQueryNotSupported")
    if request.document_id is not None:
        raise rejected(Code.BAD_REQUEST, "Documents by id are not enabled: send `query`.")
    raise rejected(Code.BAD_REQUEST, "The request has no `query`.")
