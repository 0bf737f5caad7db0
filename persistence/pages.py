"""Keyset pages: a slice of an ordered list, of one table or of each of many parents, in one statement.

A list is ordered by one non-null key and then by id, so that every row has a distinct position; the next page starts
after a position, never at an offset, and stays right while rows come and go.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import ARRAY, BigInteger, Column, ColumnElement, Select, Table, bindparam, func, select, true, tuple_
from sqlalchemy.sql.expression import TableValuedAlias

R = TypeVar("R", bound=msgspec.Struct)

Position = tuple[int | str | datetime, int]
"""The sort key's value and the id of a row."""


class Order(msgspec.Struct, frozen=True):
    """One way to sort: `key` is the SQL expression and `value` the same of a record; never null."""

    name: str
    key: ColumnElement[Any]
    value: Callable[[Any], int | str | datetime]
    type: type[int] | type[str] | type[datetime]


class Slice(msgspec.Struct, frozen=True):
    """At most `limit` rows that follow `after` in the order (`descending` turns it round)."""

    order: str
    descending: bool
    limit: int
    after: Position | None = None


class Rows(msgspec.Struct, Generic[R], frozen=True):
    """A page's records in order, and whether more follow."""

    records: list[R]
    more: bool


def columns(table: Table, record: type[msgspec.Struct]) -> list[Column[Any]]:
    """The record's fields as the table's columns, in the record's order."""
    return [table.c[name] for name in record.__struct_fields__]


def sliced(statement: Select[Any], table: Table, order: Order, part: Slice) -> Select[Any]:
    """The statement ordered and cut to the slice, with one row more to tell whether others follow."""
    row_id = table.c.id
    if part.after is not None:
        position = tuple_(order.key, row_id)
        value, after_id = part.after
        boundary = tuple_(bindparam(None, value, type_=order.key.type), bindparam(None, after_id, type_=BigInteger()))
        statement = statement.where(position < boundary if part.descending else position > boundary)
    if part.descending:
        statement = statement.order_by(order.key.desc(), row_id.desc())
    else:
        statement = statement.order_by(order.key, row_id)
    return statement.limit(part.limit + 1)


def parents(ids: Sequence[int]) -> TableValuedAlias:
    """The ids as a relation `parent(id)` to join laterally with."""
    relation = func.unnest(bindparam("parent_ids", list(ids), type_=ARRAY(BigInteger))).table_valued(
        "id", name="parent"
    )
    return relation.render_derived()


def sliced_by_parent(
    ids: Sequence[int],
    selected: Sequence[Column[Any]],
    conditions: Callable[[ColumnElement[int]], Sequence[ColumnElement[bool]]],
    table: Table,
    order: Order,
    part: Slice,
) -> Select[Any]:
    """One slice for each parent: rows are the parent's id, then the selected columns.

    A correlated lateral join is always a nested loop, so that each parent's rows come in the slice's order.
    """
    parent = parents(ids)
    children = sliced(select(*selected).where(*conditions(parent.c.id)), table, order, part).lateral("child")
    return select(parent.c.id, *children.c).select_from(parent.join(children, true()))


def grouped(rows: Sequence[Sequence[Any]], ids: Sequence[int], record: type[R], limit: int) -> list[Rows[R]]:
    """The rows of `sliced_by_parent` as one page for each of `ids`, in their order."""
    found: dict[int, list[R]] = {row_id: [] for row_id in ids}
    for row in rows:
        found[row[0]].append(record(*row[1:]))
    return [page(found[row_id], limit) for row_id in ids]


def page(records: list[R], limit: int) -> Rows[R]:
    """Cuts off the one row more that `sliced` asked for."""
    return Rows(records=records[:limit], more=len(records) > limit)
