"""Reading finished runs: credits by group, totals, what moved between two runs, and the conversions behind them."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, TypeVar

import msgspec

from persistence.ids import PathSetId, RunId
from persistence.pages import Rows
from persistence.projections import Reads
from persistence.records import (
    AttributionRunRecord,
    CreditMoveRecord,
    CreditRecord,
    EventRecord,
    FrozenConversionRecord,
    PathSetRecord,
    RunValueRecord,
)
from persistence.repositories.credits import Credits
from persistence.repositories.events import Conversions
from persistence.repositories.paths import FrozenConversions, PathSets
from persistence.repositories.runs import AttributionRuns
from resolvers import changes, lists
from resolvers.attribution.registry import ChosenModel, chosen, models
from resolvers.context import RequestContext
from resolvers.loaders.runs import (
    CreditCountByRunLoader,
    CreditsByRunLoader,
    CreditValuesLoader,
    MoveCountByRunLoader,
    MovesByRunLoader,
    RunValuesByRunLoader,
)
from resolvers.pages import Page, PageRequest, page_of
from resolvers.paths.conversions import weights_of
from resolvers.paths.shares import PlacementShare, shares_asked, shares_of_placements
from resolvers.runs.decimals import exact_difference
from resolvers.runs.states import RunStatus, refuse_unfinished

NO_SET = PathSetId(0)
"""A path set that no tenant has: ids are random and positive."""

READ_FOR_CONVERSIONS: Final = ("status", "path_set_id", "model", "model_version", "parameters")
"""What is read of a run for its conversions and their shares."""

READ_FOR_SHARES: Final = ("occurred_at", "value_minor", "currency", "evidence", "placement_ids", "touched_at")
"""What is read of a frozen conversion for its shares."""

P = TypeVar("P")
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Amount(msgspec.Struct, frozen=True):
    """An amount of money to the last digit, in minor units."""

    amount_minor: Decimal
    currency: str


class RunTotals(msgspec.Struct, frozen=True):
    """Of a run that succeeded; `values` are sorted by currency."""

    conversions: int
    attributed_conversions: int
    values: list[RunValueRecord]

    @property
    def unattributed_conversions(self) -> int:
        return self.conversions - self.attributed_conversions


class RunDiff(msgspec.Struct, frozen=True):
    """A run, and the one that it is compared with; both have succeeded."""

    run: AttributionRunRecord
    against: AttributionRunRecord
    group: str
    paths_differ: bool

    @property
    def model_differs(self) -> bool:
        return _model(self.run) != _model(self.against)

    @property
    def parameters_differ(self) -> bool:
        return self.run.parameters != self.against.parameters

    @property
    def rules_differ(self) -> bool:
        return _rules(self.run) != _rules(self.against)

    @property
    def range_differs(self) -> bool:
        return (self.run.starts_at, self.run.ends_at) != (self.against.starts_at, self.against.ends_at)


class ValueMove(msgspec.Struct, frozen=True):
    """A value that differs, in minor units."""

    currency: str
    before: Decimal
    after: Decimal

    @property
    def delta(self) -> Decimal:
        return exact_difference(self.after, self.before)


class RunConversion(msgspec.Struct, frozen=True):
    """A conversion of a run's path set."""

    run: AttributionRunRecord
    frozen: FrozenConversionRecord

    @property
    def id(self) -> int:
        return self.frozen.id

    @property
    def occurred_at(self) -> datetime:
        return self.frozen.occurred_at

    @property
    def evidence(self) -> str:
        return self.frozen.evidence


async def finished_run(context: RequestContext, run_id: RunId, *path: str) -> AttributionRunRecord:
    """Raises NotFound, Unauthenticated, Forbidden, InvalidInput (RUN_NOT_FINISHED)."""
    run = await lists.by_id(context, AttributionRuns, run_id)
    if run is None:
        raise changes.missing("attribution run", *path)
    refuse_unfinished(run, *path)
    return run


async def path_sets(context: RequestContext, runs: Sequence[AttributionRunRecord]) -> list[PathSetRecord | None]:
    """The frozen paths of each run; None until they are frozen."""
    wanted = [run.path_set_id for run in runs if run.path_set_id is not None]
    found = {record.id: record for record in await lists.existing(context, PathSets, wanted)}
    return [None if run.path_set_id is None else found[run.path_set_id] for run in runs]


async def run_totals(context: RequestContext, runs: Sequence[AttributionRunRecord]) -> list[RunTotals | None]:
    """None for a run that has not succeeded."""
    sets = await path_sets(context, runs)
    values = await context.loaders.of(RunValuesByRunLoader).fetch([run.id for run in runs])
    return [
        None
        if found is None or run.status != RunStatus.SUCCEEDED
        else RunTotals(found.conversions, found.attributed_conversions, own)
        for run, found, own in zip(runs, sets, values, strict=True)
    ]


async def credit_pages(
    context: RequestContext, runs: Sequence[AttributionRunRecord], request: PageRequest
) -> list[Page[CreditRecord]]:
    """Who earned most first; empty for a run that has not succeeded. The request's order is the group."""
    group = request.part.order
    counts = context.loaders.of(CreditCountByRunLoader, group)
    found = await context.loaders.of(CreditsByRunLoader, request.part).fetch([run.id for run in runs])
    return [page_of(rows, request, Credits.orders, counts, run.id) for rows, run in zip(found, runs, strict=True)]


async def credit_values(context: RequestContext, credits: Sequence[CreditRecord]) -> list[dict[str, Decimal]]:
    """By currency, in minor units."""

    async def of_group(group: str, own: Sequence[CreditRecord]) -> Sequence[dict[str, Decimal]]:
        return await context.loaders.of(CreditValuesLoader, group).fetch([(credit.run_id, credit.id) for credit in own])

    return await _in_parts(credits, lambda credit: credit.group, of_group)


async def run_diffs(
    context: RequestContext, runs: Sequence[AttributionRunRecord], against_id: RunId, group: str
) -> list[RunDiff | None]:
    """None for a run that has not succeeded. Raises NotFound, InvalidInput (RUN_NOT_FINISHED) for the other one."""
    against = await finished_run(context, against_id, "against")
    *sets, other = await path_sets(context, [*runs, against])
    return [
        None if run.status != RunStatus.SUCCEEDED else RunDiff(run, against, group, _hash(found) != _hash(other))
        for run, found in zip(runs, sets, strict=True)
    ]


async def move_pages(
    context: RequestContext, diffs: Sequence[RunDiff], requests: Callable[[str], PageRequest]
) -> list[Page[CreditMoveRecord]]:
    """What moved most first; `requests` makes the request of a group."""

    async def of_one(key: tuple[RunId, str], own: Sequence[RunDiff]) -> Sequence[Page[CreditMoveRecord]]:
        against_id, group = key
        request = requests(group)
        counts = context.loaders.of(MoveCountByRunLoader, against_id, group)
        found = await context.loaders.of(MovesByRunLoader, against_id, request.part).fetch([d.run.id for d in own])
        return [page_of(rows, request, Credits.orders, counts, d.run.id) for rows, d in zip(found, own, strict=True)]

    return await _in_parts(diffs, lambda diff: (diff.against.id, diff.group), of_one)


async def moved_values(context: RequestContext, moves: Sequence[CreditMoveRecord]) -> list[list[ValueMove]]:
    """The values that differ, by currency."""

    async def of_group(group: str, own: Sequence[CreditMoveRecord]) -> Sequence[list[ValueMove]]:
        after_keys = [(move.run_id, move.id) for move in own]
        before_keys = [(move.against_id, move.id) for move in own]
        found = await context.loaders.of(CreditValuesLoader, group).fetch([*after_keys, *before_keys])
        return [_moved(before, after) for after, before in zip(found[: len(own)], found[len(own) :], strict=True)]

    return await _in_parts(moves, lambda move: move.group, of_group)


async def conversion_pages(
    context: RequestContext, runs: Sequence[AttributionRunRecord], request: PageRequest, *, reads: Reads = None
) -> list[Page[RunConversion]]:
    """The conversions of each run's path set; none for a run that has not succeeded.

    `reads` are of FrozenConversionRecord.
    """
    counts = context.loaders.counts(FrozenConversions, "path_set_id", None)
    path_set_ids = [run.path_set_id or NO_SET if run.status == RunStatus.SUCCEEDED else NO_SET for run in runs]
    if reads is not None and not any(map(_needs_ages, runs)):
        reads -= {"touched_at"}
    loader = context.loaders.pages(FrozenConversions, "path_set_id", request.part, None, reads)
    pages = []
    for run, path_set_id, rows in zip(runs, path_set_ids, await loader.fetch(path_set_ids), strict=True):
        own = Rows([RunConversion(run, frozen) for frozen in rows.records], rows.more)
        pages.append(page_of(own, request, FrozenConversions.orders, counts, path_set_id))
    return pages


async def conversion_events(context: RequestContext, conversions: Sequence[RunConversion]) -> list[EventRecord | None]:
    """None for an event that is older than events are kept."""
    return await context.loaders.by_id(Conversions).fetch([conversion.id for conversion in conversions])


async def conversion_shares(
    context: RequestContext, conversions: Sequence[RunConversion], first: int | None
) -> list[list[PlacementShare]]:
    """What the first placements earned of each conversion by the run's model, from what was frozen.

    Raises InvalidInput (INVALID_PAGE_SIZE; UNKNOWN_MODEL for a run by a version of its model that this release does
    not have).
    """
    most = shares_asked(first)

    async def of_run(_run_id: RunId, own: Sequence[RunConversion]) -> list[list[PlacementShare]]:
        run = own[0].run
        model = _model_of(run)
        frozen = [conversion.frozen for conversion in own]
        weights = None if model.model.weight is None else await weights_of(context, run.id, frozen)
        return await shares_of_placements(frozen, model, weights, most)

    return await _in_parts(conversions, lambda conversion: conversion.run.id, of_run)


async def _in_parts(
    items: Sequence[P], key: Callable[[P], K], answers: Callable[[K, Sequence[P]], Awaitable[Sequence[V]]]
) -> list[V]:
    """One answer for each item, in order, asked for once for all items of a key: a fragment may be on several."""
    keys = list(map(key, items))
    parts: dict[K, list[int]] = {part: [] for part in keys}
    if len(parts) == 1:
        return list(await answers(keys[0], items))
    for index, part in enumerate(keys):
        parts[part].append(index)
    found = await asyncio.gather(*(answers(part, [items[i] for i in own]) for part, own in parts.items()))
    placed = {
        index: answer
        for own, part in zip(parts.values(), found, strict=True)
        for index, answer in zip(own, part, strict=True)
    }
    return [placed[index] for index in range(len(items))]


def _moved(before: dict[str, Decimal], after: dict[str, Decimal]) -> list[ValueMove]:
    none = Decimal(0)
    moves = [
        ValueMove(currency, before.get(currency, none), after.get(currency, none))
        for currency in sorted(before.keys() | after.keys())
    ]
    return [move for move in moves if move.before != move.after]


def _model_of(run: AttributionRunRecord) -> ChosenModel:
    """Raises InvalidInput (UNKNOWN_MODEL)."""
    return chosen(run.model, run.model_version, msgspec.json.decode(run.parameters, type=dict[str, str]))


def _needs_ages(run: AttributionRunRecord) -> bool:
    model = models().get(run.model)
    return model is None or model.needs_ages


def _hash(path_set: PathSetRecord | None) -> str | None:
    return None if path_set is None else path_set.hash


def _model(run: AttributionRunRecord) -> tuple[str, int]:
    return run.model, run.model_version


def _rules(run: AttributionRunRecord) -> tuple[str, int, int, str]:
    return run.impressions, run.impression_window_seconds, run.visit_window_seconds, run.promo_policy
