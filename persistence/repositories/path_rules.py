"""The rules by which events become paths, in SQL: which touches lead to a conversion, and what a promo code proves.

A touch is eligible when it is of the same household and advertiser, has a placement, is a visit or an impression of the
chosen type, and lies 0 to its window before the conversion. A path is its eligible touches, oldest first by
(occurred_at, id); an earlier conversion ends nothing.
"""

from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import (
    ARRAY,
    CTE,
    BigInteger,
    ColumnElement,
    DateTime,
    FromClause,
    Interval,
    Select,
    Subquery,
    and_,
    bindparam,
    case,
    cast,
    false,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import array

from persistence.ids import CampaignId, TenantId
from persistence.tables import campaigns, events, placements

LONGEST_PATH = 500
"""Touches of one path; of more, the latest. A household that has more is none, and must not stop the others' runs."""

_LARGEST_ID = 2**63 - 1

CONVERSION_COLUMNS = (
    events.c.id,
    events.c.occurred_at,
    events.c.household,
    events.c.advertiser_id,
    events.c.type,
    events.c.order_id,
    events.c.promo_code,
    events.c.value_minor,
    events.c.currency,
)
"""What `built_paths` reads of a conversion."""


class PathRules(msgspec.Struct, frozen=True):
    """A window of 0 means that touches of the kind do not count.

    `impressions` is the type of impressions that counts, `promo_policy` OVERRIDE, FALLBACK or IGNORE.
    """

    impressions: str
    impression_window_seconds: int
    visit_window_seconds: int
    promo_policy: str

    @property
    def impression_window_hours(self) -> int:
        return self.impression_window_seconds // 3_600

    @property
    def visit_window_hours(self) -> int:
        return self.visit_window_seconds // 3_600

    @property
    def windows(self) -> dict[str, timedelta]:
        """How long a touch counts, by its type; without the types that do not."""
        seconds = {self.impressions: self.impression_window_seconds, "VISIT": self.visit_window_seconds}
        return {kind: timedelta(seconds=window) for kind, window in seconds.items() if window > 0}

    @property
    def longest_window(self) -> timedelta:
        return max(self.windows.values(), default=timedelta(0))


def built_paths(conversions: CTE, tenant_id: TenantId, rules: PathRules, campaign_id: CampaignId | None) -> Select[Any]:
    """One row for each conversion: its id, time, value, currency, evidence, and its path as three arrays.

    `conversions` has the columns of CONVERSION_COLUMNS. With a campaign, only its placements count.
    """
    touches = _touches(conversions, tenant_id, rules, campaign_id)
    own = (conversions.c.id, conversions.c.occurred_at, conversions.c.value_minor, conversions.c.currency)
    path = (touches.c.placement_ids, touches.c.touch_ids, touches.c.touched_at)
    evidence = case((func.cardinality(touches.c.touch_ids) > 0, "TOUCHES"), else_="NONE")
    joined = conversions.join(touches, true())
    if rules.promo_policy == "IGNORE":
        return select(*own, evidence.label("evidence"), *path).select_from(joined)
    promo = _promo_placement(conversions, touches, tenant_id, rules.promo_policy, campaign_id)
    proven = promo.c.id.is_not(None)
    instead = (array([promo.c.id]), array([literal(0, BigInteger)]), array([conversions.c.occurred_at]))
    return select(
        *own,
        case((proven, "PROMO_CODE"), else_=evidence).label("evidence"),
        *(case((proven, one), else_=touched).label(touched.name) for one, touched in zip(instead, path, strict=True)),
    ).select_from(joined.outerjoin(promo, true()))


def eligible_kind(touch: FromClause, rules: PathRules, at: ColumnElement[datetime]) -> ColumnElement[bool]:
    """The touch is of a kind that counts, and within its kind's window before `at` (the boundary included)."""
    kinds = [
        and_(touch.c.type == kind, touch.c.occurred_at >= at - _interval(window))
        for kind, window in rules.windows.items()
    ]
    return and_(touch.c.occurred_at <= at, or_(false(), *kinds))


def placed(touch: FromClause, tenant_id: TenantId, campaign_id: CampaignId | None) -> ColumnElement[bool]:
    """The touch has a placement, and one of the campaign if there is one."""
    if campaign_id is None:
        return touch.c.placement_id.is_not(None)
    of_campaign = select(placements.c.id).where(
        placements.c.tenant_id == tenant_id, placements.c.campaign_id == campaign_id
    )
    return touch.c.placement_id.in_(of_campaign)


def household_events(
    conversions: FromClause, tenant_id: TenantId, since: ColumnElement[datetime], until: ColumnElement[datetime]
) -> Subquery:
    """What a conversion's household did from `since` to `until`, latest first; for a lateral join to conversions.

    Of all advertisers and types: a fence (OFFSET 0) keeps further conditions out, so that none makes another index
    look as good as the household's. For events that have just come in there are no statistics, and then any two
    conditions look alike; for the same reason the upper bound is a comparison of rows, which makes no pair with the
    lower one.
    """
    return (
        select(events.c.id, events.c.occurred_at, events.c.type, events.c.advertiser_id, events.c.placement_id)
        .where(
            events.c.tenant_id == tenant_id,
            events.c.household == conversions.c.household,
            events.c.occurred_at >= since,
            tuple_(events.c.occurred_at, events.c.id) <= tuple_(until, literal(_LARGEST_ID, BigInteger)),
        )
        .order_by(events.c.occurred_at.desc(), events.c.id.desc())
        .correlate(conversions)
        .offset(0)
        .subquery("touch")
    )


def _touches(conversions: CTE, tenant_id: TenantId, rules: PathRules, campaign_id: CampaignId | None) -> FromClause:
    touch = household_events(
        conversions, tenant_id, conversions.c.occurred_at - _interval(rules.longest_window), conversions.c.occurred_at
    )
    latest = (
        select(touch.c.placement_id, touch.c.id, touch.c.occurred_at)
        .where(
            eligible_kind(touch, rules, conversions.c.occurred_at),
            touch.c.advertiser_id == conversions.c.advertiser_id,
            placed(touch, tenant_id, campaign_id),
        )
        .order_by(touch.c.occurred_at.desc(), touch.c.id.desc())
        .limit(LONGEST_PATH)
        .correlate(conversions)
        .subquery("latest")
    )

    def path(column: ColumnElement[Any], empty: ARRAY[Any]) -> ColumnElement[Any]:
        oldest_first = func.array_agg(column).aggregate_order_by(latest.c.occurred_at, latest.c.id)
        return func.coalesce(oldest_first, cast(array([], type_=empty.item_type), empty)).label(column.key)

    return (
        select(
            path(latest.c.placement_id, ARRAY(BigInteger)).label("placement_ids"),
            path(latest.c.id, ARRAY(BigInteger)).label("touch_ids"),
            path(latest.c.occurred_at, ARRAY(DateTime(timezone=True))).label("touched_at"),
        )
        .correlate(conversions)
        .lateral("path")
    )


def _promo_placement(
    conversions: CTE, touches: FromClause, tenant_id: TenantId, policy: str, campaign_id: CampaignId | None
) -> FromClause:
    """The placement that the promo codes of the conversion's order prove; no row where none does.

    Of several, the one touched last in the path; of those untouched, the one made last before the conversion, and if
    all were made after it (their past was imported), the one made first.
    """
    report = events.alias("report")
    reported = select(report.c.promo_code).where(
        report.c.tenant_id == tenant_id,
        report.c.advertiser_id == conversions.c.advertiser_id,
        report.c.order_id == conversions.c.order_id,
        report.c.type == conversions.c.type,
        ~report.c.counted,
        report.c.promo_code.is_not(None),
    )
    own = select(conversions.c.promo_code)
    codes = union_all(own.correlate(conversions), reported.correlate(conversions)).subquery("code")
    before = placements.c.created_at <= conversions.c.occurred_at
    order: list[Any] = [
        before.desc(),
        case((before, placements.c.created_at)).desc(),
        placements.c.created_at,
        case((before, -placements.c.id), else_=placements.c.id),
    ]
    conditions = [
        placements.c.tenant_id == tenant_id,
        placements.c.promo_code.in_(select(codes.c.promo_code).correlate(conversions)),
        campaigns.c.advertiser_id == conversions.c.advertiser_id,
    ]
    if campaign_id is not None:
        conditions.append(placements.c.campaign_id == campaign_id)
    if policy == "FALLBACK":
        conditions.append(func.cardinality(touches.c.touch_ids) == 0)
    else:
        path = func.unnest(touches.c.placement_ids).table_valued("id", with_ordinality="position", name="step")
        step = path.render_derived()
        last = select(func.max(step.c.position)).where(step.c.id == placements.c.id).correlate(placements, touches)
        order.insert(0, last.scalar_subquery().desc().nulls_last())
    campaign = and_(campaigns.c.tenant_id == placements.c.tenant_id, campaigns.c.id == placements.c.campaign_id)
    return (
        select(placements.c.id)
        .select_from(placements.join(campaigns, campaign))
        .where(*conditions)
        .order_by(*order)
        .limit(1)
        .correlate(conversions, touches)
        .lateral("promo")
    )


def _interval(length: timedelta) -> ColumnElement[timedelta]:
    return bindparam(None, length, type_=Interval())
