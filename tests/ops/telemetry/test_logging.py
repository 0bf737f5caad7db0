"""The form of log lines."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from ops.telemetry.logging import configure, logger

LONE = object()
"""Of no type that JSON has."""


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_line_is_one_json_object_with_what_the_request_bound() -> None:
    stream = io.StringIO()
    configure(stream)
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        logger("gateway.access").info("request", status=200)
    [line] = lines(stream)
    assert str(line.pop("time")).endswith("Z")
    assert line == {
        "event": "request",
        "level": "info",
        "logger": "gateway.access",
        "request_id": "r-1",
        "status": 200,
    }


def test_addresses_and_query_strings_of_websockets_stay_out() -> None:
    stream = io.StringIO()
    configure(stream)
    uvicorn = logging.getLogger("uvicorn.error")
    uvicorn.info('%s - "WebSocket %s" [accepted]', "192.0.2.1:1", "/graphql?token=x")
    uvicorn.info('%s - "WebSocket %s" 403', "192.0.2.1:1", "/graphql?token=x")
    uvicorn.info("Started")
    assert [line["event"] for line in lines(stream)] == ["Started"]


def test_libraries_log_in_the_same_form() -> None:
    stream = io.StringIO()
    configure(stream, level="WARNING")
    logging.getLogger("uvicorn.error").info("quiet")
    logging.getLogger("uvicorn.error").warning("loud %d", 1)
    assert [(line["event"], line["level"], line["logger"]) for line in lines(stream)] == [
        ("loud 1", "warning", "uvicorn.error")
    ]


def test_what_uvicorn_says_twice_is_said_once() -> None:
    stream = io.StringIO()
    configure(stream)
    logging.getLogger("uvicorn.error").info("Started", extra={"color_message": "in colours"})
    assert [set(line) for line in lines(stream)] == [{"event", "level", "logger", "time"}]


def test_traceback_is_structured_and_shows_no_local_variables() -> None:
    stream = io.StringIO()
    configure(stream)
    typed = "hunter2"
    try:
        int(typed[:0])
    except ValueError:
        logger("gateway.errors").exception("defect", error_id="e-1")
    assert "hunter2" not in stream.getvalue()
    [line] = lines(stream)
    assert line["error_id"] == "e-1"
    assert '"exc_type": "ValueError"' in json.dumps(line["exception"])


def test_value_that_is_not_json_is_shown_as_text() -> None:
    stream = io.StringIO()
    configure(stream)
    logger("a").info("b", value=object)
    assert lines(stream)[0]["value"] == "<class 'object'>"


def test_level_silences() -> None:
    stream = io.StringIO()
    configure(stream, level="ERROR")
    logger("a").warning("quiet")
    assert stream.getvalue() == ""


def test_console_is_for_people() -> None:
    stream = io.StringIO()
    configure(stream, style="console")
    logger("a").info("hello", n=1)
    assert "hello" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


def test_what_json_cannot_say_as_it_is_is_escaped() -> None:
    stream = io.StringIO()
    configure(stream)
    logger("gateway.access").warning("odd", path="/\ud800", of=LONE)
    [line] = lines(stream)
    assert (line["path"], line["of"]) == ("/\ud800", repr(LONE))


def test_log_that_cannot_be_written_stops_nobody() -> None:
    stream = io.StringIO()
    configure(stream)
    stream.close()
    logger("gateway.access").info("request")


def test_lines_below_the_level_are_not_written() -> None:
    stream = io.StringIO()
    configure(stream, level="WARNING")
    logger("gateway.access").info("request")
    logger("gateway.access").warning("slow")
    assert [line["event"] for line in lines(stream)] == ["slow"]
