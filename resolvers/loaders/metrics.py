"""Loaders of what metrics are made of: sets of placements in, their measures out. Each batch is one statement.

A span, a type of impressions or a run is part of the loader; a set that several rows and fields need is measured once.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Generic, NamedTuple, Protocol, TypeVar

from persistence.ids import RunId, TenantId
from persistence.partitions import kept_since
from persistence.repositories.metrics import Credited, Matched, Measures, PlacementSet, Span, Spot
from resolvers.loaders.source import Source, TenantLoader


class _Numbered(Protocol):
    @property
    def number(self) -> int: ...


N = TypeVar("N", bound=_Numbered)
M = TypeVar("M")


class CountKey(NamedTuple):
    bucket: datetime
    type: str


class SpotsLoader(TenantLoader[int, list[Spot]]):
    """The placements of each parent; `parent` is the kind of all, such as 'line item'."""

    def __init__(self, source: Source, tenant_id: TenantId, parent: str) -> None:
        super().__init__(source, tenant_id)
        self._parent = parent

    async def load(self, keys: list[int]) -> Sequence[list[Spot]]:
        async with self.database.analyse(self.tenant_id) as session:
            spots = await Measures(session).spots(self._parent, keys)
        found: dict[int, list[Spot]] = {key: [] for key in keys}
        for spot in spots:
            found[spot.parent_id].append(spot)
        return [found[key] for key in keys]


class EventsKeptLoader(TenantLoader[int, datetime | None]):
    """When the oldest month begins whose events have not been dropped; there is one answer, whatever the key."""

    async def load(self, keys: list[int]) -> Sequence[datetime | None]:
        async with self.database.read(self.tenant_id) as session:
            return [await kept_since(session)] * len(keys)


class SetLoader(TenantLoader[PlacementSet, M], Generic[M]):
    """A measure of impressions of a type in a span."""

    def __init__(self, source: Source, tenant_id: TenantId, span: Span, impressions: str) -> None:
        super().__init__(source, tenant_id)
        self.span = span
        self.impressions = impressions


class CountLoader(SetLoader[Mapping[CountKey, int]]):
    """Impressions and visits."""

    async def load(self, keys: list[PlacementSet]) -> Sequence[Mapping[CountKey, int]]:
        async with self.database.analyse(self.tenant_id) as session:
            counts = await Measures(session).counts(keys, self.span, self.impressions)
        return [{CountKey(row.bucket, row.type): row.events for row in rows} for rows in _by_set(counts, keys)]


class ReachLoader(SetLoader[Mapping[datetime, int]]):
    """Distinct households with an impression."""

    async def load(self, keys: list[PlacementSet]) -> Sequence[Mapping[datetime, int]]:
        async with self.database.analyse(self.tenant_id) as session:
            reached = await Measures(session).reach(keys, self.span, self.impressions)
        return [{row.bucket: row.households for row in rows} for rows in _by_set(reached, keys)]


class VisitorsLoader(SetLoader[Mapping[datetime, int]]):
    """Distinct households that visited after an impression."""

    async def load(self, keys: list[PlacementSet]) -> Sequence[Mapping[datetime, int]]:
        async with self.database.analyse(self.tenant_id) as session:
            came = await Measures(session).visitors(keys, self.span, self.impressions)
        return [{row.bucket: row.households for row in rows} for rows in _by_set(came, keys)]


class MatchedLoader(SetLoader[Mapping[datetime, list[Matched]]]):
    """Conversions that a placement had touched before."""

    def __init__(self, source: Source, tenant_id: TenantId, span: Span, impressions: str, window: timedelta) -> None:
        super().__init__(source, tenant_id, span, impressions)
        self._window = window

    async def load(self, keys: list[PlacementSet]) -> Sequence[Mapping[datetime, list[Matched]]]:
        async with self.database.analyse(self.tenant_id) as session:
            matched = await Measures(session).matched(keys, self.span, self.impressions, self._window)
        found: list[dict[datetime, list[Matched]]] = []
        for rows in _by_set(matched, keys):
            by_bucket: dict[datetime, list[Matched]] = {}
            for row in rows:
                by_bucket.setdefault(row.bucket, []).append(row)
            found.append(by_bucket)
        return found


class CreditedLoader(TenantLoader[PlacementSet, list[Credited]]):
    """What a run credits to the placements of each set."""

    def __init__(self, source: Source, tenant_id: TenantId, run_id: RunId) -> None:
        super().__init__(source, tenant_id)
        self._run_id = run_id

    async def load(self, keys: list[PlacementSet]) -> Sequence[list[Credited]]:
        async with self.database.analyse(self.tenant_id) as session:
            return _by_set(await Measures(session).credited(keys, self._run_id), keys)


def _by_set(rows: Sequence[N], keys: Sequence[PlacementSet]) -> list[list[N]]:
    found: list[list[N]] = [[] for _ in keys]
    for row in rows:
        found[row.number].append(row)
    return found
