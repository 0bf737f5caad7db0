"""Request ids, spans and the access log."""

import itertools
from collections.abc import Iterator

import pytest
import structlog
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NoOpTracer, Tracer
from starlette.types import ASGIApp, Receive, Scope, Send
from structlog.testing import capture_logs
from structlog.typing import EventDict

from gateway.middleware.request_id import RequestIdMiddleware
from tests.gateway.middleware.asgi import Recorder, call

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


@pytest.fixture
def lines() -> Iterator[list[EventDict]]:
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        yield lines


def wrapped(app: ASGIApp, tracer: Tracer | None = None) -> RequestIdMiddleware:
    ids = itertools.count(1)
    seconds = itertools.count(0, 0.25)
    return RequestIdMiddleware(
        app, tracer=tracer or NoOpTracer(), new_id=lambda: f"made-{next(ids)}", clock=lambda: next(seconds)
    )


async def test_sane_id_of_the_caller_is_kept_and_answered(lines: list[EventDict]) -> None:
    app = Recorder()
    answer = await call(wrapped(app), headers={"x-request-id": "caller-0001"})
    assert answer.headers["x-request-id"] == "caller-0001"
    assert app.scopes[0]["state"]["request_id"] == "caller-0001"


@pytest.mark.parametrize("given", ["", "short", "a" * 129, "line\\nbreak1", 'quote"quote', "späteinmal"])
async def test_other_ids_are_replaced(lines: list[EventDict], given: str) -> None:
    assert (await call(wrapped(Recorder()), headers={"x-request-id": given})).headers["x-request-id"] == "made-1"


async def test_one_line_tells_of_the_request_and_nothing_of_its_query(lines: list[EventDict]) -> None:
    await call(wrapped(Recorder()), "/graphql", query_string=b"query=secret")
    assert lines == [
        {
            "event": "request",
            "log_level": "info",
            "request_id": "made-1",
            "method": "GET",
            "path": "/graphql",
            "status": 200,
            "response_bytes": 2,
            "duration_ms": 250.0,
        }
    ]


async def test_probes_are_logged_quietly(lines: list[EventDict]) -> None:
    await call(wrapped(Recorder()), "/livez")
    assert [line["log_level"] for line in lines] == ["debug"]


async def test_failure_is_logged_with_status_0_and_goes_on(lines: list[EventDict]) -> None:
    async def failing(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise RuntimeError("lost")

    with pytest.raises(RuntimeError, match="lost"):
        await call(wrapped(failing))
    assert [line["status"] for line in lines] == [0]


async def test_websocket_gets_an_id_and_a_line(lines: list[EventDict]) -> None:
    answer = await call(wrapped(Recorder([{"type": "websocket.accept"}])), type="websocket", scheme="ws", method=None)
    assert answer.messages == [{"type": "websocket.accept", "headers": [(b"x-request-id", b"made-1")]}]
    assert [line["status"] for line in lines] == [101]


async def test_refused_websocket_is_a_403_in_its_line(lines: list[EventDict]) -> None:
    await call(wrapped(Recorder([{"type": "websocket.close"}])), type="websocket", scheme="ws", method=None)
    assert [line["status"] for line in lines] == [403]


async def test_span_continues_the_callers_trace_and_is_answered(lines: list[EventDict]) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    answer = await call(wrapped(Recorder(), provider.get_tracer("test")), headers={"traceparent": PARENT})
    span: ReadableSpan
    [span] = exporter.get_finished_spans()
    assert span.context is not None
    assert span.parent is not None
    assert f"{span.context.trace_id:032x}" == TRACE
    assert f"{span.parent.span_id:016x}" == "b7ad6b7169203331"
    assert answer.headers["traceresponse"] == f"00-{TRACE}-{span.context.span_id:016x}-01"
    assert dict(span.attributes or {}) == {
        "http.request.method": "GET",
        "url.path": "/",
        "url.scheme": "http",
        "http.response.status_code": 200,
    }


async def test_without_tracing_there_is_no_trace_to_answer(lines: list[EventDict]) -> None:
    assert "traceresponse" not in (await call(wrapped(Recorder()))).headers


async def test_malformed_traceparent_is_ignored(lines: list[EventDict]) -> None:
    answer = await call(wrapped(Recorder()), headers={"traceparent": "00-zz-1-01"})
    assert answer.status == 200
