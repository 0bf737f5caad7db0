"""What promo codes say about a conversion, beside its touches, and whether both agree."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from persistence.ids import PlacementId
from persistence.repositories.conversion_paths import ConversionPath, PromoMatch
from resolvers import ids
from resolvers.paths.rules import PromoPolicy


class PromoOutcome(msgspec.Struct, frozen=True):
    """What a policy makes of a conversion; the placement is the one that a code proves, if this decides."""

    policy: PromoPolicy
    evidence: str
    placement_id: PlacementId | None


class PromoFinding(msgspec.Struct, frozen=True):
    """`agrees` is None where codes prove nothing, or nothing was touched."""

    codes: tuple[str, ...]
    matches: tuple[PlacementId, ...]
    proven: PlacementId | None
    last_touched: PlacementId | None
    agrees: bool | None
    outcomes: tuple[PromoOutcome, ...]
    summary: str

    @property
    def matching_count(self) -> int:
        return len(self.matches)


def found(codes: Sequence[str], matches: Sequence[PromoMatch], touched: ConversionPath) -> PromoFinding:
    """What the codes of an order mean; `touched` is the path without them (IGNORE), `matches` the codes' placements."""
    proven = proven_placement(matches, touched.placement_ids, touched.occurred_at)
    last = touched.placement_ids[-1] if touched.placement_ids else None
    matching = {match.placement_id for match in matches}
    agrees = None if proven is None or last is None else last in matching
    return PromoFinding(
        codes=tuple(codes),
        matches=tuple(match.placement_id for match in matches),
        proven=proven,
        last_touched=last,
        agrees=agrees,
        outcomes=tuple(_outcome(policy, proven, last) for policy in PromoPolicy),
        summary=_summary(codes, proven, last, agrees),
    )


def proven_placement(
    matches: Sequence[PromoMatch], path: Sequence[PlacementId], converted_at: datetime
) -> PlacementId | None:
    """The one touched last; of untouched ones the one made last before the conversion; else the one made first.

    The same decision as in `persistence/repositories/path_rules.py`.
    """
    places = {placement_id: place for place, placement_id in enumerate(path)}
    touched = [match for match in matches if match.placement_id in places]
    if touched:
        return max(touched, key=lambda match: places[match.placement_id]).placement_id
    before = [match for match in matches if match.created_at <= converted_at]
    if before:
        return max(before, key=_made).placement_id
    return min(matches, key=_made).placement_id if matches else None


def _made(match: PromoMatch) -> tuple[datetime, int]:
    return match.created_at, match.placement_id


def _outcome(policy: PromoPolicy, proven: PlacementId | None, last: PlacementId | None) -> PromoOutcome:
    decides = policy is PromoPolicy.OVERRIDE or (policy is PromoPolicy.FALLBACK and last is None)
    if proven is not None and decides:
        return PromoOutcome(policy, "PROMO_CODE", proven)
    return PromoOutcome(policy, "NONE" if last is None else "TOUCHES", None)


def _summary(codes: Sequence[str], proven: PlacementId | None, last: PlacementId | None, agrees: bool | None) -> str:
    said = f"Promo code {codes[0]}" if len(codes) == 1 else f"Promo codes {', '.join(codes)}"
    verb = "belongs" if len(codes) == 1 else "belong"
    if proven is None:
        return f"{said} {verb} to no placement of the advertiser."
    placement = ids.typed_id(ids.PLACEMENT, proven)
    if last is None:
        return f"{said} {verb} to {placement}; nothing was touched."
    if agrees:
        return f"{said} {verb} to {placement}, and so says the last touch."
    return f"{said} {verb} to {placement}, but the last touch is of {ids.typed_id(ids.PLACEMENT, last)}."
