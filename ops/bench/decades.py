"""Costs by their order of magnitude, so that a measurement has as many large queries as small ones."""

import math
from collections import Counter
from typing import Final

_LARGEST: Final = 10_000
"""Whatever costs more is in one decade."""
_DECADES: Final = 5


def decade(cost: float) -> int:
    """The power of ten that a cost reaches, from 1 to 10,000; what is below or above counts as that."""
    return int(10 ** math.floor(math.log10(min(max(cost, 1.0), _LARGEST)) + 1e-9))


class Spread:
    """Takes about as many costs of each decade as of any other, `wanted` in all."""

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted
        self._share = math.ceil(wanted / _DECADES)
        self._taken: Counter[int] = Counter()

    @property
    def full(self) -> bool:
        """Whether all are taken that were wanted."""
        return self._taken.total() >= self._wanted

    def takes(self, cost: float) -> bool:
        """Whether one more of this cost is wanted; it then counts as taken."""
        place = decade(cost)
        if self.full or self._taken[place] >= self._share:
            return False
        self._taken[place] += 1
        return True
