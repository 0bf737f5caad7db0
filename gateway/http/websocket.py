"""Operations over graphql-transport-ws, on Strawberry's implementation of the protocol.

Strawberry keeps the protocol's state; ours is what differs: every operation runs through `gateway.operation` in a fresh
context, messages are checked before they are believed, errors carry codes, and a draining server says 1001.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from datetime import timedelta
from typing import Any, Final, Generic, cast

import msgspec
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http.async_base_view import AsyncBaseHTTPView
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.http.websocket_origin import is_same_origin, normalize_origin
from strawberry.schema import BaseSchema
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler, Operation
from strawberry.subscriptions.protocols.graphql_transport_ws.types import (
    ConnectionInitMessage,
    Message,
    SubscribeMessage,
)
from strawberry.types.unset import UNSET, UnsetType

from gateway.errors import Code, RequestRejected
from gateway.execution.executor import ContextT
from gateway.http.access import access_ended
from gateway.http.body import operation_request
from gateway.http.frames import (
    FORBIDDEN,
    GOING_AWAY,
    INTERNAL_ERROR,
    POLICY_VIOLATION,
    SUBPROTOCOL_NOT_ACCEPTABLE,
    Frames,
)
from gateway.http.limits import HttpLimits
from gateway.middleware.drain import Drain
from gateway.operation import ALL_KINDS, OperationRequest, OperationResult, Operations, ResultStream
from resolvers.errors import DomainError

FINISH_SECONDS: Final = 5.0
"""How long queries and mutations in flight may go on when the server drains."""

ContextFactory = Callable[[HTTPConnection, Mapping[str, Any] | None], Awaitable[ContextT]]
"""A fresh context for one operation. The second argument is a WebSocket's connection_init payload, None for HTTP.

Raises a DomainError (Unauthenticated, Forbidden) to refuse; the error is shown to the client as it is.
"""


async def serve_websocket(
    socket: WebSocket,
    operations: Operations[ContextT],
    context_factory: ContextFactory[ContextT],
    limits: HttpLimits,
    drain: Drain,
) -> None:
    """Serve one connection until either side closes it.

    The handshake of a page of another origin is refused with 403 (browsers apply no CORS to WebSockets). Closes with
    4400 (malformed message), 4401 (subscribe before connection_ack), 4403 (connection_init refused, or its credentials
    are good no more), 4406 (subprotocol), 4408 (no connection_init in time), 4409 (id in use), 4429 (second
    connection_init), 1001 (draining), 1009 (message too big).
    """
    if not _origin_allowed(socket, limits.websocket_origins):
        await socket.close(POLICY_VIOLATION)
        return
    offered = GRAPHQL_TRANSPORT_WS_PROTOCOL in socket.scope.get("subprotocols", ())
    await socket.accept(GRAPHQL_TRANSPORT_WS_PROTOCOL if offered else None)
    if not offered:
        await socket.close(SUBPROTOCOL_NOT_ACCEPTABLE, "Subprotocol not acceptable")
        return
    connection = Connection(socket, operations, context_factory, limits)
    with drain.stream():
        closing = (
            asyncio.create_task(_close_when_drained(connection, drain)),
            asyncio.create_task(connection.close_when_refused()),
        )
        try:
            await connection.handle()
        finally:
            for task in closing:
                task.cancel()
            await asyncio.gather(*closing, return_exceptions=True)


async def _close_when_drained(connection: "Connection[Any]", drain: Drain) -> None:
    await drain.closed()
    await connection.finish(FINISH_SECONDS)


def _origin_allowed(socket: WebSocket, allowed: frozenset[str]) -> bool:
    origin = socket.headers.get("origin")
    if origin is None or "*" in allowed:
        return True
    return is_same_origin(origin, socket.headers.get("host")) or normalize_origin(origin) in allowed


class _InitPayload:
    """Where Strawberry's handler leaves the payload of connection_init."""

    def __init__(self) -> None:
        self.connection_params: dict[str, Any] = {}


class _Gate(Generic[ContextT]):
    """The one method of a Strawberry view that its handler calls: may this connection be acknowledged?"""

    def __init__(self, socket: WebSocket, context_factory: ContextFactory[ContextT]) -> None:
        self._socket = socket
        self._context_factory = context_factory

    async def on_ws_connect(self, init: _InitPayload) -> UnsetType:
        """Raise ConnectionRejectionError when no context can be made of the payload."""
        try:
            await self._context_factory(self._socket, init.connection_params)
        except DomainError as error:
            raise ConnectionRejectionError from error
        return cast("UnsetType", UNSET)


class Connection(BaseGraphQLTransportWSHandler[_InitPayload, None], Generic[ContextT]):
    """One connection."""

    def __init__(
        self,
        socket: WebSocket,
        operations: Operations[ContextT],
        context_factory: ContextFactory[ContextT],
        limits: HttpLimits,
    ) -> None:
        view = cast("AsyncBaseHTTPView[Any, Any, Any, Any, Any, _InitPayload, None]", _Gate(socket, context_factory))
        super().__init__(
            view=view,
            websocket=Frames(socket, limits),
            context=_InitPayload(),
            root_value=None,
            # Only Strawberry's own run_operation, which ours replaces, would use it.
            schema=cast("BaseSchema", None),
            connection_init_wait_timeout=timedelta(seconds=limits.websocket_init_seconds),
        )
        self._socket = socket
        self._gateway = operations
        self._context_factory = context_factory
        self._limits = limits
        self._requests: dict[str, OperationRequest] = {}
        self._streaming: set[str] = set()

    async def handle_message(self, message: Message) -> None:
        """Refuse what is not a message of the protocol before anything reads it."""
        wrong = _shape_error(message)
        if wrong is not None:
            await self.handle_invalid_message(wrong)
            return
        await super().handle_message(message)

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        """Acknowledge a client that a context can be made for; a defect while asking closes with 4500."""
        if message.get("payload") is None:
            message = {"type": "connection_init", "payload": {}}
        try:
            await super().handle_connection_init(message)
        except WebSocketDisconnected:
            raise
        # A defect is masked here as anywhere.
        except Exception as error:
            self._gateway.failed(error)
            await self.websocket.close(INTERNAL_ERROR, "Internal server error")

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        """Start an operation, unless there are too many."""
        try:
            request = operation_request(message["payload"])
        except RequestRejected as error:
            await self.handle_invalid_message(error.errors[0].message)
            return
        identity = message["id"]
        if self.connection_acknowledged and identity not in self.operations:
            if len(self.operations) >= self._limits.websocket_operations:
                await self._refuse(identity)
                return
            self._requests[identity] = request
        payload = {"query": request.query or ""}
        await super().handle_subscribe(cast("SubscribeMessage", {**message, "payload": payload}))

    async def run_operation(self, operation: Operation[_InitPayload, None]) -> None:
        """Run an operation to its end and send all that comes of it."""
        request = self._requests.pop(operation.id)
        try:
            outcome = await self._outcome(request)
            if not isinstance(outcome, OperationResult):
                self._streaming.add(operation.id)
                async with aclosing(outcome):
                    async for result in outcome:
                        await self._send_next(operation, result)
            elif outcome.rejection is not None:
                errors = cast("Message", {"id": operation.id, "type": "error", "payload": outcome.errors})
                await operation.send_operation_message(errors)
                return
            else:
                await self._send_next(operation, outcome)
            await operation.send_operation_message({"id": operation.id, "type": "complete"})
        except WebSocketDisconnected:
            return
        finally:
            self._streaming.discard(operation.id)

    async def cleanup_operation(self, operation_id: str) -> None:
        """Forget an operation, also one whose task has not begun."""
        self._requests.pop(operation_id, None)
        await super().cleanup_operation(operation_id)

    async def close_when_refused(self) -> None:
        """Close with 4403, which clients answer by connecting again, once the credentials are good no more."""
        await access_ended(self._new_context, self._limits.access_check_seconds)
        await self.websocket.close(FORBIDDEN, "Forbidden")

    async def finish(self, seconds: float) -> None:
        """Let queries and mutations in flight end, for at most `seconds`, then close with 1001."""
        running = [
            operation.task
            for identity, operation in self.operations.items()
            if operation.task is not None and identity not in self._streaming
        ]
        if running:
            await asyncio.wait(running, timeout=seconds)
        await self.websocket.close(GOING_AWAY, "Going away")

    async def _new_context(self) -> ContextT:
        return await self._context_factory(self._socket, self.context.connection_params)

    async def _outcome(self, request: OperationRequest) -> OperationResult | ResultStream:
        try:
            context = await self._new_context()
        # Domain errors are shown, defects masked.
        except Exception as error:
            return self._gateway.failed(error)
        return await self._gateway.run(request, context, ALL_KINDS)

    async def _send_next(self, operation: Operation[_InitPayload, None], result: OperationResult) -> None:
        _, body = self._gateway.serialised(result)
        message = cast("Message", {"id": operation.id, "type": "next", "payload": msgspec.Raw(body)})
        await operation.send_operation_message(message)

    async def _refuse(self, identity: str) -> None:
        most = self._limits.websocket_operations
        error = {
            "message": f"At most {most} operations at a time on one connection.",
            "extensions": {"code": str(Code.TOO_MANY_OPERATIONS)},
        }
        await self.send_message(cast("Message", {"id": identity, "type": "error", "payload": [error]}))


def _shape_error(message: object) -> str | None:
    """What is wrong with the envelope of a message, in a close frame's few words."""
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return "A message is an object with a type"
    if message["type"] in {"subscribe", "complete"} and not (isinstance(message.get("id"), str) and message["id"]):
        return "The message needs an id"
    if message["type"] == "subscribe" and not isinstance(message.get("payload"), dict):
        return "The message needs a payload"
    return None
