"""Paths computed a second time, plainly and slowly, to compare with."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from persistence.ids import CampaignId, EventId, PlacementId
from persistence.records import EventRecord
from persistence.repositories.conversion_paths import ConversionPath
from persistence.repositories.path_freeze import PathScope

CONVERSIONS = {"PURCHASE", "LEAD", "SIGNUP", "INSTALL"}


def expected_paths(
    events: Sequence[EventRecord],
    scope: PathScope,
    campaigns: Mapping[PlacementId, CampaignId],
    codes: Mapping[PlacementId, tuple[str, datetime]],
) -> dict[int, ConversionPath]:
    """The scope's conversions by id; `codes` has the advertiser's placements that have one, and when they were made."""
    found: dict[int, ConversionPath] = {}
    for conversion in events:
        if not (
            conversion.type in CONVERSIONS and conversion.counted and conversion.advertiser_id == scope.advertiser_id
        ):
            continue
        if not scope.starts_at <= conversion.occurred_at < scope.ends_at:
            continue
        touches = [touch for touch in events if _leads(touch, conversion, scope, campaigns)]
        touches.sort(key=lambda touch: (touch.occurred_at, touch.id))
        proven = _proven(events, conversion, touches, scope, campaigns, codes)
        policy = scope.rules.promo_policy
        if proven is not None and (policy == "OVERRIDE" or (policy == "FALLBACK" and not touches)):
            path = ("PROMO_CODE", [proven], [EventId(0)], [conversion.occurred_at])
        else:
            path = (
                "TOUCHES" if touches else "NONE",
                [touch.placement_id or PlacementId(0) for touch in touches],
                [touch.id for touch in touches],
                [touch.occurred_at for touch in touches],
            )
        found[conversion.id] = ConversionPath(
            conversion.id, conversion.occurred_at, conversion.value_minor, conversion.currency, *path
        )
    return found


def expected_nulls(
    events: Sequence[EventRecord], scope: PathScope, campaigns: Mapping[PlacementId, CampaignId]
) -> Counter[tuple[int, ...]]:
    """How many households took each path without converting in the range."""
    inside = [event for event in events if scope.starts_at <= event.occurred_at < scope.ends_at]
    own = [event for event in inside if event.advertiser_id == scope.advertiser_id]
    converted = {event.household for event in own if event.type in CONVERSIONS and event.counted}
    journeys: dict[int, list[EventRecord]] = {}
    for event in own:
        if event.household not in converted and _counts(event, scope, campaigns):
            journeys.setdefault(event.household, []).append(event)
    return Counter(
        tuple(touch.placement_id or 0 for touch in sorted(touches, key=lambda touch: (touch.occurred_at, touch.id)))
        for touches in journeys.values()
    )


def _leads(
    touch: EventRecord, conversion: EventRecord, scope: PathScope, campaigns: Mapping[PlacementId, CampaignId]
) -> bool:
    window = scope.rules.visit_window_seconds if touch.type == "VISIT" else scope.rules.impression_window_seconds
    return (
        _counts(touch, scope, campaigns)
        and touch.household == conversion.household
        and touch.advertiser_id == conversion.advertiser_id
        and timedelta(0) <= conversion.occurred_at - touch.occurred_at <= timedelta(seconds=window)
    )


def _counts(touch: EventRecord, scope: PathScope, campaigns: Mapping[PlacementId, CampaignId]) -> bool:
    windows = {
        scope.rules.impressions: scope.rules.impression_window_seconds,
        "VISIT": scope.rules.visit_window_seconds,
    }
    if touch.placement_id is None or not windows.get(touch.type):
        return False
    return scope.campaign_id is None or campaigns[touch.placement_id] == scope.campaign_id


def _proven(
    events: Sequence[EventRecord],
    conversion: EventRecord,
    touches: Sequence[EventRecord],
    scope: PathScope,
    campaigns: Mapping[PlacementId, CampaignId],
    codes: Mapping[PlacementId, tuple[str, datetime]],
) -> PlacementId | None:
    order = (conversion.advertiser_id, conversion.type, conversion.order_id)
    said = {conversion.promo_code} | {
        event.promo_code
        for event in events
        if event.order_id is not None and (event.advertiser_id, event.type, event.order_id) == order
    }
    matches = [
        placement
        for placement, (code, _) in codes.items()
        if code in said and scope.campaign_id in {None, campaigns[placement]}
    ]
    for touch in reversed(touches):
        if touch.placement_id in matches:
            return touch.placement_id
    before = [match for match in matches if codes[match][1] <= conversion.occurred_at]
    if before:
        return max(before, key=lambda match: codes[match][1])
    return min(matches, key=lambda match: codes[match][1]) if matches else None
