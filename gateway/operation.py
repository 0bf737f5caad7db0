"""The way of one operation, the same for every transport: document, price, admission, execution, settlement, result.

HTTP, batches, SSE and WebSocket each turn their bytes into an `OperationRequest`, call `Operations.run`, and send the
`OperationResult`s that come back. Nothing here knows how they travel.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Collection, Coroutine, Mapping
from contextlib import aclosing
from typing import Any, Final, Generic, Protocol, TypeVar

import msgspec
from graphql import OperationDefinitionNode, OperationType
from opentelemetry.trace import Status, StatusCode, Tracer

from gateway.cost.admission import Checkout, CostMode, Purchase
from gateway.cost.budgets import Budgets
from gateway.cost.prices import Prices
from gateway.documents.clients import client_of
from gateway.documents.documents import Document, Documents
from gateway.documents.limits import LIMIT_OF_CODE, check_bounds
from gateway.documents.source import DocumentSource
from gateway.errors import Code, ErrorMask, FormattedError, RequestRejected, rejected, retry_headers
from gateway.execution.executor import ContextT, Event, Execution, Executor, Job
from gateway.execution.profile import PROFILE, Profile
from gateway.responses.answers import Answers, KeptAnswer, Question
from ops.telemetry.metrics import OTHER, CostMetrics, OperationMetrics
from ops.telemetry.tracing import records
from resolvers.billing.spending import Client
from resolvers.errors import DomainError

QUERIES: Final = frozenset({OperationType.QUERY})
QUERIES_AND_MUTATIONS: Final = frozenset({OperationType.QUERY, OperationType.MUTATION})
ALL_KINDS: Final = frozenset(OperationType)

CONSISTENCY: Final = "consistency"
"""The extension of a request that says what it must see at least, and of a response that says what it wrote."""

_MUTATION: Final = OperationType.MUTATION.value
_QUERY: Final = OperationType.QUERY.value

_NOTHING: Final = Execution(None)

T = TypeVar("T")


class OperationRequest(msgspec.Struct, frozen=True):
    """What a client asks, in the words of GraphQL over HTTP."""

    query: str | None = None
    operation_name: str | None = None
    variables: Mapping[str, Any] = {}
    extensions: Mapping[str, Any] = {}
    document_id: str | None = None
    cost_mode: CostMode | None = None


class OperationResult(msgspec.Struct, frozen=True):
    """A response that is safe to send: errors are masked and formatted.

    `data` is what an `Execution` has, or the JSON of that, raw. `rejection` is the code of a request that failed as a
    whole, before execution; its payload has no `data`. `headers` are response headers, for transports that have
    headers: what is left of the budget, what was written, and what goes with a rejection.
    """

    data: Any = None
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


class UsageCount(Protocol):
    """Counts what clients use of the graph."""

    def count(
        self, document: Document, operation: OperationDefinitionNode, variables: Mapping[str, Any], client: Client
    ) -> None:
        """One operation that is run."""


class OperationTelemetry(msgspec.Struct, frozen=True):
    """Where operations are counted and traced."""

    metrics: OperationMetrics
    cost: CostMetrics
    tracer: Tracer


class OperationParts(msgspec.Struct, Generic[ContextT], frozen=True):
    """Who does the work of each step, in their order; `answers` is None where no answers are kept."""

    source: DocumentSource
    documents: Documents
    prices: Prices
    budgets: Budgets
    usage: UsageCount
    executor: Executor[ContextT]
    answers: Answers | None = None


class Operations(Generic[ContextT]):
    """Runs operations against one schema.

    `introspection_allowed` decides by the context; who may not introspect gets no "Did you mean" either. What is held
    of a budget comes back after `hold_seconds` if this process dies.
    """

    def __init__(
        self,
        parts: OperationParts[ContextT],
        mask: ErrorMask,
        telemetry: OperationTelemetry,
        *,
        hold_seconds: float,
        introspection_allowed: Callable[[ContextT], bool],
    ) -> None:
        self._parts = parts
        self._hold_seconds = hold_seconds
        self._introspection_allowed = introspection_allowed
        self._metrics = telemetry.metrics
        self._tracer = telemetry.tracer
        self._traced = records(telemetry.tracer)
        self._checkout = Checkout(parts.budgets, telemetry.cost)
        self._tasks: set[asyncio.Task[Any]] = set()
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
        purchase: Purchase | None = None
        try:
            if (consistency := request.extensions.get(CONSISTENCY)) is not None:
                context.demand(consistency)
            client = client_of(context.client, request.extensions)
            document = await self._document(request, context, client)
            operation = document.operation(request.operation_name)
            kind = operation.operation.value
            if request.cost_mode is not CostMode.VALIDATE:
                # What executes nothing has no stream: any transport can carry the price of a subscription.
                self._check_kind(operation.operation, kinds)
            check_bounds(document.structure, context.spending.plan.bounds)
            price = self._parts.prices.price(document, operation, request.variables)
            purchase = self._checkout.purchase(price, context.spending, client)
            if request.cost_mode is CostMode.VALIDATE:
                result = await self._validated(purchase)
                return self._counted(_priced(result, purchase, request.cost_mode), kind)
            name = self._label(operation, context)
            profiled = self._wants_profile(request, context)
            job = self._job(request, document, context, purchase, profiled=self._traced or profiled)
            # A profile is of an execution: it is not kept.
            question = None if profiled else self._question(request, document, operation, context)
            if question is not None:
                result = await self._answered(question, job, context, purchase, name, request.cost_mode)
                self._parts.usage.count(document, operation, request.variables, client)
                self._metrics.took(kind, name, time.perf_counter() - started)
                return self._counted(result, kind)
            await purchase.take(self._hold_seconds)
            self._parts.usage.count(document, operation, request.variables, client)
            if operation.operation is OperationType.SUBSCRIPTION:
                opened = await self._settled(self._parts.executor.subscribe(job, context), purchase)
                if not isinstance(opened, Execution):
                    return self._events(opened, lambda: self._checkout.purchase(price, context.spending, client))
                result = self._unopened(opened)
            else:
                execution = await self._execution(job, context, purchase, kind, name)
                self._metrics.took(kind, name, time.perf_counter() - started)
                result = _consistent(self._result(execution, purchase, request.cost_mode), context.consistency)
                if job.profile is not None and profiled:
                    result = _profiled(result, job.profile)
                return self._counted(result, kind)
        # The last line of defence: what is not understood is masked.
        except Exception as error:
            result = self.failed(error)
        result = _priced(result, purchase, request.cost_mode)
        return self._counted(_consistent(result, context.consistency), kind)

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
            if (limit := LIMIT_OF_CODE.get(error.code)) is not None:
                self._metrics.structural_limits.labels(limit).inc()
            errors = tuple(self.mask.request_errors(error))
            return OperationResult(errors=errors, rejection=error.code, headers=error.headers)
        if isinstance(error, DomainError):
            return OperationResult(
                errors=(self.mask.domain_error(error),), rejection=error.code, headers=retry_headers(error)
            )
        code, formatted = self.mask.failure(error)
        return OperationResult(errors=(formatted,), rejection=code)

    async def _document(self, request: OperationRequest, context: ContextT, client: Client) -> Document:
        allowed = self._introspection_allowed(context)
        text = await self._parts.source.text(request, client, may_introspect=allowed)
        bounds = context.spending.plan.bounds
        document = self._parts.documents.document(text, hide_suggestions=not allowed, bounds=bounds)
        if document.structure.introspects and not allowed:
            raise rejected(Code.INTROSPECTION_DISABLED, "Introspection is for signed-in users.")
        await self._parts.source.keep(request, text)
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

    async def _validated(self, purchase: Purchase) -> OperationResult:
        await purchase.look()
        try:
            purchase.check()
        except RequestRejected as error:
            return self._broken(error)
        return OperationResult()

    def _job(
        self, request: OperationRequest, document: Document, context: ContextT, purchase: Purchase, *, profiled: bool
    ) -> Job:
        return Job(
            document=document,
            operation_name=request.operation_name or None,
            variables=request.variables,
            hide_suggestions=not self._introspection_allowed(context),
            tally=purchase.tally,
            profile=Profile(time.perf_counter) if profiled else None,
        )

    def _wants_profile(self, request: OperationRequest, context: ContextT) -> bool:
        """Asked for, by somebody who may know how the graph works."""
        return request.extensions.get(PROFILE) is True and self._introspection_allowed(context)

    def _question(
        self, request: OperationRequest, document: Document, operation: OperationDefinitionNode, context: ContextT
    ) -> Question | None:
        """Where the answer is kept, if it is."""
        answers = self._parts.answers
        return None if answers is None else answers.question(document, operation, request.variables, context.audience)

    async def _answered(
        self,
        question: Question,
        job: Job,
        context: ContextT,
        purchase: Purchase,
        name: str,
        mode: CostMode | None,
    ) -> OperationResult:
        """A query's answer: the one that is kept, or else of its execution, which is then kept if it may be."""
        run = _Run()

        async def execute() -> KeptAnswer | None:
            try:
                await purchase.take(self._hold_seconds)
                run.execution = await self._execution(job, context, purchase, _QUERY, name)
                run.written = _written(run.execution)
            # It is this operation's alone: others who wait for the answer execute it themselves.
            except Exception as error:
                run.failure = error
            return run.answer(purchase)

        kept = question.recalled() or await question.fetched(execute)
        if kept is None and not run.over:
            await execute()
        if run.failure is not None:
            raise run.failure
        if kept is None or run.execution is not None:
            return self._result(run.execution or _NOTHING, purchase, mode, run.written)
        await purchase.take_kept(kept.cost, self._hold_seconds)
        await purchase.settle()
        if self._traced:
            attributes = {"graphql.operation.type": _QUERY, "graphql.operation.name": name}
            self._tracer.start_span(f"query {name}", attributes={**attributes, "podgraph.executor": "kept"}).end()
        return self._result(_NOTHING, purchase, mode, kept.data)

    async def _execution(self, job: Job, context: ContextT, purchase: Purchase, kind: str, name: str) -> Execution:
        if not self._traced:
            return await self._executed(job, context, purchase, kind)
        attributes = {"graphql.operation.type": kind, "graphql.operation.name": name}
        with self._tracer.start_as_current_span(f"{kind} {name}", attributes=attributes) as span:
            execution = await self._executed(job, context, purchase, kind)
            if execution.errors:
                span.set_status(Status(StatusCode.ERROR))
            if job.profile is not None and span.is_recording():
                span.set_attribute("podgraph.executor", job.profile.way.value)
                job.profile.trace(self._tracer, time.time_ns())
            return execution

    async def _executed(self, job: Job, context: ContextT, purchase: Purchase, kind: str) -> Execution:
        if kind != _MUTATION:
            return await self._settled(self._parts.executor.execute(job, context), purchase)
        # A query ends with its client; a mutation that has begun is finished, or half of it might be done.
        mutation = self._background(self._settled(self._parts.executor.execute(job, context), purchase))
        try:
            return await asyncio.shield(mutation)
        except asyncio.CancelledError:
            mutation.add_done_callback(self._left_alone)
            raise

    async def _settled(self, work: Coroutine[Any, Any, T], purchase: Purchase) -> T:
        """The work's result; whatever comes of it, what it did not use of its budget is given back."""
        try:
            result = await work
        except asyncio.CancelledError:
            # The client is gone, and nobody waits here any more.
            self._background(purchase.settle())
            raise
        except Exception:
            await purchase.settle()
            raise
        await purchase.settle()
        return result

    def _background(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """A task that ends by itself, whoever waits for it."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _left_alone(self, mutation: asyncio.Task[Execution]) -> None:
        """Log what befell a mutation that nobody waits for any more."""
        if not mutation.cancelled() and isinstance(error := mutation.exception(), Exception):
            self.failed(error)

    def _unopened(self, opened: Execution) -> OperationResult:
        errors = tuple(self.mask.execution_errors(opened.errors))
        code = str(errors[0]["extensions"]["code"]) if errors else str(Code.INTERNAL_SERVER_ERROR)
        return OperationResult(errors=errors, rejection=code)

    async def _events(self, events: AsyncGenerator[Event, None], new_purchase: Callable[[], Purchase]) -> ResultStream:
        kind = OperationType.SUBSCRIPTION.value
        with self._metrics.subscriptions.track_inprogress():
            async with aclosing(events):
                try:
                    async for event in events:
                        yield self._counted(await self._event(event, new_purchase()), kind)
                # The source broke: say so, masked, and end.
                except Exception as error:
                    yield self._counted(self._broken(error), kind)

    async def _event(self, event: Event, purchase: Purchase) -> OperationResult:
        """One event; where the budget is empty, the client is told that it missed this one."""
        try:
            await purchase.take(self._hold_seconds)
        except RequestRejected as error:
            return _priced(self._broken(error), purchase, None)
        execution = await self._settled(event(purchase.tally), purchase)
        return self._result(execution, purchase, None)

    def _broken(self, error: Exception) -> OperationResult:
        """A result without data, of an operation or event that got as far as having one."""
        return msgspec.structs.replace(self.failed(error), rejection=None)

    def _result(
        self, execution: Execution, purchase: Purchase, mode: CostMode | None, written: bytes | None = None
    ) -> OperationResult:
        """`written` is the JSON of the data, where there is one already."""
        return OperationResult(
            data=execution.data if written is None else msgspec.Raw(written),
            errors=tuple(self.mask.execution_errors(execution.errors)) if execution.errors else (),
            extensions={"cost": purchase.extension(mode)},
            headers=purchase.headers(),
        )

    def _counted(self, result: OperationResult, kind: str) -> OperationResult:
        for error in result.errors:
            self._metrics.count_error(error["extensions"].get("code"))
        if result.rejection is not None:
            self._metrics.count_result(kind, "rejected")
        elif not result.errors:
            self._metrics.count_result(kind, "ok")
        else:
            self._metrics.count_result(kind, "partial" if result.data is not None else "failed")
        return result


class _Run:
    """What came of executing a query whose answer may be kept."""

    __slots__ = ("execution", "failure", "written")

    def __init__(self) -> None:
        self.execution: Execution | None = None
        self.failure: Exception | None = None
        self.written: bytes | None = None

    @property
    def over(self) -> bool:
        return self.execution is not None or self.failure is not None

    def answer(self, purchase: Purchase) -> KeptAnswer | None:
        """None for what others must not be shown: anything with an error."""
        if self.written is None or purchase.actual is None:
            return None
        return KeptAnswer(self.written, purchase.actual)


def _written(execution: Execution) -> bytes | None:
    """The JSON of data without errors; None where a value cannot be encoded, which is told when it is sent."""
    if execution.errors or execution.data is None:
        return None
    try:
        return msgspec.json.encode(execution.data)
    except (TypeError, ValueError, RecursionError):
        return None


def _consistent(result: OperationResult, token: str | None) -> OperationResult:
    """The result with what a later request must send to see what this one wrote, if it wrote anything."""
    if token is None:
        return result
    return msgspec.structs.replace(
        result,
        extensions={**result.extensions, CONSISTENCY: token},
        headers={**result.headers, f"podgraph-{CONSISTENCY}": token},
    )


def _profiled(result: OperationResult, profile: Profile) -> OperationResult:
    return msgspec.structs.replace(result, extensions={**result.extensions, PROFILE: profile.shown()})


def _priced(result: OperationResult, purchase: Purchase | None, mode: CostMode | None) -> OperationResult:
    """The result with what it cost and what is left, if it got as far as a price."""
    if purchase is None:
        return result
    return msgspec.structs.replace(
        result,
        extensions={**result.extensions, "cost": purchase.extension(mode)},
        headers={**purchase.headers(), **result.headers},
    )
