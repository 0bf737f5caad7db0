"""Lines as events: NDJSON and CSV. Nothing is judged here but whether a line is an event at all."""

import csv
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from operator import itemgetter
from typing import Final, Protocol

import msgspec

from gateway.ingest.lines import LONGEST_LINE, Batch
from gateway.ingest.source import UnreadableSource
from resolvers.errors import Problem
from resolvers.events.incoming import IncomingEvent

COLUMNS: Final = tuple(field.encode_name for field in msgspec.structs.fields(IncomingEvent))
REQUIRED_COLUMNS: Final = ("key", "type", "occurredAt", "ipAddress")
_NAME = re.compile(r"[A-Za-z]\w{0,63}", re.ASCII)
"""What is repeated of a client's names. Not any text: an address may stand where a name should."""
_AT = re.compile(rf"(?:`\$\.|unknown field `)({_NAME.pattern})`", re.ASCII)
"""Where msgspec says that the error is."""


class FormatName(StrEnum):
    NDJSON = "ndjson"
    CSV = "csv"


class Unreadable(msgspec.Struct, frozen=True):
    """A line that is no event."""

    line: int
    problem: Problem
    fields: Mapping[str, object] = {}
    """What can be told of it: fields of an event, the network address included."""


class Decoded(msgspec.Struct, frozen=True):
    """The lines of a batch that are not blank; event i stands on line `lines[i]`, the first line being 1."""

    lines: list[int]
    events: list[IncomingEvent]
    unreadable: list[Unreadable]


class Format(Protocol):
    def decoded(self, batch: Batch) -> Decoded: ...


class Beginning(msgspec.Struct, frozen=True):
    """The first line that is not blank; empty if there is none within what one line may have."""

    line: bytes
    number: int


def format_of(name: FormatName | None, source: str, beginning: Beginning) -> Format:
    """The format that was asked for, else by the source's name, else by how it begins. Raises UnreadableSource."""
    if name is None:
        ending = source.removesuffix(".gz").rpartition(".")[2].lower()
        if ending in ("ndjson", "jsonl", "json"):
            name = FormatName.NDJSON
        elif ending == "csv":
            name = FormatName.CSV
        else:
            name = FormatName.NDJSON if beginning.line.startswith((b"{", b"[")) else FormatName.CSV
    if name is FormatName.CSV:
        return Csv(source, beginning)
    if beginning.line.startswith(b"["):
        raise UnreadableSource(f"{source} is a JSON array: write one event a line, without commas between them")
    return Ndjson()


class _StrictEvent(IncomingEvent, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A misspelt field is told, not lost."""


class Ndjson:
    """One JSON object a line."""

    def __init__(self) -> None:
        self._decode: Callable[[bytes], IncomingEvent] = msgspec.json.Decoder(_StrictEvent).decode

    def decoded(self, batch: Batch) -> Decoded:
        decode = self._decode
        lines: list[int] = []
        events: list[IncomingEvent] = []
        unreadable: list[Unreadable] = []
        for number, line in enumerate(batch.lines, batch.start.line + 1):
            try:
                if line is not None:
                    events.append(decode(line))
                    lines.append(number)
                else:
                    unreadable.append(_too_long(number))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                if line and not line.isspace():
                    unreadable.append(_unreadable_json(number, line, error))
        return Decoded(lines, events, unreadable)


class Csv:
    """Comma-separated values under a header; a value with a comma or a quote is quoted (RFC 4180).

    A value has no line breaks: what a line leaves open ends with it, so that one lost quote costs one line.
    """

    def __init__(self, source: str, header: Beginning) -> None:
        self._header_line = header.number
        names = _header(source, header.line)
        self._width = len(names)
        places = [names.index(column) if column in names else self._width for column in COLUMNS]
        self._in_order = itemgetter(*places)

    def decoded(self, batch: Batch) -> Decoded:
        lines: list[int] = []
        events: list[IncomingEvent] = []
        unreadable: list[Unreadable] = []
        for number, line in enumerate(batch.lines, batch.start.line + 1):
            if number == self._header_line or (line is not None and (not line or line.isspace())):
                continue
            event = self._event(number, line)
            if isinstance(event, Unreadable):
                unreadable.append(event)
            else:
                events.append(event)
                lines.append(number)
        return Decoded(lines, events, unreadable)

    def _event(self, number: int, line: bytes | None) -> IncomingEvent | Unreadable:
        if line is None:
            return _too_long(number)
        try:
            values: list[str | None] = [*_values(line)]
        except UnicodeDecodeError:
            return _not_utf8(number)
        except csv.Error:
            message = "Close every quote on its line, and double a quote within a quoted value."
            return Unreadable(number, Problem("BAD_QUOTING", message, ()))
        if len(values) != self._width:
            message = f"Give this line {self._width} values, as the header has columns; it has {len(values)}."
            return Unreadable(number, Problem("WRONG_NUMBER_OF_VALUES", message, ()))
        values.append(None)  # of every column that the file does not have
        return IncomingEvent(*[value or None for value in self._in_order(values)])


def _header(source: str, line: bytes) -> list[str]:
    """The names of the columns. Raises UnreadableSource when events cannot be read by them."""
    try:
        names = [name.strip() for name in _values(line)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise UnreadableSource(f"The header of {source} cannot be read: it is no CSV in UTF-8") from error
    if not set(names) & set(COLUMNS):
        raise UnreadableSource(f"{source} has no header: its first line must name columns, of {', '.join(COLUMNS)}")
    for number, name in enumerate(names, 1):
        shown = f"'{name}'" if _NAME.fullmatch(name) else f"number {number}"
        if name not in COLUMNS:
            raise UnreadableSource(
                f"Events have no column {shown}, as the header of {source} has it: the columns are {', '.join(COLUMNS)}"
            )
        if names.count(name) > 1:
            raise UnreadableSource(f"The header of {source} has the column {shown} more than once")
    missing = [name for name in REQUIRED_COLUMNS if name not in names]
    if missing:
        raise UnreadableSource(f"The header of {source} lacks {', '.join(missing)}, which every event needs")
    return names


def _values(line: bytes) -> list[str]:
    text = line.decode().removesuffix("\r")
    return next(csv.reader([text], strict=True)) if '"' in text else text.split(",")


def _too_long(number: int) -> Unreadable:
    message = f"Give each event a line of {LONGEST_LINE:,} bytes at most."
    return Unreadable(number, Problem("LINE_TOO_LONG", message, ()))


def _not_utf8(number: int) -> Unreadable:
    return Unreadable(number, Problem("NOT_UTF8", "Write this line in UTF-8.", ()))


def _unreadable_json(number: int, line: bytes, error: Exception) -> Unreadable:
    if isinstance(error, UnicodeDecodeError):
        return _not_utf8(number)
    fields = _fields(line)
    if fields is None or not isinstance(error, msgspec.ValidationError):
        return Unreadable(number, Problem("MALFORMED_JSON", "Write one JSON object on this line.", ()))
    said = str(error)
    match = _AT.search(said)
    path = (match[1],) if match else ()
    if "unknown field" in said:
        message = f"Events have no such field; the fields are {', '.join(COLUMNS)}."
        return Unreadable(number, Problem("UNKNOWN_FIELD", message, path), fields)
    message = "Write this value as text in quotes; valueMinor may also be a number."
    return Unreadable(number, Problem("WRONG_TYPE", message, path), fields)


def _fields(line: bytes) -> Mapping[str, object] | None:
    """What an object has of an event's fields; None where the line is no JSON object."""
    try:
        found = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    # Not what is nested: an address could hide in it.
    return {name: found[name] for name in COLUMNS if isinstance(found.get(name), str | int | float)}
