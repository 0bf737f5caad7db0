"""Why a conversion counts for whom: every touch of its household, eligible or not, its share and the arithmetic."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from persistence.ids import EventId, PlacementId
from persistence.records import EventRecord
from persistence.repositories.conversion_paths import ConversionPath, HouseholdTouch, HouseholdTouches
from persistence.repositories.path_rules import LONGEST_PATH, PathRules
from resolvers import ids
from resolvers.attribution.paths import TouchShare
from resolvers.attribution.registry import ChosenModel
from resolvers.paths.eligibility import Ineligible, ineligible
from resolvers.paths.rules import PromoPolicy
from resolvers.paths.shares import PROMO_CODE, age_seconds, by_placement, share_of_value, touch_shares

_EARNERS = 3
"""Placements that a summary names."""


class ExplainedTouch(msgspec.Struct, frozen=True):
    """A touch, or a promo code that stands for one (its id is 0)."""

    id: EventId
    placement_id: PlacementId | None
    occurred_at: datetime
    age_seconds: int
    reason: Ineligible | None
    """Why it earns nothing; None if it is part of the path."""
    weight: Decimal | None
    share: Decimal
    value: Decimal | None
    currency: str | None
    arithmetic: str | None


class Explanation(msgspec.Struct, frozen=True):
    """`conversion` is the one that is counted, which may be another report of the order than the one asked about."""

    conversion: EventRecord
    model: ChosenModel
    rules: PathRules
    evidence: str
    summary: str
    touches: tuple[ExplainedTouch, ...]
    touches_omitted: int


def explained(
    asked: EventRecord,
    conversion: EventRecord,
    path: ConversionPath,
    household: HouseholdTouches,
    model: ChosenModel,
    rules: PathRules,
    weights: Mapping[PlacementId, Decimal] | None,
) -> Explanation:
    """`path` may be an older one than the household's touches: frozen by a run."""
    shares = touch_shares(path, model, weights)
    told = [*_path_touches(path, shares), *_other_touches(path, household.touches, rules)]
    told.sort(key=lambda touch: (touch.occurred_at, touch.id))
    return Explanation(
        conversion=conversion,
        model=model,
        rules=rules,
        evidence=path.evidence,
        summary=_summary(asked, conversion, path, shares, len(told), model),
        touches=tuple(told),
        touches_omitted=household.omitted,
    )


def _path_touches(path: ConversionPath, shares: Sequence[TouchShare]) -> list[ExplainedTouch]:
    return [
        ExplainedTouch(
            id=touch_id,
            placement_id=placement_id,
            occurred_at=touched_at,
            age_seconds=age_seconds(touched_at, path.occurred_at),
            reason=None,
            weight=share.weight,
            share=share.share,
            value=share_of_value(share.share, path),
            currency=path.currency,
            arithmetic=share.arithmetic,
        )
        for touch_id, placement_id, touched_at, share in zip(
            path.touch_ids, path.placement_ids, path.touched_at, shares, strict=True
        )
    ]


def _other_touches(path: ConversionPath, touches: Sequence[HouseholdTouch], rules: PathRules) -> list[ExplainedTouch]:
    on_path = set(path.touch_ids)
    return [
        ExplainedTouch(
            id=touch.id,
            placement_id=touch.placement_id,
            occurred_at=touch.occurred_at,
            age_seconds=age_seconds(touch.occurred_at, path.occurred_at),
            reason=ineligible(touch, path.occurred_at, rules) or _left_out(path, touch, rules),
            weight=None,
            share=Decimal(0),
            value=None if path.value_minor is None else Decimal(0),
            currency=path.currency,
            arithmetic=None,
        )
        for touch in touches
        if touch.id not in on_path
    ]


def _left_out(path: ConversionPath, touch: HouseholdTouch, rules: PathRules) -> Ineligible:
    """Why an eligible touch is not part of the path."""
    if path.evidence == PROMO_CODE and rules.promo_policy == PromoPolicy.OVERRIDE:
        return Ineligible.OVERRIDDEN_BY_PROMO_CODE
    full = len(path.touch_ids) == LONGEST_PATH
    if full and (touch.occurred_at, touch.id) < (path.touched_at[0], path.touch_ids[0]):
        return Ineligible.BEYOND_LONGEST_PATH
    return Ineligible.RECEIVED_LATER


def _summary(
    asked: EventRecord,
    conversion: EventRecord,
    path: ConversionPath,
    shares: Sequence[TouchShare],
    told: int,
    model: ChosenModel,
) -> str:
    if path.evidence == "NONE":
        why = "No touch is eligible and no promo code proves a placement: nobody earns it."
    elif path.evidence == PROMO_CODE:
        why = f"A promo code of the order proves {_placement(path.placement_ids[0])}, which earns all of it."
    else:
        counted = f"{len(shares)} of {told} touches" if told > 1 else "The only touch"
        verb = "count" if len(shares) > 1 else "counts"
        why = f"{counted} {verb}; by {model.kind}, {_earners(path, shares)}."
    if asked.id == conversion.id:
        return why
    return f"A further report of the order that {ids.typed_id(ids.CONVERSION, conversion.id)} counts. {why}"


def _earners(path: ConversionPath, shares: Sequence[TouchShare]) -> str:
    """The placements that earn most, with their shares in four digits."""
    earned = by_placement(path.placement_ids, [share.share for share in shares])
    most = sorted(earned.items(), key=lambda each: -each[1])
    told = [f"{_placement(placement_id)} earns {float(share):.4g}" for placement_id, share in most[:_EARNERS]]
    others = len(most) - len(told)
    return ", ".join([*told, f"the rest goes to {others} more"] if others else told)


def _placement(placement_id: PlacementId) -> str:
    return ids.typed_id(ids.PLACEMENT, placement_id)
