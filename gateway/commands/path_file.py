"""A CSV file of aggregated paths, as analytics tools export it, read into the counts that attribution models take."""

import csv
import gzip
import io
import itertools
import re
import sys
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from decimal import Context, Decimal
from pathlib import Path
from typing import IO, Any, Final, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from gateway.commands.failures import Failure
from resolvers.attribution.exact import PLACES, UNIT
from resolvers.attribution.paths import PathCounts

VALUE: Final = "value"
"""The currency of `PathCounts.values`: the file names none."""

_PATH, _CONVERSIONS, _VALUE, _NULL = "path", "total_conversions", "total_conversion_value", "total_null"
_PIECE: Final = 1 << 22
_LONGEST_LINE: Final = 1 << 22
_ROWS: Final = 50_000
_REMEMBERED: Final = 100_000
_LARGEST: Final = 2**53 - 1
_SURE: Final = 15
"""Digits of a number that is surely not larger."""
_INT64: Final = 2**63 - 1
_WIDE: Final = Context(prec=60)


class PathFile(msgspec.Struct, frozen=True, eq=False):
    """What a file holds."""

    channels: list[str]
    """Names of the nodes, sorted."""
    counts: PathCounts
    has_values: bool
    has_nulls: bool
    value_places: int
    """Values are integers of 10^-value_places: 12, or as many as the largest leaves room for in 63 bits, at least 3."""
    values_astray: int
    """Paths with a value but without a conversion that it could be of; their value is left out."""


def read_paths(source: str) -> PathFile:
    """The paths of a file, gzip or not, or of standard input if it is "-". Failure names the line and what is wrong."""
    name = "standard input" if source == "-" else source
    try:
        with _opened(source) as stream:
            return _read(name, stream)
    except EOFError as error:
        raise Failure(f"{name} is a gzip file that is cut off: fetch it again.") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise Failure(f"{name} is a damaged gzip file: {error}.") from error


@contextmanager
def _opened(source: str) -> Iterator[IO[bytes]]:
    with ExitStack() as held:
        if source == "-":
            raw: io.BufferedReader[Any] = io.BufferedReader(cast("io.RawIOBase", sys.stdin.buffer))
            held.callback(raw.detach)  # else standard input would be closed with it
        else:
            raw = held.enter_context(Path(source).open("rb"))
        if raw.peek(2)[:2] == b"\x1f\x8b":
            unzipped = held.enter_context(gzip.GzipFile(fileobj=raw))
            yield io.BufferedReader(cast("io.RawIOBase", unzipped), _PIECE)
        else:
            yield raw


def _read(name: str, stream: IO[bytes]) -> PathFile:
    pieces = _pieces(name, stream)
    columns = _header(name, stream)
    reading = _Reading(name, columns)
    for table in _tables(name, pieces, len(columns)):
        reading.add(table)
    return reading.done()


def _header(name: str, stream: IO[bytes]) -> list[str]:
    line = stream.readline(_LONGEST_LINE).removeprefix(b"\xef\xbb\xbf")
    try:
        columns = [column.strip() for column in next(csv.reader([line.decode()], strict=True), [])]
    except (UnicodeDecodeError, csv.Error) as error:
        raise Failure(f"{name}, line 1: the header cannot be read: {error}.") from error
    for needed in (_PATH, _CONVERSIONS):
        if needed not in columns:
            raise Failure(
                f"{name}, line 1: the column {needed} is missing; the first line names the columns {_PATH},"
                f" {_CONVERSIONS} and, if there are any, {_VALUE} and {_NULL}."
            )
    for column in (_PATH, _CONVERSIONS, _VALUE, _NULL):
        if columns.count(column) > 1:
            raise Failure(f"{name}, line 1: the column {column} is there twice.")
    return columns


class _Piece(msgspec.Struct, frozen=True):
    """Whole lines, each with its newline."""

    line: int
    text: str


class _Table(msgspec.Struct, frozen=True):
    """Rows by column, and the line on which each begins."""

    lines: Sequence[int]
    columns: Sequence[Sequence[str]]


def _pieces(name: str, stream: IO[bytes]) -> Iterator[_Piece]:
    line = 2
    while data := stream.read(_PIECE):
        data += stream.readline(_LONGEST_LINE)
        if not data.endswith(b"\n"):
            if stream.read(1):
                at = line + data.count(b"\n")
                raise Failure(f"{name}, line {at}: the line is longer than 4 MiB.")
            data += b"\n"
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            at = line + data.count(b"\n", 0, error.start)
            raise Failure(f"{name}, line {at}: the file is not UTF-8: save it as UTF-8.") from error
        yield _Piece(line, text.replace("\r\n", "\n") if "\r" in text else text)
        line += data.count(b"\n")


def _tables(name: str, pieces: Iterator[_Piece], width: int) -> Iterator[_Table]:
    """The rows; from the first quoted cell on that holds a comma, a quote or a line break, as the csv module reads."""
    for piece in pieces:
        columns = _split(piece.text, width)
        if columns is not None:
            yield _Table(range(piece.line, piece.line + len(columns[0])), columns)
        elif '"' in piece.text:  # what is open at the end of this piece goes on in the next
            yield from _parsed(name, piece, pieces, width)
            return
        else:  # empty lines, or something wrong
            yield from _parsed(name, piece, (), width)


def _split(text: str, width: int) -> list[list[str]] | None:
    """The columns of a text whose rows are what they look like; None if they may be something else."""
    rows = text.count("\n")
    cells = text.replace("\n", ",\n,").split(",")
    if len(cells) != rows * (width + 1) + 1 or cells[width :: width + 1] != ["\n"] * rows or "\r" in text:
        return None
    columns = [cells[column : -1 : width + 1] for column in range(width)]
    if '"' in text:
        columns = [[_unquoted(cell) for cell in column] for column in columns]
        if any('"' in cell for column in columns for cell in column):
            return None
    return columns


def _unquoted(cell: str) -> str:
    return cell[1:-1] if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell


def _parsed(name: str, piece: _Piece, following: Iterable[_Piece], width: int) -> Iterator[_Table]:
    def lines() -> Iterator[str]:
        for each in itertools.chain([piece], following):
            yield from io.StringIO(each.text, newline="\n")

    reader, begins = csv.reader(lines(), strict=True), piece.line
    numbers: list[int] = []
    rows: list[list[str]] = []
    try:
        for row in reader:
            if row:
                if len(row) != width:
                    raise Failure(f"{name}, line {begins}: {len(row)} columns, where the header has {width}.")
                numbers.append(begins)
                rows.append(row)
            begins = piece.line + reader.line_num
            if len(rows) == _ROWS:
                yield _Table(numbers, list(zip(*rows, strict=True)))
                numbers, rows = [], []
    except csv.Error as error:
        wrong = "a quote is not closed" if "unexpected end" in str(error) else str(error)
        raise Failure(f"{name}, line {begins}: {wrong}.") from error
    if rows:
        yield _Table(numbers, list(zip(*rows, strict=True)))


class _Wrong(Exception):
    """A cell that cannot be used; the message says why."""


class _Nodes(dict[str, int]):
    """Node by channel, with whatever spaces stand around it."""

    def __init__(self) -> None:
        super().__init__()
        self.channels: dict[str, int] = {}

    def __missing__(self, spelled: str) -> int:
        channel = spelled.strip()
        if not channel:
            raise _Wrong("a channel of the path has no name")
        node = self[spelled] = self.channels.setdefault(channel, len(self.channels))
        return node


class _Counts(dict[str, int]):
    """Whole numbers as exported, such as 3 or 3.0."""

    _WHOLE = re.compile(r"\s*(\d{1,16})(\.0*)?\s*", re.ASCII)

    def __missing__(self, text: str) -> int:
        number = self._WHOLE.fullmatch(text)
        if number is None or int(number[1]) > _LARGEST:
            raise _Wrong(f"{_shown(text)} is no whole number from 0 to {_LARGEST:,}")
        self[text] = int(number[1])
        return self[text]


class _Amounts(dict[str, int]):
    """Places in a list of amounts, whole part and fraction in 10^-12; further decimals are rounded, half to even."""

    _NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)

    def __init__(self) -> None:
        super().__init__()
        self.whole: list[int] = []
        self.fraction: list[int] = []

    def __missing__(self, text: str) -> int:
        digits, _, decimals = text.partition(".")
        if digits.isdigit() and len(digits) <= _SURE and (not decimals or decimals.isdigit()) and text.isascii():
            whole, fraction = int(digits), int(decimals[:PLACES].ljust(PLACES, "0"))
            beyond = decimals[PLACES:].rstrip("0")
            if beyond > "5" or (beyond == "5" and fraction % 2 == 1):
                whole, fraction = divmod(whole * UNIT + fraction + 1, UNIT)
        else:
            number = Decimal(text.strip()) if self._NUMBER.fullmatch(text.strip()) else None
            if number is None or not 0 <= number <= _LARGEST:
                raise _Wrong(f"{_shown(text)} is no amount from 0 to {_LARGEST:,}")
            whole, fraction = divmod(int(_WIDE.to_integral_value(_WIDE.scaleb(number, PLACES))), UNIT)
        self.whole.append(whole)
        self.fraction.append(fraction)
        self[text] = len(self)
        return self[text]


class _Reading:
    """Columns of numbers that grow with every table."""

    def __init__(self, name: str, columns: list[str]) -> None:
        self._name = name
        self._places = {column: place for place, column in enumerate(columns)}
        self._nodes, self._counts = _Nodes(), _Counts()
        self._touches: list[NDArray[np.int32]] = []
        self._columns: dict[str, list[NDArray[np.int64]]] = {
            "length": [],
            _CONVERSIONS: [],
            _NULL: [],
            "whole": [],
            "fraction": [],
        }

    def add(self, table: _Table) -> None:
        """Takes the rows in; Failure names the first one that cannot be used."""
        try:
            self._add(table)
        except _Wrong:
            for line, *row in zip(table.lines, *table.columns, strict=True):
                try:
                    self._add(_Table([line], [[cell] for cell in row]))
                except _Wrong as wrong:
                    raise Failure(f"{self._name}, line {line}: {wrong}.") from wrong
            raise

    def _add(self, table: _Table) -> None:
        paths = table.columns[self._places[_PATH]]
        if any(not path or path.isspace() for path in paths):
            raise _Wrong("the path is empty")
        touches = ">".join(paths).split(">")
        nodes = np.fromiter(map(self._nodes.__getitem__, touches), np.int32, len(touches))
        conversions = self._counted(table, _CONVERSIONS)
        nulls = self._counted(table, _NULL)
        whole, fraction = self._amounts(table)
        lengths = np.fromiter((path.count(">") + 1 for path in paths), np.int64, len(paths))
        self._touches.append(nodes)
        for column, numbers in zip(self._columns.values(), (lengths, conversions, nulls, whole, fraction), strict=True):
            column.append(numbers)

    def _counted(self, table: _Table, column: str) -> NDArray[np.int64]:
        cells = self._cells(table, column)
        if cells is None:
            return np.zeros(len(table.lines), np.int64)
        if len(self._counts) > _REMEMBERED:
            self._counts.clear()
        try:
            return np.fromiter(map(self._counts.__getitem__, cells), np.int64, len(cells))
        except _Wrong as wrong:
            raise _Wrong(f"{column}: {wrong}") from wrong

    def _amounts(self, table: _Table) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        cells = self._cells(table, _VALUE)
        if cells is None:
            return np.zeros(len(table.lines), np.int64), np.zeros(len(table.lines), np.int64)
        amounts = _Amounts()
        try:
            places = np.fromiter(map(amounts.__getitem__, cells), np.int64, len(cells))
        except _Wrong as wrong:
            raise _Wrong(f"{_VALUE}: {wrong}") from wrong
        return np.array(amounts.whole, np.int64)[places], np.array(amounts.fraction, np.int64)[places]

    def _cells(self, table: _Table, column: str) -> Sequence[str] | None:
        return table.columns[self._places[column]] if column in self._places else None

    def done(self) -> PathFile:
        if not self._touches:
            raise Failure(f"{self._name} has no paths below its header.")
        columns: dict[str, Any] = {name: np.concatenate(parts) for name, parts in self._columns.items()}
        if not columns[_CONVERSIONS].any():
            raise Failure(f"{self._name} has no conversions: there is nothing to attribute.")
        channels = sorted(self._nodes.channels)
        sorted_place = np.zeros(len(channels), np.int32)
        for place, channel in enumerate(channels):
            sorted_place[self._nodes.channels[channel]] = place
        value_places = PLACES
        while (int(columns["whole"].max()) + 1) * 10**value_places > _INT64:
            value_places -= 1
        finer = 10 ** (PLACES - value_places)
        values = columns["whole"] * 10**value_places + (columns["fraction"] + finer // 2) // finer
        astray = (columns[_CONVERSIONS] == 0) & (values > 0)
        values[astray] = 0
        counts = PathCounts(
            node_count=len(channels),
            nodes=sorted_place[np.concatenate(self._touches)],
            offsets=np.append(0, np.cumsum(columns["length"])),
            conversions=columns[_CONVERSIONS],
            nulls=columns[_NULL],
            values={VALUE: values},
        )
        return PathFile(
            channels, counts, _VALUE in self._places, _NULL in self._places, value_places, int(astray.sum())
        )


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}…")  # noqa: PLR2004  # as much of a cell as tells it
