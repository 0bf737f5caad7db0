"""Keyset pages: a slice of an ordered list, of one table or of each of many parents, in one statement.

A list is ordered by one non-null key and then by id, so that every row has a distinct position; the next page starts
after a position, never at an offset, and stays right while rows come and go.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, Final, Generic, TypeVar

import msgspec
from sqlalchemy import (
    ARRAY,
    BigInteger,
    BindParameter,
    Column,
    ColumnElement,
    Select,
    Table,
    bindparam,
    func,
    select,
    true,
    tuple_,
)
from sqlalchemy.sql.expression import TableValuedAlias

R = TypeVar("R", bound=msgspec.Struct)

ROW_LIMIT: Final[BindParameter[int]] = bindparam("row_limit", type_=BigInteger())

Position = tuple[int | str | datetime, int]
"""The sort key's value and the id of a row."""


class Order(msgspec.Struct, frozen=True):
    """One way to sort: `key` is the SQL expression and `value` the same of a record; never null."""

    name: str
    key: ColumnElement[Any]
    value: Callable[[Any], int | str | datetime]
    type: type[int] | type[str] | type[datetime]
    reads: frozenset[str]
    """The attributes of a record that `value` reads."""


def by_column(name: str, column: Column[Any], kind: type[int] | type[str] | type[datetime]) -> Order:
    """The order of a column that is never null."""
    return Order(name, column, attrgetter(column.key), kind, frozenset({column.key}))


class Slice(msgspec.Struct, frozen=True):
    """At most `limit` rows that follow `after` in the order (`descending` turns it round)."""

    order: str
    descending: bool
    limit: int
    after: Position | None = None


class Cut(msgspec.Struct, frozen=True):
    """What of a slice makes the statement; the rest of it are `cut_values`."""

    order: str
    descending: bool
    positioned: bool


class Rows(msgspec.Struct, Generic[R], frozen=True):
    """A page's records in order, and whether more follow."""

    records: list[R]
    more: bool


def columns(table: Table, record: type[msgspec.Struct]) -> list[Column[Any]]:
    """The record's fields as the table's columns, in the record's order."""
    return [table.c[name] for name in record.__struct_fields__]


def cut_of(part: Slice) -> Cut:
    return Cut(part.order, part.descending, part.after is not None)


def cut_values(part: Slice) -> dict[str, Any]:
    """The values of a statement that `sliced` made: one row more than asked for tells whether others follow."""
    if part.after is None:
        return {"row_limit": part.limit + 1}
    return {"row_limit": part.limit + 1, "after_key": part.after[0], "after_id": part.after[1]}


def sliced(statement: Select[Any], table: Table, order: Order, cut: Cut) -> Select[Any]:
    """The statement ordered and cut to the slice that its values will say."""
    row_id = table.c.id
    if cut.positioned:
        position = tuple_(order.key, row_id)
        boundary = tuple_(bindparam("after_key", type_=order.key.type), bindparam("after_id", type_=BigInteger()))
        statement = statement.where(position < boundary if cut.descending else position > boundary)
    if cut.descending:
        statement = statement.order_by(order.key.desc(), row_id.desc())
    else:
        statement = statement.order_by(order.key, row_id)
    return statement.limit(ROW_LIMIT)


def parents() -> TableValuedAlias:
    """The value `parent_ids` as a relation `parent(id)` to join laterally with."""
    relation = func.unnest(bindparam("parent_ids", type_=ARRAY(BigInteger))).table_valued("id", name="parent")
    return relation.render_derived()


def sliced_by_parent(
    selected: Sequence[Column[Any]],
    conditions: Callable[[ColumnElement[int]], Sequence[ColumnElement[bool]]],
    table: Table,
    order: Order,
    cut: Cut,
) -> Select[Any]:
    """One slice for each parent: rows are the parent's id, then the selected columns.

    A correlated lateral join is always a nested loop, so that each parent's rows come in the slice's order.
    """
    parent = parents()
    children = sliced(select(*selected).where(*conditions(parent.c.id)), table, order, cut).lateral("child")
    return select(parent.c.id, *children.c).select_from(parent.join(children, true()))


def grouped(found: Sequence[Sequence[Any]], ids: Sequence[int], record: type[R], limit: int) -> list[Rows[R]]:
    """The columns of `sliced_by_parent` as one page for each of `ids`, in their order; ids may repeat."""
    children: dict[int, list[R]] = {row_id: [] for row_id in ids}
    if found:
        parent_ids, *values = found
        for parent_id, child in zip(parent_ids, map(record, *values), strict=True):
            children[parent_id].append(child)
    return [page(children[row_id], limit) for row_id in ids]


def page(records: list[R], limit: int) -> Rows[R]:
    """Cuts off the one row more that `sliced` asked for."""
    more = len(records) > limit
    return Rows(records=records[:limit] if more else records, more=more)
