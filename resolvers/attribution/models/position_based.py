"""Fixed shares to the first and the last touch, the rest to those between."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

import numpy as np

from resolvers.attribution.exact import UNIT, allocated, proportional, rounded
from resolvers.attribution.model import Parameters, ParameterSpec
from resolvers.attribution.paths import PathCounts, Reason, SinglePath, Touch
from resolvers.attribution.sharing import SharingModel, Split, by_size, owners

_PAIR = 2


class PositionBased(SharingModel):
    """A path of one touch gives it all; one of two divides in the proportion of the first and the last share."""

    kind = "POSITION_BASED"
    description = "The first and the last touch earn fixed shares, those between divide the rest evenly."
    parameters = (
        ParameterSpec("firstShare", "Share of the first touch, 0 to 1.", "0.4", Decimal(0), Decimal(1)),
        ParameterSpec("lastShare", "Share of the last touch, 0 to 1.", "0.4", Decimal(0), Decimal(1)),
    )

    def contradiction(self, parameters: Parameters) -> tuple[str, str] | None:
        if sum(parameters.numbers.values()) > 1:
            return "lastShare", "firstShare and lastShare must sum to 1 or less: the rest goes to the touches between."
        return None

    def split(self, paths: PathCounts, parameters: Parameters) -> Split:
        lengths = np.diff(paths.offsets)
        occurring, of_path = by_size(lengths)
        classes = np.repeat(of_path * 3 + 1, lengths)
        classes[paths.offsets[1:] - 1] += 1
        classes[paths.offsets[:-1]] = of_path * 3  # also of a path of one touch, which is first and last
        fractions = [share for length in occurring for share in _shares(length, parameters)]
        return Split(paths.nodes, owners(paths), classes, fractions)

    def divided(
        self, paths: Sequence[SinglePath], weights: Mapping[int, Decimal] | None, parameters: Parameters
    ) -> list[list[int]]:
        of_count = {
            count: allocated(UNIT, proportional(_earned(count, parameters))) if count else []
            for count in {len(path.nodes) for path in paths}
        }
        return [of_count[len(path.nodes)] for path in paths]

    def reasons(
        self, path: Sequence[Touch], weights: Mapping[int, Decimal] | None, parameters: Parameters
    ) -> list[Reason]:
        count = len(path)
        return [
            Reason(rounded(amount), _arithmetic(place, count, parameters))
            for place, amount in enumerate(_earned(count, parameters))
        ]


def _shares(count: int, parameters: Parameters) -> tuple[Fraction, Fraction, Fraction]:
    """What the first touch, each one between and the last one of `count` touches earn."""
    first, last = Fraction(parameters.numbers["firstShare"]), Fraction(parameters.numbers["lastShare"])
    if count <= 1:
        return Fraction(1), Fraction(0), Fraction(0)
    if count == _PAIR:
        part = first / (first + last) if first + last else Fraction(1, 2)
        return part, Fraction(0), 1 - part
    return first, (1 - first - last) / (count - _PAIR), last


def _earned(count: int, parameters: Parameters) -> list[Fraction]:
    """What each of `count` touches earns."""
    first, middle, last = _shares(count, parameters)
    return [first, *[middle] * (count - _PAIR), last][:count]


def _arithmetic(place: int, count: int, parameters: Parameters) -> str:
    first, last = parameters.numbers["firstShare"], parameters.numbers["lastShare"]
    if count == 1:
        return "1: the only touch"
    own, name = (first, "first") if place == 0 else (last, "last")
    if count == _PAIR:
        proportion = f"{own:f} ÷ ({first:f} + {last:f})" if first + last else "1 ÷ 2"
        return f"{proportion} for the {name} of 2 touches"
    if 0 < place < count - 1:
        return f"(1 − {first:f} − {last:f}) ÷ {count - _PAIR} for touch {place + 1} of {count} touches"
    return f"{own:f} for the {name} of {count} touches"


MODEL = PositionBased()
