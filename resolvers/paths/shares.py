"""What the touches of one path earn of its conversion."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Context, Decimal
from itertools import chain, islice
from typing import Final, Protocol, TypeVar

import msgspec

from persistence.ids import PlacementId
from persistence.repositories.path_rules import LONGEST_PATH
from resolvers.attribution.exact import UNIT, decimal, decimal_text
from resolvers.attribution.paths import SinglePath, Touch, TouchShare
from resolvers.attribution.registry import ChosenModel
from resolvers.pages import size_of
from resolvers.paths.turns import in_parts, in_turns

N = TypeVar("N", int, Decimal)

PROMO_CODE: Final = "PROMO_CODE"
"""The evidence of a path that a promo code proves: one placement, which earns all of it."""

DEFAULT_SHARES: Final = 100
"""Placements of a conversion whose shares are told if nobody says how many; there are at most LONGEST_PATH."""

_TOUCHES_AT_ONCE: Final = 1_000
"""Divided without letting others go on: a millisecond's work, or some ten for a model of ages."""

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


class PlacementShare(msgspec.Struct, frozen=True, gc=False):
    """What one placement of a path earned."""

    placement_id: PlacementId
    units: int
    """Of the conversion, in 10^-12; those of a path sum to exactly 10^12."""
    share: str
    """The same from 0 to 1, as the text of a decimal number."""
    path: KnownPath

    @property
    def value(self) -> Decimal | None:
        """Of the conversion's value, in minor units, exactly; None if it has none."""
        return None if self.path.value_minor is None else decimal(self.units * self.path.value_minor)

    @property
    def currency(self) -> str | None:
        return self.path.currency


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
    if path.evidence == PROMO_CODE:
        return [_PROVEN]
    if not path.placement_ids:
        return []
    touches = [
        Touch(node=placement_id, age_seconds=age_seconds(touched_at, path.occurred_at))
        for placement_id, touched_at in zip(path.placement_ids, path.touched_at, strict=True)
    ]
    return model.explain(touches, _of_nodes(weights))


async def shares_of_placements(
    paths: Sequence[KnownPath],
    model: ChosenModel,
    weights: Mapping[PlacementId, Decimal] | None,
    most: int = LONGEST_PATH,
) -> list[list[PlacementShare]]:
    """What the first placements of each path earned, in the order in which the path meets them; at most so many.

    `weights` as for `touch_shares`, which says of a touch what is added up here. Needs `touched_at` only for a model
    that needs ages.
    """
    parts = in_parts(paths, lambda path: len(path.placement_ids), _TOUCHES_AT_ONCE)
    return [*chain.from_iterable(await in_turns(_of_placements(part, model, weights, most) for part in parts))]


def shares_asked(first: int | None) -> int:
    """Of how many placements of a conversion shares are told. Raises InvalidInput (INVALID_PAGE_SIZE)."""
    return size_of(first, "first", DEFAULT_SHARES, LONGEST_PATH)


def by_placement(placement_ids: Sequence[PlacementId], shares: Sequence[N]) -> dict[PlacementId, N]:
    """The touches' shares added up for each placement, in the order in which the path first meets them."""
    earned = dict(zip(placement_ids, shares, strict=True))
    if len(earned) < len(shares):
        earned = {}
        for placement_id, share in zip(placement_ids, shares, strict=True):
            earned[placement_id] = earned[placement_id] + share if placement_id in earned else share
    return earned


def _of_placements(
    paths: Sequence[KnownPath], model: ChosenModel, weights: Mapping[PlacementId, Decimal] | None, most: int
) -> list[list[PlacementShare]]:
    needs_ages = model.model.needs_ages
    units = model.divided([_single(path, ages=needs_ages) for path in paths], _of_nodes(weights))
    texts = _Texts()
    found = []
    for path, own in zip(paths, units, strict=True):
        earned = by_placement(path.placement_ids, [UNIT] if path.evidence == PROMO_CODE else own)
        told = earned.items() if len(earned) <= most else islice(earned.items(), most)
        found.append([PlacementShare(placement_id, share, texts[share], path) for placement_id, share in told])
    return found


class _Texts(dict[int, str]):
    """The text of so many 10^-12, of which a page has few different ones."""

    def __missing__(self, units: int) -> str:
        text = self[units] = decimal_text(units)
        return text


def _of_nodes(weights: Mapping[PlacementId, Decimal] | None) -> Mapping[int, Decimal] | None:
    """Placements are nodes by their ids."""
    return None if weights is None else dict[int, Decimal](weights.items())


def _single(path: KnownPath, *, ages: bool) -> SinglePath:
    if not ages:
        return SinglePath(path.placement_ids)
    return SinglePath(path.placement_ids, [age_seconds(touched_at, path.occurred_at) for touched_at in path.touched_at])


def share_of_value(share: Decimal, path: KnownPath) -> Decimal | None:
    """In minor units, exactly: a share has 12 decimals, and so has this."""
    return None if path.value_minor is None else _EXACT.multiply(share, Decimal(path.value_minor))
