"""What every tenant-owned table answers: rows by id, pages, counts, insert, and update by version."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Table, func, insert, select, update

from persistence.pages import Order, Rows, Slice, columns, grouped, page, parents, sliced, sliced_by_parent
from persistence.sessions import TenantSession

R = TypeVar("R", bound=msgspec.Struct)
F = TypeVar("F")


class OwnedRows(Generic[R, F]):
    """Statements over one tenant-owned table. Each names `tenant_id`, though row-level security would add it."""

    table: ClassVar[Table]
    record: type[R]
    orders: ClassVar[Mapping[str, Order]]

    def __init__(self, session: TenantSession) -> None:
        self.session = session

    @staticmethod
    def matching(wanted: Any) -> list[ColumnElement[bool]]:
        """The conditions of a filter of type F; a table without filters takes None."""
        return []

    @property
    def _columns(self) -> list[Any]:
        return list(columns(self.table, self.record))

    def _own(self) -> ColumnElement[bool]:
        return self.table.c.tenant_id == self.session.tenant_id

    async def by_ids(self, ids: Sequence[int]) -> list[R | None]:
        """One for each id, in order; None where this tenant has none."""
        statement = select(*self._columns).where(self._own(), self.table.c.id.in_(set(ids)))
        return await self.session.records_by_id(statement, self.record, ids)

    async def insert(self, values: Mapping[str, Any]) -> R:
        statement = insert(self.table).values(tenant_id=self.session.tenant_id, **values).returning(*self._columns)
        [created] = await self.session.records(statement, self.record)
        return created

    async def insert_many(self, values: Sequence[Mapping[str, Any]]) -> list[int]:
        """The ids of the new rows, in the order of `values`, which all have the same keys."""
        statement = insert(self.table).returning(self.table.c.id, sort_by_parameter_order=True)
        rows = [{"tenant_id": self.session.tenant_id, **row} for row in values]
        return [row[0] for row in (await self.session.execute(statement, rows)).fetchall()]

    async def update(self, row_id: int, version: int, values: Mapping[str, Any]) -> R | None:
        """The new record; None when no row has both this id and this version."""
        statement = (
            update(self.table)
            .where(self._own(), self.table.c.id == row_id, self.table.c.version == version)
            .values(version=self.table.c.version + 1, updated_at=func.now(), **values)
            .returning(*self._columns)
        )
        return await self.session.record(statement, self.record)

    async def page(self, part: Slice, conditions: Sequence[ColumnElement[bool]]) -> Rows[R]:
        statement = sliced(
            select(*self._columns).where(self._own(), *conditions), self.table, self.orders[part.order], part
        )
        return page(await self.session.records(statement, self.record), part.limit)

    async def page_matching(self, part: Slice, wanted: F) -> Rows[R]:
        """The slice of the rows that match the filter."""
        return await self.page(part, self.matching(wanted))

    async def pages_by(
        self, parent: str, ids: Sequence[int], part: Slice, conditions: Sequence[ColumnElement[bool]] = ()
    ) -> list[Rows[R]]:
        """One page for each id of the column `parent`, in the order of `ids`."""
        distinct = list(dict.fromkeys(ids))
        statement = sliced_by_parent(
            distinct,
            self._columns,
            lambda parent_id: [self._own(), self.table.c[parent] == parent_id, *conditions],
            self.table,
            self.orders[part.order],
            part,
        )
        found = dict(
            zip(distinct, grouped(await self.session.rows(statement), distinct, self.record, part.limit), strict=True)
        )
        return [found[row_id] for row_id in ids]

    async def count(self, conditions: Sequence[ColumnElement[bool]]) -> int:
        statement = select(func.count()).select_from(self.table).where(self._own(), *conditions)
        return int(await self.session.scalar(statement))

    async def counts_by(
        self, parent: str, ids: Sequence[int], conditions: Sequence[ColumnElement[bool]] = ()
    ) -> list[int]:
        """How many rows each id of the column `parent` has, in the order of `ids`."""
        owner = parents(list(dict.fromkeys(ids)))
        column = self.table.c[parent]
        statement = (
            select(column, func.count())
            .select_from(self.table.join(owner, column == owner.c.id))
            .where(self._own(), *conditions)
            .group_by(column)
        )
        found = dict[int, int]([(row[0], row[1]) for row in await self.session.rows(statement)])
        return [found.get(row_id, 0) for row_id in ids]
