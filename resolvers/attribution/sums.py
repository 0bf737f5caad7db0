"""Sums per group that neither overflow nor round, whatever the amounts."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from resolvers.attribution.paths import Integers

_LIMB: Final = 31
_MASK: Final = (1 << _LIMB) - 1
_AT_ONCE: Final = 1 << 21
"""So many limbs, of less than 2^31 each, sum to less than 2^53: exact in the doubles that bincount adds."""


class Sums:
    """Adds integers up to 2^63-1 per group, in limbs of 31 bits; exact for up to 2^32 amounts."""

    def __init__(self, groups: int) -> None:
        self._groups = groups
        self._limbs: list[Integers] = [np.zeros(groups, np.int64)]

    def add(self, groups: NDArray[Any], amounts: Integers) -> None:
        """Adds amounts[i], of 0 or more, to the group groups[i]."""
        for start in range(0, len(amounts), _AT_ONCE):
            self._add(groups[start : start + _AT_ONCE], amounts[start : start + _AT_ONCE])

    def _add(self, groups: NDArray[Any], amounts: Integers) -> None:
        largest, limb = int(amounts.max()), 0
        while largest >> (_LIMB * limb):
            if limb == len(self._limbs):
                self._limbs.append(np.zeros(self._groups, np.int64))
            digits = (amounts >> (_LIMB * limb)) & _MASK
            self._limbs[limb] += np.bincount(groups, digits, self._groups).astype(np.int64)
            limb += 1

    def totals(self) -> NDArray[Any]:
        """One sum per group: int64 where that is enough, else Python's integers (dtype object)."""
        totals: NDArray[Any] = self._limbs[0]
        for place, limb in enumerate(self._limbs[1:], 1):
            totals = totals.astype(object) + (limb.astype(object) << (_LIMB * place))
        return totals
