"""GraphQL over HTTP: one path, every transport. Start reading at `GraphQLEndpoint`.

    method → content type → CSRF → Accept → body → one context and one operation, or a batch → bytes

Each step is a function of `gateway.http` that refuses with RequestRejected; what is refused does no work beyond it.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from http import HTTPStatus
from typing import Final, Generic

import msgspec
from graphql import OperationType
from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from gateway.context import CONSISTENCY
from gateway.cost.admission import HEADER as COST_HEADER
from gateway.cost.admission import cost_mode
from gateway.errors import Code, RequestRejected, rejected
from gateway.execution.executor import ContextT
from gateway.http.access import access_ended
from gateway.http.batch import batch_results
from gateway.http.body import check_content, decoded, operation_request, query_string_request, read_body
from gateway.http.csrf import check_get
from gateway.http.head import head_of
from gateway.http.interruption import ClientGone, attended
from gateway.http.limits import HttpLimits
from gateway.http.negotiation import ANYTHING, Accepted, MediaType, accepted
from gateway.http.response import Answer, json_answer, result_answer, revalidated
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
from persistence.positions import position_of

ALLOW: Final = "GET, POST, OPTIONS"
NEVER_STREAMED: Final = frozenset({"UNAUTHENTICATED", Code.BAD_REQUEST, Code.METHOD_NOT_ALLOWED})
"""Refusals of the request rather than of its operation: they answer with their status, also to a client of SSE."""

_ACCEPTS: Final = 100
"""Accept headers whose meaning is remembered: programs send few."""


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
        self._accepted = lru_cache(_ACCEPTS)(accepted)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or connection."""
        if scope["type"] == "websocket":
            socket = WebSocket(scope, receive, send)
            await serve_websocket(socket, self._operations, self._context_factory, self._limits, self._drain)
            return
        request = _Request(scope, receive)
        try:
            answer = await self._answer(request)
        except ClientGone:
            return
        if isinstance(answer, Answer):
            await answer.send(send)
        else:
            await send_events(
                answer,
                self._operations.serialised,
                receive,
                send,
                limits=self._limits,
                drain=self._drain,
                refused=access_ended(
                    lambda: self._context_factory(request.connection, None), self._limits.access_check_seconds
                ),
            )

    async def _answer(self, request: "_Request") -> Answer | ResultStream:
        types = ANYTHING
        try:
            if request.method == "OPTIONS":
                return Answer(HTTPStatus.NO_CONTENT, [(b"allow", ALLOW.encode())])
            types = self._checked_head(request)
            if request.method == "GET":
                return await self._get(request, types)
            return await self._post(request, types)
        except RequestRejected as error:
            return self._response(self._operations.failed(error), types.errors)

    def _checked_head(self, request: "_Request") -> Accepted:
        head = request.head
        if request.method == "POST":
            check_content(head)
        elif request.method == "GET":
            check_get(head, requires_preflight=self._limits.get_requires_preflight)
        else:
            message = f"{request.method} is not a method of this endpoint."
            raise rejected(Code.METHOD_NOT_ALLOWED, message, {"allow": ALLOW})
        return self._accepted(", ".join(head.every("accept")))

    async def _get(self, request: "_Request", types: Accepted) -> Answer | ResultStream:
        asked = query_string_request(request.query_string, self._limits)
        kinds = _kinds(QUERIES, types)
        result = await attended(request.receive, self._run(request, request.billed(asked), kinds))
        if not isinstance(result, OperationResult) or types.stream_first:
            return self._streamed(result, types)
        answer = self._response(result, types.errors)
        if answer.status == HTTPStatus.OK and not result.errors:
            # Whether the answer is still the same is its data's to say: what is left of the budget changes with each.
            data = bytes(result.data) if isinstance(result.data, msgspec.Raw) else msgspec.json.encode(result.data)
            return revalidated(answer, data, request.head.get("if-none-match"))
        return answer

    async def _post(self, request: "_Request", types: Accepted) -> Answer | ResultStream:
        value = decoded(await read_body(request.receive, request.head, self._limits), self._limits)
        if isinstance(value, list):
            return await self._batch(request, value, types)
        asked = request.billed(operation_request(value))
        kinds = _kinds(QUERIES_AND_MUTATIONS, types)
        result = await attended(request.receive, self._run(request, asked, kinds))
        if not isinstance(result, OperationResult) or types.stream_first:
            return self._streamed(result, types)
        return self._response(result, types.errors)

    async def _batch(self, request: "_Request", items: Sequence[object], types: Accepted) -> Answer:
        if types.json is None:
            raise rejected(Code.NOT_ACCEPTABLE, "A batch is answered with JSON, which Accept leaves out.")

        async def answer(item: object) -> OperationResult:
            try:
                asked = request.billed(operation_request(item))
                result = await self._run(request, asked, QUERIES_AND_MUTATIONS)
            except RequestRejected as error:
                return self._operations.failed(error)
            if isinstance(result, OperationResult):
                return result
            raise AssertionError("a batch carries no subscriptions")

        results = await attended(request.receive, batch_results(items, answer, self._limits))
        body = b"[" + b",".join(self._operations.serialised(result)[1] for result in results) + b"]"
        return json_answer(body, 200, types.json, self._limits, _headers_of_all(results))

    async def _run(
        self, request: "_Request", asked: OperationRequest, kinds: frozenset[OperationType]
    ) -> OperationResult | ResultStream:
        try:
            context = await self._context_factory(request.connection, None)
        # Domain errors are shown, defects masked.
        except Exception as error:
            return self._operations.failed(error)
        return await self._operations.run(asked, context, kinds)

    def _streamed(self, result: OperationResult | ResultStream, types: Accepted) -> Answer | ResultStream:
        """A stream is sent as it is, a single result as a stream of one.

        A faulty operation is a result too: the protocol wants it as an event, since EventSource shows its user nothing
        of a response that is no stream.
        """
        if not isinstance(result, OperationResult):
            return result
        if result.rejection in NEVER_STREAMED:
            return self._response(result, types.json or MediaType.GRAPHQL)
        return _stream_of_one(result)

    def _response(self, result: OperationResult, media: MediaType) -> Answer:
        sent, body = self._operations.serialised(result)
        return result_answer(body, sent, media, self._limits)


class _Request:
    """One request, as far as this endpoint looks at it."""

    __slots__ = ("connection", "head", "method", "query_string", "receive")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.connection = HTTPConnection(scope)
        self.head = head_of(scope)
        self.method: str = scope["method"]
        self.query_string: bytes = scope["query_string"]
        self.receive = receive

    def billed(self, asked: OperationRequest) -> OperationRequest:
        """What is asked, with what the header says about its bill. Raises RequestRejected."""
        mode = cost_mode(self.head.get(COST_HEADER))
        return asked if mode is None else msgspec.structs.replace(asked, cost_mode=mode)


def _headers_of_all(results: Sequence[OperationResult]) -> Mapping[str, str]:
    """Every item says what it cost and what it wrote; the headers are those of the last one, and the newest token."""
    tokens = [token for result in results if (token := result.headers.get(CONSISTENCY)) is not None]
    newest = {CONSISTENCY: max(tokens, key=position_of)} if tokens else {}
    return {**results[-1].headers, **newest} if results else {}


def _kinds(kinds: frozenset[OperationType], types: Accepted) -> frozenset[OperationType]:
    return kinds | {OperationType.SUBSCRIPTION} if types.stream else kinds


async def _stream_of_one(result: OperationResult) -> ResultStream:
    yield result
