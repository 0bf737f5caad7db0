"""Loaders of tenant-owned rows: by id, pages, pages by parent, and counts.

A batch is one statement; of counts of whole lists, one for each filter. Where `reads` can be given, records
have these attributes alone (`persistence.projections`), and loaders that read different ones are different loaders.
"""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import msgspec

from persistence.ids import TenantId
from persistence.pages import Rows, Slice
from persistence.projections import Reads
from persistence.repositories.owned import OwnedRows
from resolvers.loaders.kept import KeptLoader, Naming, is_kept, of_rows, wording
from resolvers.loaders.source import Source
from resolvers.sight import OperationDatabase

R = TypeVar("R", bound=msgspec.Struct)


class RecordByIdLoader(KeptLoader[int, R | None], Generic[R]):
    """Records by id; None where the tenant has none."""

    def __init__(self, source: Source, tenant_id: TenantId, rows: type[OwnedRows[R, Any]], reads: Reads = None) -> None:
        super().__init__(source, tenant_id)
        self._rows = rows
        self._reads = reads

    def naming(self) -> Naming | None:
        if not is_kept(self._rows):
            return None
        record = self.projected(self._rows.record, self._reads)
        table = str(self._rows.table.name)
        return Naming(table, record | None, table=table, variant=self._rows.__name__)

    async def read(self, database: OperationDatabase, keys: list[int]) -> Sequence[R | None]:
        async with database.read(self.tenant_id) as session:
            return await self._rows(session).by_ids(keys, self._reads)


class PageLoader(KeptLoader[None, Rows[R]], Generic[R]):
    """One slice of all the tenant's rows that match; a loader for each list, so that no list waits for another."""

    def __init__(
        self,
        source: Source,
        tenant_id: TenantId,
        rows: type[OwnedRows[R, Any]],
        part: Slice,
        wanted: Any,
        reads: Reads = None,
    ) -> None:
        super().__init__(source, tenant_id)
        self._rows = rows
        self._part = part
        self._wanted = wanted
        self._reads = reads

    def naming(self) -> Naming | None:
        record = self.projected(self._rows.record, self._rows.with_position(self._reads, self._part))
        return of_rows(self._rows, "pages", Rows[record], key=wording(self._part, self._wanted))  # type: ignore[valid-type]  # made when the program runs

    async def read(self, database: OperationDatabase, keys: list[None]) -> Sequence[Rows[R]]:
        async with database.read(self.tenant_id) as session:
            return [await self._rows(session).page(self._part, self._wanted, self._reads)]


class PageByParentLoader(KeptLoader[int, Rows[R]], Generic[R]):
    """The same slice of each parent's rows; `parent` is the column that holds the parent's id."""

    def __init__(
        self,
        source: Source,
        tenant_id: TenantId,
        rows: type[OwnedRows[R, Any]],
        parent: str,
        part: Slice,
        wanted: Any,
        reads: Reads = None,
    ) -> None:
        super().__init__(source, tenant_id)
        self._rows = rows
        self._parent = parent
        self._part = part
        self._wanted = wanted
        self._reads = reads

    def naming(self) -> Naming | None:
        record = self.projected(self._rows.record, self._rows.with_position(self._reads, self._part))
        key = wording(self._part, self._wanted)
        return of_rows(self._rows, "pages", Rows[record], parent=self._parent, key=key)  # type: ignore[valid-type]  # made when the program runs

    async def read(self, database: OperationDatabase, keys: list[int]) -> Sequence[Rows[R]]:
        async with database.read(self.tenant_id) as session:
            return await self._rows(session).pages_by(self._parent, keys, self._part, self._wanted, self._reads)


class CountByParentLoader(KeptLoader[int, int]):
    """How many rows each parent has that match."""

    def __init__(
        self, source: Source, tenant_id: TenantId, rows: type[OwnedRows[Any, Any]], parent: str, wanted: Any
    ) -> None:
        super().__init__(source, tenant_id)
        self._rows = rows
        self._parent = parent
        self._wanted = wanted

    def naming(self) -> Naming | None:
        return of_rows(self._rows, "counts", int, parent=self._parent, key=wording(self._wanted))

    async def read(self, database: OperationDatabase, keys: list[int]) -> Sequence[int]:
        async with database.read(self.tenant_id) as session:
            return await self._rows(session).counts_by(self._parent, keys, self._wanted)


class CountLoader(KeptLoader[Any, int]):
    """How many rows of the tenant match each filter."""

    def __init__(self, source: Source, tenant_id: TenantId, rows: type[OwnedRows[Any, Any]]) -> None:
        super().__init__(source, tenant_id)
        self._rows = rows

    def naming(self) -> Naming | None:
        return of_rows(self._rows, "counts", int)

    def names(self, keys: Sequence[Any], naming: Naming) -> Sequence[str]:
        return [wording(wanted) for wanted in keys]

    async def read(self, database: OperationDatabase, keys: list[Any]) -> Sequence[int]:
        async with database.read(self.tenant_id) as session:
            rows = self._rows(session)
            return [await rows.count(wanted) for wanted in keys]
