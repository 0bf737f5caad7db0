"""GraphQL over HTTP: one path, every transport. Start reading at `GraphQLEndpoint`.

    method → content type → CSRF → Accept → body → one context and one operation, or a batch → bytes

Each step is a function of `gateway.http` that refuses with RequestRejected; what is refused does no work beyond it.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from http import HTTPStatus
from typing import Any, Final, Generic, TypeVar

import msgspec
from graphql import OperationType
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from gateway.cost.admission import HEADER as COST_HEADER
from gateway.cost.admission import cost_mode
from gateway.errors import Code, RequestRejected, rejected
from gateway.execution.executor import ContextT
from gateway.http.access import access_ended
from gateway.http.batch import batch_results
from gateway.http.body import (
    ClientGone,
    check_content,
    decoded,
    disconnected,
    operation_request,
    query_string_request,
    read_body,
)
from gateway.http.csrf import check_get
from gateway.http.limits import HttpLimits
from gateway.http.negotiation import ANYTHING, Accepted, MediaType, accepted
from gateway.http.response import json_response, result_response, revalidated
from gateway.http.sse import send_events
from gateway.http.websocket import ContextFactory, serve_websocket
from gateway.middleware.drain import Drain
from gateway.operation import (
    QUERIES,
    QUERIES_AND_MUTATIONS,
    OperationRequest,
    OperationResult,
    Operations,
    ResultStream,
)

ALLOW: Final = "GET, POST, OPTIONS"
NEVER_STREAMED: Final = frozenset({"UNAUTHENTICATED", Code.BAD_REQUEST, Code.METHOD_NOT_ALLOWED})
"""Refusals of the request rather than of its operation: they answer with their status, also to a client of SSE."""

T = TypeVar("T")


class GraphQLEndpoint(Generic[ContextT]):
    """The ASGI application of the GraphQL path: GET, POST, SSE and WebSocket.

    `context_factory` makes one context per operation, also per item of a batch.
    """

    def __init__(
        self,
        operations: Operations[ContextT],
        context_factory: ContextFactory[ContextT],
        limits: HttpLimits,
        drain: Drain,
    ) -> None:
        self._operations = operations
        self._context_factory = context_factory
        self._limits = limits
        self._drain = drain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or connection."""
        if scope["type"] == "websocket":
            socket = WebSocket(scope, receive, send)
            await serve_websocket(socket, self._operations, self._context_factory, self._limits, self._drain)
            return
        request = Request(scope, receive)
        try:
            answer = await self._answer(request)
        except ClientGone:
            return
        if isinstance(answer, Response):
            await answer(scope, receive, send)
        else:
            await send_events(
                answer,
                self._operations.serialised,
                receive,
                send,
                limits=self._limits,
                drain=self._drain,
                refused=access_ended(lambda: self._context_factory(request, None), self._limits.access_check_seconds),
            )

    async def _answer(self, request: Request) -> Response | ResultStream:
        types = ANYTHING
        try:
            if request.method == "OPTIONS":
                return Response(status_code=204, headers={"allow": ALLOW})
            types = self._checked_head(request)
            if request.method == "GET":
                return await self._get(request, types)
            return await self._post(request, types)
        except RequestRejected as error:
            return self._response(self._operations.failed(error), types.errors)

    def _checked_head(self, request: Request) -> Accepted:
        if request.method not in {"GET", "POST"}:
            message = f"{request.method} is not a method of this endpoint."
            raise rejected(Code.METHOD_NOT_ALLOWED, message, {"allow": ALLOW})
        if request.method == "POST":
            check_content(request.headers)
        else:
            check_get(request.headers, requires_preflight=self._limits.get_requires_preflight)
        return accepted(", ".join(request.headers.getlist("accept")))

    async def _get(self, request: Request, types: Accepted) -> Response | ResultStream:
        asked = query_string_request(request.scope["query_string"], self._limits)
        result = await _attended(request, self._run(request, _billed(asked, request), _kinds(QUERIES, types)))
        if not isinstance(result, OperationResult) or types.stream_first:
            return self._streamed(result, types)
        response = self._response(result, types.errors)
        if response.status_code == HTTPStatus.OK and not result.errors:
            # Whether the answer is still the same is its data's to say: what is left of the budget changes with each.
            _, data = self._operations.serialised(msgspec.structs.replace(result, extensions={}))
            return revalidated(response, data, request.headers.get("if-none-match"))
        return response

    async def _post(self, request: Request, types: Accepted) -> Response | ResultStream:
        value = decoded(await read_body(request.receive, request.headers, self._limits), self._limits)
        if isinstance(value, list):
            return await self._batch(request, value, types)
        asked = _billed(operation_request(value), request)
        result = await _attended(request, self._run(request, asked, _kinds(QUERIES_AND_MUTATIONS, types)))
        if not isinstance(result, OperationResult) or types.stream_first:
            return self._streamed(result, types)
        return self._response(result, types.errors)

    async def _batch(self, request: Request, items: Sequence[object], types: Accepted) -> Response:
        if types.json is None:
            raise rejected(Code.NOT_ACCEPTABLE, "A batch is answered with JSON, which Accept leaves out.")

        async def answer(item: object) -> OperationResult:
            try:
                asked = _billed(operation_request(item), request)
                result = await self._run(request, asked, QUERIES_AND_MUTATIONS)
            except RequestRejected as error:
                return self._operations.failed(error)
            if isinstance(result, OperationResult):
                return result
            raise AssertionError("a batch carries no subscriptions")

        results = await _attended(request, batch_results(items, answer, self._limits))
        body = b"[" + b",".join(self._operations.serialised(result)[1] for result in results) + b"]"
        # Every item says what it cost; the headers are those of the last one.
        return json_response(body, 200, types.json, self._limits, results[-1].headers if results else None)

    async def _run(
        self, request: Request, asked: OperationRequest, kinds: frozenset[OperationType]
    ) -> OperationResult | ResultStream:
        try:
            context = await self._context_factory(request, None)
        # Domain errors are shown, defects masked.
        except Exception as error:
            return self._operations.failed(error)
        return await self._operations.run(asked, context, kinds)

    def _streamed(self, result: OperationResult | ResultStream, types: Accepted) -> Response | ResultStream:
        """A stream is sent as it is, a single result as a stream of one.

        A faulty operation is a result too: the protocol wants it as an event, since EventSource shows its user nothing
        of a response that is no stream.
        """
        if not isinstance(result, OperationResult):
            return result
        if result.rejection in NEVER_STREAMED:
            return self._response(result, types.json or MediaType.GRAPHQL)
        return _stream_of_one(result)

    def _response(self, result: OperationResult, media: MediaType) -> Response:
        sent, body = self._operations.serialised(result)
        return result_response(body, sent, media, self._limits)


def _billed(asked: OperationRequest, request: Request) -> OperationRequest:
    """What is asked, with what the header says about its bill. Raises RequestRejected."""
    mode = cost_mode(request.headers.get(COST_HEADER))
    return asked if mode is None else msgspec.structs.replace(asked, cost_mode=mode)


def _kinds(kinds: frozenset[OperationType], types: Accepted) -> frozenset[OperationType]:
    return kinds | {OperationType.SUBSCRIPTION} if types.stream else kinds


async def _attended(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The work's result; when the client leaves first, the work is cancelled. Raises ClientGone."""
    working = asyncio.create_task(work)
    gone = asyncio.create_task(disconnected(request.receive))
    try:
        await asyncio.wait((working, gone), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientGone
        return working.result()
    finally:
        working.cancel()
        gone.cancel()
        await asyncio.gather(working, gone, return_exceptions=True)


async def _stream_of_one(result: OperationResult) -> ResultStream:
    yield result
