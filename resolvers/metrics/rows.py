"""A request for metrics becomes rows, each with its placements, its time and what it is for: nothing is measured."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from types import MappingProxyType
from typing import Final

import msgspec

from persistence.ids import RunId
from persistence.records import AttributionRunRecord
from persistence.repositories.metrics import PlacementSet, Span, Spot
from resolvers.context import RequestContext
from resolvers.errors import invalid
from resolvers.events.kinds import ImpressionType
from resolvers.loaders.metrics import EventsKeptLoader, SpotsLoader
from resolvers.metrics.spans import LONGEST_RANGE, GivenRange, buckets, checked, latest_range
from resolvers.metrics.spend import Account, Part, Price
from resolvers.policy import Permission
from resolvers.runs.reading import finished_run

LARGEST_GROUPS: Final = 1_000
"""Rows of one parent."""
LARGEST_ROWS: Final = 5_000
"""Rows of one operation: with every figure of each, they take some seconds of the event loop that serves everybody."""


class Grouping(StrEnum):
    NONE = "NONE"
    HOUR = "HOUR"
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"
    PLACEMENT = "PLACEMENT"
    LINE_ITEM = "LINE_ITEM"
    CAMPAIGN = "CAMPAIGN"
    EPISODE = "EPISODE"
    PODCAST = "PODCAST"


UNITS: Final[Mapping[Grouping, str]] = MappingProxyType(
    {Grouping.HOUR: "hour", Grouping.DAY: "day", Grouping.WEEK: "week", Grouping.MONTH: "month"}
)
LONGEST: Final[Mapping[str, int]] = MappingProxyType(
    {
        **dict.fromkeys(Grouping, LARGEST_GROUPS),
        Grouping.NONE: 1,
        Grouping.DAY: LONGEST_RANGE.days + 1,
        Grouping.WEEK: LONGEST_RANGE.days // 7 + 2,
        Grouping.MONTH: LONGEST_RANGE.days // 31 + 3,
    }
)
"""The most rows of one parent. Two groups of time more than fit, where the first and the last are cut."""
SHORTEST_SECONDS: Final[Mapping[str, int]] = MappingProxyType(
    {
        Grouping.HOUR: 60 * 60,
        Grouping.DAY: 24 * 60 * 60,
        Grouping.WEEK: 7 * 24 * 60 * 60,
        Grouping.MONTH: 28 * 24 * 60 * 60,
    }
)
"""How long a group of time is at least, but for the first and the last."""
SUBJECTS: Final[Mapping[Grouping, Callable[[Spot], int]]] = MappingProxyType(
    {
        Grouping.PLACEMENT: lambda spot: spot.placement_id,
        Grouping.LINE_ITEM: lambda spot: spot.line_item_id,
        Grouping.CAMPAIGN: lambda spot: spot.campaign_id,
        Grouping.EPISODE: lambda spot: spot.episode_id,
        Grouping.PODCAST: lambda spot: spot.podcast_id,
    }
)


class MetricsRequest(msgspec.Struct, frozen=True, cache_hash=True):
    """What all rows of one field have in common. `kept_since` is when the oldest month begins that has its events."""

    span: Span
    impressions: str
    run_id: RunId | None
    kept_since: datetime | None


class MetricsRow(msgspec.Struct, frozen=True, cache_hash=True):
    """`subject_id` is that of the object which the row is for, if rows are of objects."""

    request: MetricsRequest
    starts_at: datetime
    ends_at: datetime
    grouping: Grouping
    subject_id: int | None
    placements: PlacementSet
    accounts: tuple[Account, ...]


async def metrics_rows(
    context: RequestContext,
    parent: str,
    parent_ids: Sequence[int],
    *,
    given: GivenRange | None,
    grouping: Grouping,
    impressions: ImpressionType,
    run_id: RunId | None,
) -> list[list[MetricsRow]]:
    """The rows of each parent, whose kind is `parent`: times and objects in order, times without events among them.

    Raises NotFound, and InvalidInput (RANGE_… as `spans.checked`, RANGE_NOT_OF_RUN, CREDITS_HAVE_NO_TIME,
    RUN_NOT_FINISHED, TOO_MANY_GROUPS).
    """
    context.tenant_for(Permission.READ)
    if run_id is None:
        range_ = latest_range(context.services.clock()) if given is None else checked(given)
    else:
        range_ = checked(_of_run(await finished_run(context, run_id, "run"), given, grouping))
    unit = UNITS.get(grouping)
    span = Span(range_.since, range_.until, unit)
    times = _bounded(span)
    request = MetricsRequest(span, impressions.value, run_id, await context.loaders.of(EventsKeptLoader).fetch_one(0))
    spots = await context.loaders.of(SpotsLoader, parent).fetch(parent_ids)
    found = []
    for of_parent in spots:
        found.append(_rows(request, grouping, times, of_parent))
        context.metrics_rows += len(found[-1])
        if context.metrics_rows > LARGEST_ROWS:
            message = f"More than {LARGEST_ROWS:,} rows in one operation: ask for fewer objects or larger groups."
            raise invalid("TOO_MANY_GROUPS", message, "groupBy")
    return found


def _of_run(run: AttributionRunRecord, given: GivenRange | None, grouping: Grouping) -> GivenRange:
    """The range of the run's conversions."""
    if grouping in UNITS:
        message = "Credits have no time: group by objects, or leave out the attribution run."
        raise invalid("CREDITS_HAVE_NO_TIME", message, "groupBy")
    own = GivenRange(run.starts_at, run.ends_at)
    if given is not None and given != own:
        message = "The range must be the attribution run's own: leave it out."
        raise invalid("RANGE_NOT_OF_RUN", message, "range")
    return own


def _bounded(span: Span) -> list[tuple[datetime, datetime]]:
    found = []
    for bucket in buckets(span):
        found.append(bucket)
        if len(found) > LARGEST_GROUPS:
            raise _too_many()
    return found


def _rows(
    request: MetricsRequest, grouping: Grouping, times: Sequence[tuple[datetime, datetime]], spots: Sequence[Spot]
) -> list[MetricsRow]:
    subject = SUBJECTS.get(grouping)
    groups: dict[int | None, list[Spot]] = {} if subject else {None: []}
    for spot in spots:
        groups.setdefault(subject(spot) if subject else None, []).append(spot)
    if len(groups) > LARGEST_GROUPS:
        raise _too_many()
    rows = []
    for subject_id in sorted(groups, key=lambda row_id: row_id or 0):
        placements = _set(groups[subject_id])
        accounts = _accounts(groups[subject_id])
        rows += [MetricsRow(request, start, end, grouping, subject_id, placements, accounts) for start, end in times]
    return rows


def _accounts(spots: Sequence[Spot]) -> tuple[Account, ...]:
    """The placements by the currency that they are paid in, and by line item."""
    by_currency: dict[str, dict[int, list[Spot]]] = {}
    for spot in spots:
        by_currency.setdefault(spot.currency, {}).setdefault(spot.line_item_id, []).append(spot)
    return tuple(
        Account(
            currency,
            _set([spot for spot in spots if spot.currency == currency]),
            tuple(_part(of_line_item) for of_line_item in by_line_item.values()),
        )
        for currency, by_line_item in by_currency.items()
    )


def _set(spots: Sequence[Spot]) -> PlacementSet:
    return PlacementSet(tuple(spot.placement_id for spot in spots))


def _part(spots: Sequence[Spot]) -> Part:
    one = spots[0]
    price = Price(
        pricing=one.pricing,
        rate_minor=one.rate_minor,
        currency=one.currency,
        starts_on=one.starts_on,
        ends_on=one.ends_on,
        share=Fraction(len(spots), one.siblings),
    )
    return Part(_set(spots), price)


def _too_many() -> Exception:
    message = f"More than {LARGEST_GROUPS:,} groups: choose a shorter range or larger groups."
    return invalid("TOO_MANY_GROUPS", message, "groupBy")
