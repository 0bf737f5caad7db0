"""A WebSocket as Strawberry's protocol handler wants it: JSON in text frames, bounded in size and time."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Final

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState
from strawberry.http.async_base_view import AsyncWebSocketAdapter
from strawberry.http.exceptions import NonJsonMessageReceived, NonTextMessageReceived, WebSocketDisconnected

from gateway.errors import RequestRejected
from gateway.http.body import decoded
from gateway.http.limits import HttpLimits

GOING_AWAY: Final = 1001
POLICY_VIOLATION: Final = 1008
TOO_BIG: Final = 1009
FORBIDDEN: Final = 4403
SUBPROTOCOL_NOT_ACCEPTABLE: Final = 4406
INTERNAL_ERROR: Final = 4500

MAX_REASON_BYTES: Final = 123
"""What a close frame has room for (RFC 6455, section 5.5)."""


class Pace:
    """Lets `rate` pass in a second, and as many at once after a pause; who is faster waits, and the sender too."""

    def __init__(self, rate: float) -> None:
        self._interval = 1 / rate
        self._due = 0.0

    async def turn(self) -> None:
        """Return when it is the next one's turn."""
        now = asyncio.get_running_loop().time()
        self._due = max(self._due, now - 1) + self._interval
        if self._due > now:
            await asyncio.sleep(self._due - now)


class Frames(AsyncWebSocketAdapter):
    """Text frames of JSON on a Starlette socket."""

    def __init__(self, socket: WebSocket, limits: HttpLimits) -> None:
        self._socket = socket
        self._limits = limits
        self._pace = Pace(limits.websocket_messages_per_second)

    async def iter_json(self, *, ignore_parsing_errors: bool = False) -> AsyncGenerator[object, None]:
        """Messages until the connection is closed; raises what Strawberry's handler expects of malformed ones."""
        while self._socket.application_state is not WebSocketState.DISCONNECTED:
            try:
                text = await self._socket.receive_text()
            except WebSocketDisconnect:
                return
            except KeyError:
                raise NonTextMessageReceived from None
            await self._pace.turn()
            body = text.encode()
            if len(body) > self._limits.websocket_message_bytes:
                await self.close(TOO_BIG, "Message too big")
                return
            try:
                yield decoded(body, self._limits)
            except RequestRejected:
                raise NonJsonMessageReceived from None

    async def send_json(self, message: Mapping[str, object]) -> None:
        """Send one message; a client that reads nothing for too long is let go."""
        try:
            async with asyncio.timeout(self._limits.stream_write_seconds):
                await self._socket.send_text(msgspec.json.encode(message).decode())
        except (WebSocketDisconnect, RuntimeError, TimeoutError) as error:
            # Starlette raises RuntimeError for a send after our own close.
            raise WebSocketDisconnected from error

    async def close(self, code: int, reason: str) -> None:
        """Close once; the reason is cut to what a frame holds."""
        if self._socket.application_state is WebSocketState.DISCONNECTED:
            return
        short = reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")
        try:
            await self._socket.close(code, short)
        except (WebSocketDisconnect, RuntimeError):
            return
