"""Structured logs: one JSON object a line, or colours for a terminal.

`configure` is called once, by the composition root. Loggers are got with `structlog.get_logger(name)` anywhere; what a
request binds (`request_id`, the trace's ids) is on every line written while it is served. Logs of libraries that use
the standard library's logging (uvicorn, SQLAlchemy, asyncio) come out in the same form. Ours do not pass through that
logging, which takes four times as long, and each request writes a line.
"""

import json
import logging
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final, Literal, TextIO, cast

import msgspec
import structlog
from structlog.contextvars import merge_contextvars
from structlog.processors import ExceptionRenderer
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import FilteringBoundLogger, Processor

from ops.telemetry.tracing import current_ids

LogStyle = Literal["json", "console", "auto"]

# Local variables stay out of the log: they hold passwords and tokens.
_EXCEPTIONS: Final = ExceptionRenderer(ExceptionDictTransformer(show_locals=False))


def configure(stream: TextIO = sys.stderr, *, style: LogStyle = "auto", level: str = "INFO") -> None:
    """Send all logs to `stream`; `auto` is console where the stream is a terminal and JSON elsewhere."""
    console = style == "console" or (style == "auto" and stream.isatty())
    shared: list[Processor] = [
        merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        _with_trace,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    ]
    last: list[Processor] = (
        [structlog.dev.ConsoleRenderer(colors=stream.isatty())]
        if console
        else [_EXCEPTIONS, structlog.processors.JSONRenderer(serializer=_json)]
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder(), _without_second_message],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    handler.addFilter(_no_handshake)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    structlog.configure(
        processors=[*shared, *last] if console else [_json_line],
        logger_factory=lambda name="": _Lines(name, stream),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,
    )


@contextmanager
def errors_alone() -> Iterator[None]:
    """Within the block, of a command for people, only errors are logged, and on standard error."""
    before = structlog.get_config() if structlog.is_configured() else None
    structlog.configure(
        # Asked for with each line: a test puts other streams in its place.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger("ERROR"),
        cache_logger_on_first_use=False,
    )
    try:
        yield
    finally:
        structlog.reset_defaults()
        if before is not None:
            structlog.configure(**before)


class _Lines:
    """What structlog hands finished lines to."""

    __slots__ = ("_stream", "name")

    def __init__(self, name: str, stream: TextIO) -> None:
        self.name = name
        self._stream = stream

    def write(self, line: str) -> None:
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        # A log that cannot be written, as on a full disk, stops nobody.
        except (OSError, ValueError):
            return

    debug = info = warning = error = critical = exception = write


def _no_handshake(record: logging.LogRecord) -> bool:
    """uvicorn's own line for each WebSocket holds the client's address and the query string; ours has neither."""
    return not (record.name == "uvicorn.error" and str(record.msg).startswith('%s - "WebSocket'))


def _with_trace(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    ids = current_ids()
    if ids is not None:
        event["trace_id"], event["span_id"] = ids
    return event


def _without_second_message(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """uvicorn says everything twice, the second time in colours."""
    event.pop("color_message", None)
    return event


def _json_line(writer: _Lines, method: str, event: MutableMapping[str, Any]) -> str:
    """What all the processors of JSON do, in their order, at once: each request waits for it."""
    merge_contextvars(writer, method, event)
    structlog.stdlib.add_log_level(writer, method, event)
    event["logger"] = writer.name
    _with_trace(writer, method, event)
    event["time"] = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    if "exc_info" in event:
        _EXCEPTIONS(writer, method, event)
    return _json(event)


def _json(event: object, **_options: object) -> str:
    try:
        return msgspec.json.encode(event, enc_hook=repr).decode()
    except UnicodeEncodeError:
        # Half a surrogate pair, which only escapes can write.
        return json.dumps(event, default=repr)


def logger(name: str) -> FilteringBoundLogger:
    """The logger of that name, typed."""
    return cast("FilteringBoundLogger", structlog.get_logger(name))
