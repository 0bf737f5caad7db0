"""What every tenant-owned table answers: rows by id, pages, counts, insert, and update by version."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, Generic, TypeVar

import msgspec
from sqlalchemy import (
    ARRAY,
    BigInteger,
    BindParameter,
    ColumnElement,
    Select,
    Table,
    any_,
    bindparam,
    func,
    insert,
    select,
    update,
)

from persistence.filters import Shape, bound, parted
from persistence.pages import (
    Cut,
    Order,
    Rows,
    Slice,
    columns,
    cut_of,
    cut_values,
    grouped,
    page,
    parents,
    sliced,
    sliced_by_parent,
)
from persistence.projections import CURSOR, Reads
from persistence.sessions import TenantSession

R = TypeVar("R", bound=msgspec.Struct)
F = TypeVar("F")

TENANT: Final[BindParameter[int]] = bindparam("tenant_id", type_=BigInteger())
"""The session's tenant, in a statement that is compiled once for all of them."""
IDS: Final[BindParameter[Sequence[int]]] = bindparam("ids", type_=ARRAY(BigInteger))
PARENT: Final[BindParameter[int]] = bindparam("parent_id", type_=BigInteger())


class OwnedRows(Generic[R, F]):
    """Statements over one tenant-owned table. Each names `tenant_id`, though row-level security would add it.

    Where `reads` can be given, the records have only these attributes and `id` (`persistence.projections`).
    """

    table: ClassVar[Table]
    record: type[R]
    orders: ClassVar[Mapping[str, Order]]
    fixed: ClassVar[frozenset[str]] = frozenset()
    """Fields of the filter whose values are part of the statement's text."""

    def __init__(self, session: TenantSession) -> None:
        self.session = session

    @staticmethod
    def matching(wanted: Any) -> list[ColumnElement[bool]]:
        """The conditions of a filter of type F, whose values may be binds; a table without filters takes None."""
        return []

    @classmethod
    def owned(cls, tenant_id: Any) -> ColumnElement[bool]:
        own: ColumnElement[bool] = cls.table.c.tenant_id == tenant_id
        return own

    async def by_ids(self, ids: Sequence[int], reads: Reads = None) -> list[R | None]:
        """One for each id, in order; None where this tenant has none."""
        kind = self.session.projected(self.record, reads)
        values = {"tenant_id": self.session.tenant_id, "ids": ids}
        found = await self.session.asked_columns(self.select_by_ids, (kind,), values)
        if not found:
            return [None] * len(ids)
        records = dict(zip(found[kind.__struct_fields__.index("id")], map(kind, *found), strict=True))
        return list(map(records.get, ids))

    async def insert(self, values: Mapping[str, Any]) -> R:
        statement = insert(self.table).values(tenant_id=self.session.tenant_id, **values).returning(*self._columns)
        [created] = await self.session.records(statement, self.record)
        return created

    async def insert_many(self, values: Sequence[Mapping[str, Any]]) -> list[int]:
        """The ids of the new rows, in the order of `values`, which all have the same keys."""
        statement = insert(self.table).returning(self.table.c.id, sort_by_parameter_order=True)
        rows = [{"tenant_id": self.session.tenant_id, **row} for row in values]
        return [row[0] for row in await self.session.rows(statement, rows)]

    async def update(self, row_id: int, version: int, values: Mapping[str, Any]) -> R | None:
        """The new record; None when no row has both this id and this version."""
        statement = (
            update(self.table)
            .where(self._own(), self.table.c.id == row_id, self.table.c.version == version)
            .values(version=self.table.c.version + 1, updated_at=func.now(), **values)
            .returning(*self._columns)
        )
        return await self.session.record(statement, self.record)

    async def page(self, part: Slice, wanted: F | None = None, reads: Reads = None) -> Rows[R]:
        """The slice of the rows that match the filter; without one, of all."""
        kind = self.session.projected(self.record, self.with_position(reads, part))
        shape, values = parted(wanted, self.fixed)
        values |= cut_values(part)
        values["tenant_id"] = self.session.tenant_id
        records = await self.session.asked_records(self.select_page, (kind, shape, cut_of(part)), values, kind)
        return page(records, part.limit)

    async def pages_by(
        self, parent: str, ids: Sequence[int], part: Slice, wanted: F | None = None, reads: Reads = None
    ) -> list[Rows[R]]:
        """One page for each id of the column `parent`, in the order of `ids`, of the rows that match the filter."""
        kind = self.session.projected(self.record, self.with_position(reads, part))
        shape, values = parted(wanted, self.fixed)
        values |= cut_values(part)
        values["tenant_id"] = self.session.tenant_id
        parent_ids = list(dict.fromkeys(ids))
        if len(parent_ids) == 1:
            values["parent_id"] = parent_ids[0]
            statement = (parent, kind, shape, cut_of(part))
            records = await self.session.asked_records(self.select_page_of, statement, values, kind)
            return [page(records, part.limit)] * len(ids)
        values["parent_ids"] = parent_ids
        found = await self.session.asked_columns(self.select_pages_by, (parent, kind, shape, cut_of(part)), values)
        return grouped(found, ids, kind, part.limit)

    async def count(self, wanted: F | None = None) -> int:
        """How many rows match the filter; without one, all."""
        shape, values = parted(wanted, self.fixed)
        values["tenant_id"] = self.session.tenant_id
        [[count]] = await self.session.asked(self.select_count, (shape,), values)
        return int(count)

    async def counts_by(self, parent: str, ids: Sequence[int], wanted: F | None = None) -> list[int]:
        """How many rows that match each id of the column `parent` has, in the order of `ids`."""
        shape, values = parted(wanted, self.fixed)
        values["tenant_id"] = self.session.tenant_id
        values["parent_ids"] = list(set(ids))
        rows = await self.session.asked(self.select_counts_by, (parent, shape), values)
        found = dict[int, int]([(row[0], row[1]) for row in rows])
        return [found.get(row_id, 0) for row_id in ids]

    @classmethod
    def with_position(cls, reads: Reads, part: Slice) -> Reads:
        """What a page reads: cursors are made of what it is sorted by."""
        return reads if reads is None or CURSOR not in reads else reads | cls.orders[part.order].reads

    @classmethod
    def select_by_ids(cls, kind: type[R]) -> Select[Any]:
        return select(*columns(cls.table, kind)).where(cls.owned(TENANT), cls.table.c.id == any_(IDS))

    @classmethod
    def select_page(cls, kind: type[R], shape: Shape, cut: Cut) -> Select[Any]:
        statement = select(*columns(cls.table, kind)).where(cls.owned(TENANT), *cls.conditions(shape))
        return sliced(statement, cls.table, cls.orders[cut.order], cut)

    @classmethod
    def select_page_of(cls, parent: str, kind: type[R], shape: Shape, cut: Cut) -> Select[Any]:
        """Of a single parent, for which PostgreSQL and the driver have less to do than for many."""
        conditions = [cls.owned(TENANT), cls.table.c[parent] == PARENT, *cls.conditions(shape)]
        return sliced(select(*columns(cls.table, kind)).where(*conditions), cls.table, cls.orders[cut.order], cut)

    @classmethod
    def select_pages_by(cls, parent: str, kind: type[R], shape: Shape, cut: Cut) -> Select[Any]:
        return sliced_by_parent(
            columns(cls.table, kind),
            lambda parent_id: [cls.owned(TENANT), cls.table.c[parent] == parent_id, *cls.conditions(shape)],
            cls.table,
            cls.orders[cut.order],
            cut,
        )

    @classmethod
    def select_count(cls, shape: Shape) -> Select[Any]:
        return select(func.count()).select_from(cls.table).where(cls.owned(TENANT), *cls.conditions(shape))

    @classmethod
    def select_counts_by(cls, parent: str, shape: Shape) -> Select[Any]:
        owner = parents()
        column = cls.table.c[parent]
        return (
            select(column, func.count())
            .select_from(cls.table.join(owner, column == owner.c.id))
            .where(cls.owned(TENANT), *cls.conditions(shape))
            .group_by(column)
        )

    @classmethod
    def conditions(cls, shape: Shape) -> list[ColumnElement[bool]]:
        return [] if shape is None else cls.matching(bound(shape))

    @property
    def _columns(self) -> list[Any]:
        return list(columns(self.table, self.record))

    def _own(self) -> ColumnElement[bool]:
        return self.owned(self.session.tenant_id)
