"""What the touches of one path earn of its conversion."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Context, Decimal
from typing import Final, Protocol

import msgspec

from persistence.ids import PlacementId
from resolvers.attribution.paths import Touch, TouchShare
from resolvers.attribution.registry import ChosenModel

_SECOND = timedelta(seconds=1)
_EXACT: Final = Context(prec=60)
"""More digits than a share of the largest value has."""

_PROVEN = TouchShare(
    weight=Decimal(1), share=Decimal(1), arithmetic="1: a promo code of the order proves the placement"
)


class KnownPath(Protocol):
    """A conversion with its path: a ConversionPath, or a FrozenConversionRecord."""

    @property
    def occurred_at(self) -> datetime: ...
    @property
    def value_minor(self) -> int | None: ...
    @property
    def currency(self) -> str | None: ...
    @property
    def evidence(self) -> str: ...
    @property
    def placement_ids(self) -> Sequence[PlacementId]: ...
    @property
    def touched_at(self) -> Sequence[datetime]: ...


class PlacementShare(msgspec.Struct, frozen=True):
    """What one placement of a path earned."""

    placement_id: PlacementId
    share: Decimal
    """Of the conversion, 0 to 1; 12 decimals. Those of a path sum to exactly 1."""
    value: Decimal | None
    """Of the conversion's value, in minor units, exactly; None if it has none."""
    currency: str | None


def age_seconds(touched_at: datetime, converted_at: datetime) -> int:
    """Whole seconds from the touch to the conversion, rounded down; negative for a touch after it."""
    return (converted_at - touched_at) // _SECOND


def touch_shares(
    path: KnownPath, model: ChosenModel, weights: Mapping[PlacementId, Decimal] | None
) -> list[TouchShare]:
    """What each touch earned, oldest first; nothing for an empty path.

    `weights` are what a run's model knows of the placements, where it knows something. What a promo code proves is
    the same by every model.
    """
    if path.evidence == "PROMO_CODE":
        return [_PROVEN]
    if not path.placement_ids:
        return []
    nodes = {placement_id: node for node, placement_id in enumerate(sorted(set(path.placement_ids)))}
    touches = [
        Touch(node=nodes[placement_id], age_seconds=age_seconds(touched_at, path.occurred_at))
        for placement_id, touched_at in zip(path.placement_ids, path.touched_at, strict=True)
    ]
    known = None if weights is None else {nodes[one]: weight for one, weight in weights.items() if one in nodes}
    return model.explain(touches, known)


def placement_shares(path: KnownPath, shares: Sequence[TouchShare]) -> list[PlacementShare]:
    """The touches' shares added up for each placement, in the order in which the path first meets them."""
    earned: dict[PlacementId, Decimal] = {}
    for placement_id, share in zip(path.placement_ids, shares, strict=True):
        earned[placement_id] = earned.get(placement_id, Decimal(0)) + share.share
    return [
        PlacementShare(placement_id, share, share_of_value(share, path), path.currency)
        for placement_id, share in earned.items()
    ]


def share_of_value(share: Decimal, path: KnownPath) -> Decimal | None:
    """In minor units, exactly: a share has 12 decimals, and so has this."""
    return None if path.value_minor is None else _EXACT.multiply(share, Decimal(path.value_minor))
