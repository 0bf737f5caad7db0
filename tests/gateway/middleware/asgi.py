"""ASGI without a server: an application that records what reached it, and a caller that records what came back."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Recorder:
    """Answers 200 (or what `messages` say) and remembers the scopes it was called with."""

    def __init__(self, messages: Sequence[Message] | None = None) -> None:
        self.scopes: list[Scope] = []
        self.messages = messages or (
            {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]},
            {"type": "http.response.body", "body": b"{}"},
        )

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        for message in self.messages:
            await send(dict(message))


class Answer(msgspec.Struct, frozen=True):
    """What a client would see."""

    status: int
    headers: dict[str, str]
    body: bytes
    messages: list[Message]

    @property
    def code(self) -> str:
        """`extensions.code` of the first error."""
        return str(msgspec.json.decode(self.body)["errors"][0]["extensions"]["code"])


async def call(app: ASGIApp, path: str = "/", *, headers: Mapping[str, str] | None = None, **scope: Any) -> Answer:
    """One request, or one WebSocket handshake with `type="websocket"`."""
    raw = [(name.encode(), value.encode()) for name, value in ({"host": "localhost"} | dict(headers or {})).items()]
    full: Scope = {
        "type": "http",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": raw,
        "client": ("203.0.113.9", 4711),
        "server": ("localhost", 80),
        "root_path": "",
    } | scope
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(full, receive, send)
    start: Message = next((m for m in sent if m["type"] == "http.response.start"), {})
    return Answer(
        status=start.get("status", 0),
        headers={name.decode(): value.decode() for name, value in start.get("headers", ())},
        body=b"".join(m.get("body", b"") for m in sent if m["type"] == "http.response.body"),
        messages=sent,
    )
