"""What metrics are made of: counts, distinct households and matched conversions of sets of placements.

A measure is taken of many sets at once. Its rows name a set by its number in the argument; sets may overlap. With a
unit, a span falls into buckets, each measured as if it were asked for alone; a bucket is named by when it starts.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    DateTime,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    cast,
    column,
    func,
    literal,
    null,
    select,
    true,
    union_all,
)
from sqlalchemy.sql.expression import FromClause, TableValuedAlias

from persistence.ids import CampaignId, EpisodeId, LineItemId, PlacementId, PodcastId, RunId
from persistence.repositories.events import CONVERSIONS, VISITS, of_types
from persistence.sessions import TenantSession
from persistence.tables import campaigns, credit_values, credits, episodes, event_hours, events, line_items, placements


class PlacementSet(msgspec.Struct, frozen=True, cache_hash=True):
    """Placements in the order of their ids. Sets are keys, and the same one of many rows: hashed once."""

    ids: tuple[PlacementId, ...]


class Span(msgspec.Struct, frozen=True):
    """From `starts_at` until just before `ends_at`, both whole hours; `unit` is hour, day, week or month (UTC)."""

    starts_at: datetime
    ends_at: datetime
    unit: str | None = None


class Spot(NamedTuple):
    """A placement of a parent, with its line item's price and flight.

    `siblings` is how many placements the line item has.
    """

    parent_id: int
    placement_id: PlacementId
    line_item_id: LineItemId
    campaign_id: CampaignId
    episode_id: EpisodeId
    podcast_id: PodcastId
    pricing: str
    rate_minor: int
    currency: str
    starts_on: date | None
    ends_on: date | None
    siblings: int


class Count(NamedTuple):
    number: int
    bucket: datetime
    type: str
    events: int


class Households(NamedTuple):
    number: int
    bucket: datetime
    households: int


class Matched(NamedTuple):
    """Conversions of one currency, or of no value (`currency` is None)."""

    number: int
    bucket: datetime
    currency: str | None
    conversions: int
    value_minor: Decimal


class Credited(NamedTuple):
    """Conversions of any value (`currency` is None, `amount` counts them), or their value in one currency."""

    number: int
    currency: str | None
    amount: Decimal


class Shared(NamedTuple):
    """Households that two placements share, the same one twice: that it has, and those that it alone has.

    Both None: all households.
    """

    first: PlacementId | None
    second: PlacementId | None
    households: int
    exclusive: int


_PARENTS: Mapping[str, ColumnElement[Any]] = MappingProxyType(
    {
        "campaign": placements.c.campaign_id,
        "line item": placements.c.line_item_id,
        "placement": placements.c.id,
        "episode": placements.c.episode_id,
        "podcast": episodes.c.podcast_id,
    }
)


class Measures:
    """Statements over events and their hourly counts, for sessions of `Database.analyse`."""

    def __init__(self, session: TenantSession) -> None:
        self.session = session

    def _own(self, table: FromClause) -> ColumnElement[bool]:
        return table.c.tenant_id == self.session.tenant_id

    async def spots(self, parent: str, ids: Sequence[int]) -> list[Spot]:
        """The placements of each parent, archived ones too, by id; `parent` is the kind, such as 'line item'."""
        parent_id = _PARENTS[parent]
        chosen = (
            select(
                parent_id.label("parent_id"),
                placements.c.id,
                placements.c.line_item_id,
                placements.c.campaign_id,
                placements.c.episode_id,
                episodes.c.podcast_id,
            )
            .join_from(placements, episodes, _same(placements.c.episode_id, episodes))
            .where(self._own(placements), parent_id.in_(set(ids)))
            .cte("chosen")
        )
        siblings = (
            select(placements.c.line_item_id, func.count().label("siblings"))
            .where(self._own(placements), placements.c.line_item_id.in_(select(chosen.c.line_item_id)))
            .group_by(placements.c.line_item_id)
            .cte("siblings")
        )
        statement = (
            select(
                *chosen.c,
                line_items.c.pricing,
                line_items.c.rate_minor,
                line_items.c.currency,
                func.coalesce(line_items.c.starts_on, campaigns.c.starts_on),
                func.coalesce(line_items.c.ends_on, campaigns.c.ends_on),
                siblings.c.siblings,
            )
            .select_from(chosen)
            .join(siblings, siblings.c.line_item_id == chosen.c.line_item_id)
            .join(line_items, and_(self._own(line_items), line_items.c.id == chosen.c.line_item_id))
            .join(campaigns, and_(self._own(campaigns), campaigns.c.id == chosen.c.campaign_id))
            .order_by(chosen.c.parent_id, chosen.c.id)
        )
        return [Spot(*row) for row in await self.session.rows(statement)]

    async def counts(self, sets: Sequence[PlacementSet], span: Span, impressions: str) -> list[Count]:
        """Impressions of the type, and visits that the placements led to."""
        member = _members(sets)
        hour = event_hours.c.hour
        statement = (
            select(
                member.c.number,
                _bucket(span, hour),
                event_hours.c.type,
                cast(func.sum(event_hours.c.events), BigInteger),
            )
            .join_from(member, event_hours, event_hours.c.placement_id == member.c.placement_id)
            .where(
                self._own(event_hours),
                event_hours.c.type.in_([impressions, *VISITS]),
                hour >= span.starts_at,
                hour < span.ends_at,
            )
            .group_by(member.c.number, "bucket", event_hours.c.type)
        )
        return [Count(*row) for row in await self.session.rows(statement)]

    async def reach(self, sets: Sequence[PlacementSet], span: Span, impressions: str) -> list[Households]:
        """Distinct households with an impression of the type."""
        member = _members(sets)
        seen = (
            select(member.c.number, _bucket(span, events.c.occurred_at), events.c.household)
            .join_from(member, events, events.c.placement_id == member.c.placement_id)
            .where(self._own(events), of_types([impressions]), *_within(span, events))
            .distinct()
            .subquery("seen")
        )
        return await self._households(seen)

    async def visitors(self, sets: Sequence[PlacementSet], span: Span, impressions: str) -> list[Households]:
        """Distinct reached households that visited an advertiser's site after its first impression in the bucket."""
        member = _members(sets)
        seen = (
            select(
                member.c.number,
                _bucket(span, events.c.occurred_at),
                events.c.advertiser_id,
                events.c.household,
                func.min(events.c.occurred_at).label("first"),
            )
            .join_from(member, events, events.c.placement_id == member.c.placement_id)
            .where(self._own(events), of_types([impressions]), *_within(span, events))
            .group_by(member.c.number, "bucket", events.c.advertiser_id, events.c.household)
            .subquery("seen")
        )
        visit = (
            select(
                events.c.advertiser_id, events.c.household, events.c.occurred_at, _bucket(span, events.c.occurred_at)
            )
            .where(self._own(events), of_types(VISITS), *_within(span, events))
            .subquery("visit")
        )
        came = (
            select(seen.c.number, seen.c.bucket, seen.c.household)
            .join_from(
                seen,
                visit,
                and_(
                    visit.c.advertiser_id == seen.c.advertiser_id,
                    visit.c.household == seen.c.household,
                    visit.c.bucket == seen.c.bucket,
                    visit.c.occurred_at >= seen.c.first,
                ),
            )
            .distinct()
            .subquery("came")
        )
        return await self._households(came)

    async def _households(self, seen: FromClause) -> list[Households]:
        statement = select(seen.c.number, seen.c.bucket, func.count()).group_by(seen.c.number, seen.c.bucket)
        return [Households(*row) for row in await self.session.rows(statement)]

    async def matched(
        self, sets: Sequence[PlacementSet], span: Span, impressions: str, window: timedelta
    ) -> list[Matched]:
        """Counted conversions in the span by households that a placement had touched at most `window` before.

        A touch is an impression of the type or a visit, of a placement of the conversion's advertiser.
        """
        member = _members(sets)
        touch = events.alias("touch")
        own_advertisers = (
            select(campaigns.c.advertiser_id)
            .join_from(placements, campaigns, _same(placements.c.campaign_id, campaigns))
            .where(self._own(placements), placements.c.id.in_({id_ for of_set in sets for id_ in of_set.ids}))
        )
        conversion = (
            select(
                events.c.id,
                events.c.advertiser_id,
                events.c.household,
                events.c.occurred_at,
                events.c.currency,
                events.c.value_minor,
                _bucket(span, events.c.occurred_at),
            )
            .where(
                self._own(events),
                of_types(CONVERSIONS),
                events.c.counted,
                events.c.advertiser_id.in_(own_advertisers),
                *_within(span, events),
            )
            # A fence: read once, and joined. As a look-up by household for each touch, the touches of an address that
            # very many people share would each read all that ever happened there.
            .offset(0)
            .cte("conversion")
        )
        found = (
            select(
                member.c.number,
                conversion.c.bucket,
                conversion.c.id,
                conversion.c.currency,
                conversion.c.value_minor,
            )
            .join_from(
                conversion,
                touch,
                and_(
                    touch.c.household == conversion.c.household,
                    touch.c.advertiser_id == conversion.c.advertiser_id,
                    touch.c.occurred_at <= conversion.c.occurred_at,
                    touch.c.occurred_at >= conversion.c.occurred_at - window,
                ),
            )
            .join(member, member.c.placement_id == touch.c.placement_id)
            .where(
                self._own(touch),
                touch.c.type.in_([impressions, *VISITS]),
                # Says what the join says already, for the partitions to be chosen by.
                touch.c.occurred_at >= span.starts_at - window,
                touch.c.occurred_at < span.ends_at,
            )
            .distinct()
            .subquery("found")
        )
        statement = select(
            found.c.number,
            found.c.bucket,
            found.c.currency,
            func.count(),
            func.coalesce(func.sum(found.c.value_minor), 0),
        ).group_by(found.c.number, found.c.bucket, found.c.currency)
        return [Matched(*row) for row in await self.session.rows(statement)]

    async def credited(self, sets: Sequence[PlacementSet], run_id: RunId) -> list[Credited]:
        """What a run credits to the placements of each set; nothing for those that it does not know."""
        member = _members(sets)
        conversions = (
            select(member.c.number, cast(null(), Text), func.sum(credits.c.conversions))
            .join_from(member, credits, credits.c.placement_id == member.c.placement_id)
            .where(self._own(credits), credits.c.run_id == run_id)
            .group_by(member.c.number)
        )
        values = (
            select(member.c.number, credit_values.c.currency, func.sum(credit_values.c.value))
            .join_from(member, credit_values, credit_values.c.placement_id == member.c.placement_id)
            .where(self._own(credit_values), credit_values.c.run_id == run_id)
            .group_by(member.c.number, credit_values.c.currency)
        )
        return [Credited(*row) for row in await self.session.rows(union_all(conversions, values))]

    async def overlap(self, wanted: PlacementSet, span: Span, impressions: str) -> list[Shared]:
        """Reached households of each pair of placements (the smaller id first), of each one, and of all."""
        seen: Select[Any] = (
            select(events.c.household, events.c.placement_id)
            .where(
                self._own(events),
                events.c.placement_id.in_(wanted.ids),
                of_types([impressions]),
                *_within(span, events),
            )
            .distinct()
        )
        reached = seen.subquery("reached")
        # Few combinations of placements occur, however many households do.
        combined = (
            select(func.array_agg(reached.c.placement_id.op("ORDER BY")(reached.c.placement_id)).label("combination"))
            .group_by(reached.c.household)
            .subquery("combined")
        )
        combination = (
            select(combined.c.combination, func.count().label("households"))
            .group_by(combined.c.combination)
            .cte("combination")
        )
        first, second = (
            func.unnest(combination.c.combination).table_valued("id", name=name).render_derived().lateral()
            for name in ("first", "second")
        )
        alone = func.coalesce(
            func.sum(combination.c.households).filter(func.cardinality(combination.c.combination) == 1), 0
        )
        households = cast(func.sum(combination.c.households), BigInteger)
        pairs = (
            select(first.c.id, second.c.id, households, cast(alone, BigInteger))
            .select_from(combination.join(first, true()).join(second, first.c.id <= second.c.id))
            .group_by(first.c.id, second.c.id)
        )
        union = select(
            cast(null(), BigInteger), cast(null(), BigInteger), func.coalesce(households, 0), literal(0, BigInteger)
        ).select_from(combination)
        return [Shared(*row) for row in await self.session.rows(union_all(pairs, union))]


def _members(sets: Sequence[PlacementSet]) -> TableValuedAlias:
    """The sets as a relation `member(number, placement_id)`."""
    numbers = [number for number, of_set in enumerate(sets) for _ in of_set.ids]
    ids = [placement_id for of_set in sets for placement_id in of_set.ids]
    relation = func.unnest(
        bindparam("set_numbers", numbers, type_=ARRAY(Integer)),
        bindparam("set_placements", ids, type_=ARRAY(BigInteger)),
    )
    named = (column("number", Integer), column("placement_id", BigInteger))
    return relation.table_valued(*named, name="member").render_derived()


def _bucket(span: Span, moment: ColumnElement[Any]) -> ColumnElement[Any]:
    """When the moment's bucket starts; the first bucket starts with the span."""
    start = literal(span.starts_at, DateTime(timezone=True))
    if span.unit is None:
        return start.label("bucket")
    return func.greatest(func.date_trunc(span.unit, moment, "UTC"), start).label("bucket")


def _within(span: Span, table: FromClause) -> list[ColumnElement[bool]]:
    return [table.c.occurred_at >= span.starts_at, table.c.occurred_at < span.ends_at]


def _same(row_id: ColumnElement[Any], table: FromClause) -> ColumnElement[bool]:
    """The row of the other table that the id points to, in the same tenant."""
    return and_(table.c.tenant_id == placements.c.tenant_id, table.c.id == row_id)
