"""Loaders of attribution runs' credits and values. Each batch is one statement."""

from collections.abc import Sequence
from decimal import Decimal

from persistence.ids import RunId, TenantId
from persistence.pages import Rows, Slice
from persistence.records import CreditMoveRecord, CreditRecord, RunValueRecord
from persistence.repositories.credits import Credits
from persistence.repositories.runs import RunResults
from persistence.sessions import Database
from resolvers.loaders.rows import TenantLoader


class RunValuesByRunLoader(TenantLoader[RunId, list[RunValueRecord]]):
    """What each run's conversions are worth, by currency; empty while it has not succeeded."""

    async def load(self, keys: list[RunId]) -> Sequence[list[RunValueRecord]]:
        async with self.database.read(self.tenant_id) as session:
            return await RunResults(session).values_of(keys)


class CreditsByRunLoader(TenantLoader[RunId, Rows[CreditRecord]]):
    """The same page of each run's credits; the slice's order is the group."""

    def __init__(self, database: Database, tenant_id: TenantId, part: Slice) -> None:
        super().__init__(database, tenant_id)
        self._part = part

    async def load(self, keys: list[RunId]) -> Sequence[Rows[CreditRecord]]:
        async with self.database.read(self.tenant_id) as session:
            return await Credits(session).pages(keys, self._part)


class CreditCountByRunLoader(TenantLoader[RunId, int]):
    """How many subjects of a group each run has credits for."""

    def __init__(self, database: Database, tenant_id: TenantId, group: str) -> None:
        super().__init__(database, tenant_id)
        self._group = group

    async def load(self, keys: list[RunId]) -> Sequence[int]:
        async with self.database.read(self.tenant_id) as session:
            return await Credits(session).counts(keys, self._group)


class CreditValuesLoader(TenantLoader[tuple[RunId, int], dict[str, Decimal]]):
    """What each subject of a group earned in a run, by currency, in minor units."""

    def __init__(self, database: Database, tenant_id: TenantId, group: str) -> None:
        super().__init__(database, tenant_id)
        self._group = group

    async def load(self, keys: list[tuple[RunId, int]]) -> Sequence[dict[str, Decimal]]:
        async with self.database.read(self.tenant_id) as session:
            return await Credits(session).values(keys, self._group)


class MovesByRunLoader(TenantLoader[RunId, Rows[CreditMoveRecord]]):
    """The same page of what moved in each run, compared with one run; the slice's order is the group."""

    def __init__(self, database: Database, tenant_id: TenantId, against_id: RunId, part: Slice) -> None:
        super().__init__(database, tenant_id)
        self._against_id = against_id
        self._part = part

    async def load(self, keys: list[RunId]) -> Sequence[Rows[CreditMoveRecord]]:
        async with self.database.read(self.tenant_id) as session:
            return await Credits(session).moves(keys, self._against_id, self._part)


class MoveCountByRunLoader(TenantLoader[RunId, int]):
    """How many subjects of a group moved in each run, compared with one run."""

    def __init__(self, database: Database, tenant_id: TenantId, against_id: RunId, group: str) -> None:
        super().__init__(database, tenant_id)
        self._against_id = against_id
        self._group = group

    async def load(self, keys: list[RunId]) -> Sequence[int]:
        async with self.database.read(self.tenant_id) as session:
            return await Credits(session).move_counts(keys, self._against_id, self._group)
