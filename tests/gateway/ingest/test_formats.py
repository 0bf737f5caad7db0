"""Lines as events: what is one, what is none, and why."""

import msgspec
import pytest

from gateway.ingest.formats import COLUMNS, Beginning, Decoded, Format, FormatName, Unreadable, format_of
from gateway.ingest.lines import Batch, Position
from gateway.ingest.source import UnreadableSource
from resolvers.events.incoming import IncomingEvent

HEADER = b"key,type,occurredAt,ipAddress,placementId,valueMinor\r"


def decoded(lines: Format, *content: bytes | None, first: int = 1) -> Decoded:
    return lines.decoded(Batch(list(content), Position(0, first - 1), Position(1, first - 1 + len(content))))


def ndjson(*content: bytes | None) -> Decoded:
    return decoded(format_of(FormatName.NDJSON, "f", Beginning(b"", 0)), *content)


def csv(header: bytes, *content: bytes | None) -> Decoded:
    return decoded(format_of(FormatName.CSV, "f", Beginning(header, 1)), header, *content)


def problem(done: Decoded) -> Unreadable:
    assert done.events == []
    [unreadable] = done.unreadable
    return unreadable


def test_json_lines_are_events_and_blank_ones_are_nothing() -> None:
    done = ndjson(b'{"key":"a","occurredAt":"now","valueMinor":1.5}\r', b"", b" \r", b'{"ipAddress":null}')
    assert (done.lines, done.unreadable) == ([1, 4], [])
    assert [msgspec.structs.astuple(event) for event in done.events] == [
        msgspec.structs.astuple(IncomingEvent(key="a", occurred_at="now", value_minor=1.5)),
        msgspec.structs.astuple(IncomingEvent()),
    ]


@pytest.mark.parametrize(
    ("line", "code", "path", "fields"),
    [
        (b"{", "MALFORMED_JSON", (), {}),
        (b'{"key":"a"} {"key":"b"}', "MALFORMED_JSON", (), {}),
        (b'{"valueMinor":NaN}', "MALFORMED_JSON", (), {}),
        (b'{"key":"\\ud800"}', "MALFORMED_JSON", (), {}),
        (b"[1]", "MALFORMED_JSON", (), {}),
        (b"[" * 60_000, "MALFORMED_JSON", (), {}),
        (b'{"key":' + b"[" * 60_000, "MALFORMED_JSON", (), {}),
        (b'{"key":"\xff"}', "NOT_UTF8", (), {}),
        (None, "LINE_TOO_LONG", (), {}),
        (b'{"key":7,"type":"VISIT"}', "WRONG_TYPE", ("key",), {"key": 7, "type": "VISIT"}),
        (b'{"key":{"ipAddress":"192.0.2.1"}}', "WRONG_TYPE", ("key",), {}),
        (b'{"occuredAt":"now","key":"a"}', "UNKNOWN_FIELD", ("occuredAt",), {"key": "a"}),
        (b'{"192.0.2.1":"now","key":"a"}', "UNKNOWN_FIELD", (), {"key": "a"}),
    ],
)
def test_line_that_is_no_event(line: bytes | None, code: str, path: tuple[str, ...], fields: dict[str, object]) -> None:
    found = problem(ndjson(line))
    assert (found.problem.code, found.problem.path, found.fields) == (code, path, fields)
    assert "192.0.2.1" not in found.problem.message


def test_csv_lines_are_events_by_the_names_of_their_columns() -> None:
    done = csv(
        HEADER,
        b"a,VISIT,now,192.0.2.1,plc_1,\r",
        b"",
        b'"b, ""quoted""",LEAD,now,192.0.2.2,,12',
    )
    assert done == Decoded(
        [2, 4],
        [
            IncomingEvent(key="a", type="VISIT", occurred_at="now", ip_address="192.0.2.1", placement_id="plc_1"),
            IncomingEvent(key='b, "quoted"', type="LEAD", occurred_at="now", ip_address="192.0.2.2", value_minor="12"),
        ],
        [],
    )


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b'"a,VISIT,now,192.0.2.1,,', "BAD_QUOTING"),
        (b'"a"b,VISIT,now,192.0.2.1,,', "BAD_QUOTING"),
        (b"a,VISIT,now,192.0.2.1,", "WRONG_NUMBER_OF_VALUES"),
        (b"a,VISIT,now,192.0.2.1,,,", "WRONG_NUMBER_OF_VALUES"),
        (b"\xe9,VISIT,now,192.0.2.1,,", "NOT_UTF8"),
        (None, "LINE_TOO_LONG"),
    ],
)
def test_csv_line_that_is_no_event_costs_no_other(line: bytes | None, code: str) -> None:
    done = csv(HEADER, line, b"a,VISIT,now,192.0.2.1,,")
    assert [(found.line, found.problem.code, found.fields) for found in done.unreadable] == [(2, code, {})]
    assert done.lines == [3]


def test_only_the_header_is_no_event() -> None:
    lines = format_of(FormatName.CSV, "f", Beginning(HEADER, 3))
    assert decoded(lines, b"", b"", HEADER, b"a,VISIT,now,192.0.2.1,,").lines == [4]
    assert decoded(lines, b"a,VISIT,now,192.0.2.1,,", first=2001).lines == [2001]


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        (b"", f"f has no header: its first line must name columns, of {', '.join(COLUMNS)}"),
        (b"a,VISIT,now,192.0.2.1", f"f has no header: its first line must name columns, of {', '.join(COLUMNS)}"),
        (
            b"key,type,occurredAt,ipAddress,colour",
            f"Events have no column 'colour', as the header of f has it: the columns are {', '.join(COLUMNS)}",
        ),
        (
            b"key,192.0.2.1",
            f"Events have no column number 2, as the header of f has it: the columns are {', '.join(COLUMNS)}",
        ),
        (b"key,type,key", "The header of f has the column 'key' more than once"),
        (b"key,placementId", "The header of f lacks type, occurredAt, ipAddress, which every event needs"),
        (b'"key', "The header of f cannot be read: it is no CSV in UTF-8"),
        (b"k\xe9y,type", "The header of f cannot be read: it is no CSV in UTF-8"),
    ],
)
def test_header_that_will_not_do(header: bytes, sentence: str) -> None:
    with pytest.raises(UnreadableSource) as refused:
        format_of(FormatName.CSV, "f", Beginning(header, 1))
    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    ("name", "source", "line", "expected"),
    [
        (FormatName.CSV, "f.ndjson", HEADER, "Csv"),
        (FormatName.NDJSON, "f.csv", HEADER, "Ndjson"),
        (None, "f.CSV.gz", HEADER, "Csv"),
        (None, "f.jsonl", HEADER, "Ndjson"),
        (None, "standard input", HEADER, "Csv"),
        (None, "standard input", b'{"key":"a"}', "Ndjson"),
    ],
)
def test_format_is_as_asked_or_named_or_as_it_begins(
    name: FormatName | None, source: str, line: bytes, expected: str
) -> None:
    assert type(format_of(name, source, Beginning(line, 1))).__name__ == expected


def test_json_array_is_told_how_to_be_lines() -> None:
    with pytest.raises(UnreadableSource, match="is a JSON array: write one event a line"):
        format_of(None, "f.json", Beginning(b"[", 1))
