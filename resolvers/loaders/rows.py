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
from persistence.sessions import Database
from resolvers.loaders.loader import K, Loader, V

R = TypeVar("R", bound=msgspec.Struct)


class TenantLoader(Loader[K, V], Generic[K, V]):
    """A loader over one tenant's rows."""

    def __init__(self, database: Database, tenant_id: TenantId) -> None:
        super().__init__()
        self.database = database
        self.tenant_id = tenant_id


class RecordByIdLoader(TenantLoader[int, R | None], Generic[R]):
    """Records by id; None where the tenant has none."""

    def __init__(
        self, database: Database, tenant_id: TenantId, rows: type[OwnedRows[R, Any]], reads: Reads = None
    ) -> None:
        super().__init__(database, tenant_id)
        self._rows = rows
        self._reads = reads

    async def load(self, keys: list[int]) -> Sequence[R | None]:
        async with self.database.read(self.tenant_id) as session:
            return await self._rows(session).by_ids(keys, self._reads)


class PageLoader(TenantLoader[None, Rows[R]], Generic[R]):
    """One slice of all the tenant's rows that match; a loader for each list, so that no list waits for another."""

    def __init__(
        self,
        database: Database,
        tenant_id: TenantId,
        rows: type[OwnedRows[R, Any]],
        part: Slice,
        wanted: Any,
        reads: Reads = None,
    ) -> None:
        super().__init__(database, tenant_id)
        self._rows = rows
        self._part = part
        self._wanted = wanted
        self._reads = reads

    async def load(self, keys: list[None]) -> Sequence[Rows[R]]:
        async with self.database.read(self.tenant_id) as session:
            return [await self._rows(session).page(self._part, self._wanted, self._reads)]


class PageByParentLoader(TenantLoader[int, Rows[R]], Generic[R]):
    """The same slice of each parent's rows; `parent` is the column that holds the parent's id."""

    def __init__(
        self,
        database: Database,
        tenant_id: TenantId,
        rows: type[OwnedRows[R, Any]],
        parent: str,
        part: Slice,
        wanted: Any,
        reads: Reads = None,
    ) -> None:
        super().__init__(database, tenant_id)
        self._rows = rows
        self._parent = parent
        self._part = part
        self._wanted = wanted
        self._reads = reads

    async def load(self, keys: list[int]) -> Sequence[Rows[R]]:
        async with self.database.read(self.tenant_id) as session:
            return await self._rows(session).pages_by(self._parent, keys, self._part, self._wanted, self._reads)


class CountByParentLoader(TenantLoader[int, int]):
    """How many rows each parent has that match."""

    def __init__(
        self, database: Database, tenant_id: TenantId, rows: type[OwnedRows[Any, Any]], parent: str, wanted: Any
    ) -> None:
        super().__init__(database, tenant_id)
        self._rows = rows
        self._parent = parent
        self._wanted = wanted

    async def load(self, keys: list[int]) -> Sequence[int]:
        async with self.database.read(self.tenant_id) as session:
            return await self._rows(session).counts_by(self._parent, keys, self._wanted)


class CountLoader(TenantLoader[Any, int]):
    """How many rows of the tenant match each filter."""

    def __init__(self, database: Database, tenant_id: TenantId, rows: type[OwnedRows[Any, Any]]) -> None:
        super().__init__(database, tenant_id)
        self._rows = rows

    async def load(self, keys: list[Any]) -> Sequence[int]:
        async with self.database.read(self.tenant_id) as session:
            rows = self._rows(session)
            return [await rows.count(wanted) for wanted in keys]
