"""Loaders of attribution runs' credits and values. Each batch is one statement, and outlives the operation."""

from collections.abc import Sequence
from decimal import Decimal

from persistence.ids import RunId, TenantId
from persistence.pages import Rows, Slice
from persistence.records import CreditMoveRecord, CreditRecord, RunValueRecord
from persistence.repositories.credits import Credits
from persistence.repositories.runs import RunResults
from resolvers.loaders.kept import KeptLoader, Naming, wording
from resolvers.loaders.source import Source
from resolvers.sight import OperationDatabase


class RunValuesByRunLoader(KeptLoader[RunId, list[RunValueRecord]]):
    """What each run's conversions are worth, by currency; empty while it has not succeeded."""

    def naming(self) -> Naming | None:
        return Naming("run_values", list[RunValueRecord])

    async def read(self, database: OperationDatabase, keys: list[RunId]) -> Sequence[list[RunValueRecord]]:
        async with database.read(self.tenant_id) as session:
            return await RunResults(session).values_of(keys)


class CreditsByRunLoader(KeptLoader[RunId, Rows[CreditRecord]]):
    """The same page of each run's credits; the slice's order is the group."""

    def __init__(self, source: Source, tenant_id: TenantId, part: Slice) -> None:
        super().__init__(source, tenant_id)
        self._part = part

    def naming(self) -> Naming | None:
        return Naming("credits.pages", Rows[CreditRecord], key=f"{wording(self._part)}/")

    async def read(self, database: OperationDatabase, keys: list[RunId]) -> Sequence[Rows[CreditRecord]]:
        async with database.read(self.tenant_id) as session:
            return await Credits(session).pages(keys, self._part)


class CreditCountByRunLoader(KeptLoader[RunId, int]):
    """How many subjects of a group each run has credits for."""

    def __init__(self, source: Source, tenant_id: TenantId, group: str) -> None:
        super().__init__(source, tenant_id)
        self._group = group

    def naming(self) -> Naming | None:
        return Naming("credits.counts", int, key=f"{self._group}/")

    async def read(self, database: OperationDatabase, keys: list[RunId]) -> Sequence[int]:
        async with database.read(self.tenant_id) as session:
            return await Credits(session).counts(keys, self._group)


class CreditValuesLoader(KeptLoader[tuple[RunId, int], dict[str, Decimal]]):
    """What each subject of a group earned in a run, by currency, in minor units."""

    def __init__(self, source: Source, tenant_id: TenantId, group: str) -> None:
        super().__init__(source, tenant_id)
        self._group = group

    def naming(self) -> Naming | None:
        return Naming("credit_values", dict[str, Decimal])

    def names(self, keys: Sequence[tuple[RunId, int]], naming: Naming) -> Sequence[str]:
        return [f"{self._group}/{run_id}/{subject_id}" for run_id, subject_id in keys]

    async def read(self, database: OperationDatabase, keys: list[tuple[RunId, int]]) -> Sequence[dict[str, Decimal]]:
        async with database.read(self.tenant_id) as session:
            return await Credits(session).values(keys, self._group)


class MovesByRunLoader(KeptLoader[RunId, Rows[CreditMoveRecord]]):
    """The same page of what moved in each run, compared with one run; the slice's order is the group."""

    def __init__(self, source: Source, tenant_id: TenantId, against_id: RunId, part: Slice) -> None:
        super().__init__(source, tenant_id)
        self._against_id = against_id
        self._part = part

    def naming(self) -> Naming | None:
        return Naming("moves.pages", Rows[CreditMoveRecord], key=f"{self._against_id}/{wording(self._part)}/")

    async def read(self, database: OperationDatabase, keys: list[RunId]) -> Sequence[Rows[CreditMoveRecord]]:
        async with database.read(self.tenant_id) as session:
            return await Credits(session).moves(keys, self._against_id, self._part)


class MoveCountByRunLoader(KeptLoader[RunId, int]):
    """How many subjects of a group moved in each run, compared with one run."""

    def __init__(self, source: Source, tenant_id: TenantId, against_id: RunId, group: str) -> None:
        super().__init__(source, tenant_id)
        self._against_id = against_id
        self._group = group

    def naming(self) -> Naming | None:
        return Naming("moves.counts", int, key=f"{self._against_id}/{self._group}/")

    async def read(self, database: OperationDatabase, keys: list[RunId]) -> Sequence[int]:
        async with database.read(self.tenant_id) as session:
            return await Credits(session).move_counts(keys, self._against_id, self._group)
