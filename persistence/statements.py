"""Statements compiled once: SQL that is written with SQLAlchemy Core and then sent by its text.

A statement has a shape (which table, which columns, which conditions) and values. Building and compiling take some
hundred times as long as looking the text up, so a repository says how to build the shape, by a function of hashable
arguments, and hands the values over by name. Values are always bound, never text.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from sqlalchemy import ARRAY, DateTime, Dialect, Numeric, Select, Text, cast
from sqlalchemy.types import TypeEngine

from persistence.touches import Touched, touched

Build = Callable[..., Select[Any]]
"""Of the shape's arguments; the values are `bindparam`s with names."""

MOST_STATEMENTS: Final = 1_000
"""Kept of one database. A client chooses columns and filters, so there is no end of shapes; each takes some KB."""

_NUMERIC_OID: Final = 1700

_ENDS: Final = {"infinity": datetime.max.replace(tzinfo=UTC), "-infinity": datetime.min.replace(tzinfo=UTC)}
"""What the driver makes infinite as it writes them."""


class Statement(msgspec.Struct, frozen=True):
    """SQL with $1, $2, …; `names` are their values' names, `constants` the values that belong to the shape."""

    sql: str
    names: tuple[str, ...]
    constants: Mapping[str, Any]
    touched: Touched
    instants: tuple[int, ...] = ()
    """The columns whose moments come as text."""

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        """Raises KeyError for a value that is missing."""
        known = {**self.constants, **values} if self.constants else values
        return [known[name] for name in self.names]


class Statements:
    """The compiled statements of a database, at most `most`: the one that was used longest ago goes first."""

    def __init__(self, dialect: Dialect, most: int = MOST_STATEMENTS) -> None:
        self._dialect = dialect
        self._most = most
        self._compiled: OrderedDict[Hashable, Statement] = OrderedDict()

    def __len__(self) -> int:
        return len(self._compiled)

    def of(self, build: Build, shape: tuple[Any, ...], *, by_columns: bool = False) -> Statement:
        """With `by_columns` moments come as text, for `columns_of`."""
        key = (build, shape, by_columns)
        found = self._compiled.get(key)
        if found is None:
            statement, instants = _with_texts(build(*shape)) if by_columns else (build(*shape), ())
            found = self._compiled[key] = compiled(statement, self._dialect, instants)
            if len(self._compiled) > self._most:
                self._compiled.popitem(last=False)
        else:
            self._compiled.move_to_end(key)
        return found


def columns_of(rows: Sequence[Sequence[Any]], instants: Sequence[int]) -> list[Sequence[Any]]:
    """The rows by columns, in which these columns are moments again; no columns if there are no rows.

    The driver's rows are slow to unpack one by one, and its way from eight bytes to a moment takes four times as long
    as Python's from PostgreSQL's text.
    """
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
    if columns:
        for place in instants:
            columns[place] = _moments(columns[place])
    return columns


def _moments(texts: Sequence[str | None]) -> list[datetime | None]:
    moment = datetime.fromisoformat
    try:
        return [None if text is None else moment(text) for text in texts]
    except ValueError:
        return [None if text is None else _ENDS.get(text) or moment(text) for text in texts]


def _with_texts(statement: Select[Any]) -> tuple[Select[Any], tuple[int, ...]]:
    """The statement with its moments as text, and where these are."""
    selected = list(statement.selected_columns)
    instants = tuple(place for place, column in enumerate(selected) if isinstance(column.type, DateTime))
    if not instants:
        return statement, ()
    texts = (cast(column, Text) if place in instants else column for place, column in enumerate(selected))
    return statement.with_only_columns(*texts), instants


def compiled(statement: Select[Any], dialect: Dialect, instants: tuple[int, ...] = ()) -> Statement:
    """Raises TypeError for a column or value that SQLAlchemy would convert: here all is as the driver has it.

    And for a statement that writes, which must go where it is noted what it touches.
    """
    found = touched(statement)
    if found.written:
        raise TypeError(f"{', '.join(found.written)}: what writes is executed, not asked")
    sql = statement.compile(dialect=dialect)
    for column in statement.selected_columns:
        if _converts(column.type.dialect_impl(dialect), dialect, result=True):
            raise TypeError(f"{column}: its type needs SQLAlchemy to convert what is read")
    for name, bind in sql.binds.items():
        if _converts(bind.type.dialect_impl(dialect), dialect, result=False):
            raise TypeError(f"{name}: its type needs SQLAlchemy to convert what is sent")
    given = {name for name, bind in sql.binds.items() if bind.required}
    # What belongs to the shape may be expanded (IN) or written into the text; for that SQLAlchemy wants all values.
    state = sql.construct_expanded_state(dict.fromkeys(given))
    names = tuple(state.positiontup or ())
    constants = {name: state.parameters[name] for name in names if name not in given}
    return Statement(state.statement, names, constants, found, instants)


def _converts(kind: TypeEngine[Any], dialect: Dialect, *, result: bool) -> bool:
    if isinstance(kind, ARRAY):
        # Of arrays SQLAlchemy makes lists, which they are, of what their items need.
        kind = kind.item_type.dialect_impl(dialect)
    if not result:
        return kind.bind_processor(dialect) is not None
    return kind.result_processor(dialect, _NUMERIC_OID if isinstance(kind, Numeric) else None) is not None
