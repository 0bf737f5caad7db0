"""What explains single conversions: their paths as of now, their households' touches, the reports of their orders."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import (
    ARRAY,
    CTE,
    BigInteger,
    DateTime,
    Interval,
    Select,
    Text,
    and_,
    any_,
    bindparam,
    func,
    select,
    true,
)

from persistence.ids import AdvertiserId, CampaignId, EventId, PlacementId, RunId
from persistence.pages import columns
from persistence.records import EventRecord
from persistence.repositories.events import CONVERSIONS, IMPRESSIONS, VISITS, OrderKey, of_types
from persistence.repositories.owned import TENANT
from persistence.repositories.path_rules import (
    CONVERSION_COLUMNS,
    PathRules,
    built_paths,
    eligible_kind,
    household_events,
    placed,
)
from persistence.sessions import TenantSession
from persistence.tables import campaigns, credits, events, placements

MOST_TOUCHES: Final = 1_000
"""Touches of a household that are told of one conversion."""
MOST_REPORTS: Final = 100
"""Reports of one order that are told."""
LOOK_BACK: Final = timedelta(days=90)
"""How long before the longest window touches are told, as ineligible."""
LOOK_AHEAD: Final = timedelta(days=1)


class ConversionKey(NamedTuple):
    """Where a conversion is: with its time, only one month's events are looked into."""

    id: EventId
    occurred_at: datetime


class ConversionPath(msgspec.Struct, frozen=True):
    """A conversion and its path: three arrays of one length, oldest touch first. A promo code's touch id is 0."""

    id: EventId
    occurred_at: datetime
    value_minor: int | None
    currency: str | None
    evidence: str
    placement_ids: list[PlacementId]
    touch_ids: list[EventId]
    touched_at: list[datetime]


class HouseholdTouch(msgspec.Struct, frozen=True):
    """A touch of a conversion's household with its advertiser, eligible or not."""

    id: EventId
    occurred_at: datetime
    type: str
    placement_id: PlacementId | None
    in_scope: bool
    """Whether it has a placement, and one of the campaign if the paths are a campaign's."""


class HouseholdTouches(msgspec.Struct, frozen=True):
    """By (occurred_at, id), and how many more there are."""

    touches: list[HouseholdTouch]
    omitted: int


class OrderReports(msgspec.Struct, frozen=True):
    """All reports of an order, the one that counts first, then as they were received; and how many more there are."""

    reports: list[EventRecord]
    omitted: int


class PromoKey(NamedTuple):
    advertiser_id: AdvertiserId
    promo_code: str


class PromoMatch(NamedTuple):
    """A placement that a promo code belongs to."""

    placement_id: PlacementId
    created_at: datetime


class ConversionPaths:
    """Statements over some conversions of the tenant; each answers for all of them at once."""

    def __init__(self, session: TenantSession) -> None:
        self.session = session

    async def built(self, keys: Sequence[ConversionKey], rules: PathRules) -> list[ConversionPath | None]:
        """The path of each conversion as its events are now; None where this tenant has no such conversion."""
        paths = built_paths(self._conversions(keys), self.session.tenant_id, rules, None)
        return await self.session.records_by_id(paths, ConversionPath, [key.id for key in keys])

    async def touches(
        self, keys: Sequence[ConversionKey], rules: PathRules, campaign_id: CampaignId | None
    ) -> list[HouseholdTouches]:
        """Touches around each conversion; where there are too many, the eligible ones and the latest."""
        conversion = self._conversions(keys)
        earliest = conversion.c.occurred_at - bindparam(None, rules.longest_window + LOOK_BACK, type_=Interval())
        latest = conversion.c.occurred_at + bindparam(None, LOOK_AHEAD, type_=Interval())
        touch = household_events(conversion, self.session.tenant_id, earliest, latest)
        in_scope = placed(touch, self.session.tenant_id, campaign_id)
        eligible = and_(in_scope, eligible_kind(touch, rules, conversion.c.occurred_at))
        told = (
            select(
                touch.c.id,
                touch.c.occurred_at,
                touch.c.type,
                touch.c.placement_id,
                func.coalesce(in_scope, False).label("in_scope"),
                func.count().over().label("found"),
            )
            .where(
                touch.c.advertiser_id == conversion.c.advertiser_id,
                touch.c.type.in_((*IMPRESSIONS, *VISITS)),
            )
            .order_by(func.coalesce(eligible, False).desc(), touch.c.occurred_at.desc(), touch.c.id.desc())
            .limit(MOST_TOUCHES)
            .correlate(conversion)
            .lateral("told")
        )
        statement = (
            select(conversion.c.id, *told.c)
            .select_from(conversion.join(told, true()))
            .order_by(told.c.occurred_at, told.c.id)
        )
        found: dict[int, list[HouseholdTouch]] = {key.id: [] for key in keys}
        counts = dict.fromkeys(found, 0)
        for conversion_id, *touched, count in await self.session.rows(statement):
            found[conversion_id].append(HouseholdTouch(*touched))
            counts[conversion_id] = count
        return [HouseholdTouches(found[key.id], counts[key.id] - len(found[key.id])) for key in keys]

    async def reports(self, keys: Sequence[OrderKey]) -> list[OrderReports]:
        """The reports of each order."""
        order = func.unnest(
            bindparam(None, [key.advertiser_id for key in keys], type_=ARRAY(BigInteger)),
            bindparam(None, [key.type for key in keys], type_=ARRAY(Text)),
            bindparam(None, [key.order_id for key in keys], type_=ARRAY(Text)),
        ).table_valued("advertiser_id", "type", "order_id", name="wanted")
        wanted = order.render_derived()
        selected = columns(events, EventRecord)
        first = (
            select(*selected, func.count().over().label("found"))
            .where(
                events.c.tenant_id == self.session.tenant_id,
                events.c.advertiser_id == wanted.c.advertiser_id,
                events.c.order_id == wanted.c.order_id,
                events.c.type == wanted.c.type,
            )
            .order_by(events.c.counted.desc(), events.c.received_at, events.c.id)
            .limit(MOST_REPORTS)
            .correlate(wanted)
            .lateral("first")
        )
        statement = (
            select(*first.c)
            .select_from(wanted.join(first, true()))
            .order_by(first.c.counted.desc(), first.c.received_at, first.c.id)
        )
        found: dict[OrderKey, list[EventRecord]] = {key: [] for key in keys}
        counts = dict.fromkeys(found, 0)
        for *row, count in await self.session.rows(statement):
            report = EventRecord(*row)
            key = OrderKey(report.advertiser_id, report.type, report.order_id or "")
            found[key].append(report)
            counts[key] = count
        return [OrderReports(found[key], counts[key] - len(found[key])) for key in keys]

    async def promo_matches(self, keys: Sequence[PromoKey]) -> list[list[PromoMatch]]:
        """The placements of the advertiser that each code belongs to, archived ones too, oldest first."""
        pair = func.unnest(
            bindparam(None, [key.advertiser_id for key in keys], type_=ARRAY(BigInteger)),
            bindparam(None, [key.promo_code for key in keys], type_=ARRAY(Text)),
        ).table_valued("advertiser_id", "promo_code", name="wanted")
        wanted = pair.render_derived()
        campaign = and_(campaigns.c.tenant_id == placements.c.tenant_id, campaigns.c.id == placements.c.campaign_id)
        of_code = and_(
            placements.c.promo_code == wanted.c.promo_code, campaigns.c.advertiser_id == wanted.c.advertiser_id
        )
        statement = (
            select(wanted.c.advertiser_id, wanted.c.promo_code, placements.c.id, placements.c.created_at)
            .select_from(placements.join(campaigns, campaign).join(wanted, of_code))
            .where(placements.c.tenant_id == self.session.tenant_id)
            .order_by(placements.c.created_at, placements.c.id)
        )
        found: dict[PromoKey, list[PromoMatch]] = {key: [] for key in keys}
        for advertiser_id, code, placement_id, created_at in await self.session.rows(statement):
            found[PromoKey(advertiser_id, code)].append(PromoMatch(placement_id, created_at))
        return [found[key] for key in keys]

    async def weights(self, run_id: RunId, placement_ids: Sequence[int]) -> list[Decimal | None]:
        """What the run's model knows of each placement, in their order; None where it knows nothing."""
        values = {"tenant_id": self.session.tenant_id, "run_id": run_id, "placement_ids": list(set(placement_ids))}
        rows = await self.session.asked(_select_weights, (), values)
        found = dict[int, Decimal | None]([(row[0], row[1]) for row in rows])
        return [found.get(placement_id) for placement_id in placement_ids]

    def _conversions(self, keys: Sequence[ConversionKey]) -> CTE:
        key = func.unnest(
            bindparam(None, [key.id for key in keys], type_=ARRAY(BigInteger)),
            bindparam(None, [key.occurred_at for key in keys], type_=ARRAY(DateTime(timezone=True))),
        ).table_valued("id", "occurred_at", name="key")
        wanted = key.render_derived()
        conversion = (
            select(*CONVERSION_COLUMNS)
            .where(
                events.c.tenant_id == self.session.tenant_id,
                events.c.id == wanted.c.id,
                events.c.occurred_at == wanted.c.occurred_at,
                of_types(CONVERSIONS),
            )
            # A lateral join is a nested loop: each is found by its key, in its month alone.
            .limit(1)
            .correlate(wanted)
            .lateral("found")
        )
        return select(*conversion.c).select_from(wanted.join(conversion, true())).cte("conversion")


def _select_weights() -> Select[Any]:
    return select(credits.c.placement_id, credits.c.weight).where(
        credits.c.tenant_id == TENANT,
        credits.c.run_id == bindparam("run_id", type_=BigInteger()),
        credits.c.placement_id == any_(bindparam("placement_ids", type_=ARRAY(BigInteger))),
    )
