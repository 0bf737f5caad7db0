"""What the fields of a row need, measured for many rows at once: one value each, in order."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final, TypeVar

from persistence.repositories.metrics import Credited, Matched, PlacementSet
from resolvers.events.kinds import EventType
from resolvers.loaders.loader import Loader
from resolvers.loaders.metrics import (
    CountKey,
    CountLoader,
    CreditedLoader,
    MatchedLoader,
    ReachLoader,
    SetLoader,
    VisitorsLoader,
)
from resolvers.loaders.registry import Loaders
from resolvers.metrics.figures import Tally, Value
from resolvers.metrics.rows import MetricsRequest, MetricsRow

MATCH_WINDOW: Final = timedelta(days=30)
"""How long before a conversion a touch may lie for the conversion to be matched, without a run."""

VISIT: Final = EventType.VISIT.value

V = TypeVar("V")
L = TypeVar("L", bound=SetLoader[Any])
Rows = Sequence[MetricsRow]


async def impressions(loaders: Loaders, rows: Rows) -> list[int]:
    return await _counted(loaders, rows, lambda row: row.request.impressions)


async def visits(loaders: Loaders, rows: Rows) -> list[int]:
    return await _counted(loaders, rows, lambda _row: VISIT)


async def reach(loaders: Loaders, rows: Rows) -> list[int | None]:
    """None where the events of a part of the range have been dropped."""
    found = await of_sets(rows, [(row.placements,) for row in rows], by_request(loaders, ReachLoader))
    return [one.get(row.starts_at, 0) if _kept(row) else None for row, [one] in zip(rows, found, strict=True)]


async def visitors(loaders: Loaders, rows: Rows) -> list[int | None]:
    """None where the events of a part of the range have been dropped."""
    found = await of_sets(rows, [(row.placements,) for row in rows], by_request(loaders, VisitorsLoader))
    return [one.get(row.starts_at, 0) if _kept(row) else None for row, [one] in zip(rows, found, strict=True)]


async def conversions(loaders: Loaders, rows: Rows) -> list[Decimal | None]:
    """Credited by the request's run, or matched; None where a part of the events that match has been dropped."""
    found = await tallies(loaders, rows, [(row.placements,) for row in rows])
    return [None if tally is None else tally.conversions for [tally] in found]


def part_sets(row: MetricsRow) -> list[PlacementSet]:
    """The row's placements by line item, whose counts add up."""
    return [part.placements for account in row.accounts for part in account.parts]


async def _counted(loaders: Loaders, rows: Rows, type_of: Callable[[MetricsRow], str]) -> list[int]:
    counts = await of_sets(rows, [part_sets(row) for row in rows], by_request(loaders, CountLoader))
    return [
        sum(count.get(CountKey(row.starts_at, type_of(row)), 0) for count in of_parts)
        for row, of_parts in zip(rows, counts, strict=True)
    ]


async def tallies(loaders: Loaders, rows: Rows, wanted: Sequence[Sequence[PlacementSet]]) -> list[list[Tally | None]]:
    """The conversions of each row's sets; None where a part of the events that match has been dropped."""

    def credited(request: MetricsRequest) -> CreditedLoader:
        return loaders.of(CreditedLoader, request.run_id)

    def matched(request: MetricsRequest) -> MatchedLoader:
        return loaders.of(MatchedLoader, request.span, request.impressions, MATCH_WINDOW)

    by_run = [index for index, row in enumerate(rows) if row.request.run_id is not None]
    others = [index for index, row in enumerate(rows) if row.request.run_id is None]
    found: list[list[Tally | None]] = [[] for _ in rows]
    of_run = await of_sets([rows[i] for i in by_run], [wanted[i] for i in by_run], credited)
    for index, credits in zip(by_run, of_run, strict=True):
        found[index] = [_credited_tally(credit) for credit in credits]
    by_match = await of_sets([rows[i] for i in others], [wanted[i] for i in others], matched)
    for index, matches in zip(others, by_match, strict=True):
        row = rows[index]
        kept = _kept(row, MATCH_WINDOW)
        found[index] = [_matched_tally(match.get(row.starts_at, ())) if kept else None for match in matches]
    return found


def _matched_tally(found: Sequence[Matched]) -> Tally:
    values = {
        one.currency: Value(Decimal(one.value_minor), one.conversions) for one in found if one.currency is not None
    }
    return Tally(Decimal(sum(one.conversions for one in found)), values)


def _credited_tally(found: Sequence[Credited]) -> Tally:
    values = {one.currency: Value(one.amount, None) for one in found if one.currency is not None}
    return Tally(sum((one.amount for one in found if one.currency is None), start=Decimal(0)), values)


def _kept(row: MetricsRow, before: timedelta = timedelta()) -> bool:
    """Whether all events of the row's time, and from `before` it, are still there."""
    kept_since = row.request.kept_since
    return kept_since is not None and row.starts_at - before >= kept_since


def by_request(loaders: Loaders, kind: type[L]) -> Callable[[MetricsRequest], L]:
    return lambda request: loaders.of(kind, request.span, request.impressions)


async def of_sets(
    rows: Rows, wanted: Sequence[Sequence[PlacementSet]], loader_of: Callable[[MetricsRequest], Loader[PlacementSet, V]]
) -> list[list[V]]:
    """The measure of each row's sets. Rows of one request, which most rows have in common, are measured together."""
    found: list[list[V]] = [[] for _ in rows]
    of_request: dict[MetricsRequest, list[int]] = {}
    for index, row in enumerate(rows):
        of_request.setdefault(row.request, []).append(index)
    for request, indices in of_request.items():
        values = iter(await loader_of(request).fetch([one for index in indices for one in wanted[index]]))
        for index in indices:
            found[index] = [next(values) for _ in wanted[index]]
    return found
