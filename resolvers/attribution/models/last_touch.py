"""All credit to the touch just before the conversion."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

import numpy as np

from resolvers.attribution.exact import UNIT, rounded
from resolvers.attribution.model import Parameters
from resolvers.attribution.paths import PathCounts, Reason, SinglePath, Touch
from resolvers.attribution.sharing import SharingModel, Split


class LastTouch(SharingModel):
    kind = "LAST_TOUCH"
    description = "The last touch earns the whole conversion."

    def split(self, paths: PathCounts, parameters: Parameters) -> Split:
        every = np.arange(len(paths.conversions), dtype=np.int64)
        return Split(paths.nodes[paths.offsets[1:] - 1], every, np.zeros_like(every), [Fraction(1)])

    def divided(
        self, paths: Sequence[SinglePath], weights: Mapping[int, Decimal] | None, parameters: Parameters
    ) -> list[list[int]]:
        return [[*[0] * (len(path.nodes) - 1), UNIT] if path.nodes else [] for path in paths]

    def reasons(
        self, path: Sequence[Touch], weights: Mapping[int, Decimal] | None, parameters: Parameters
    ) -> list[Reason]:
        return [
            Reason(rounded(1), "1 for the last touch")
            if place == len(path) - 1
            else Reason(rounded(0), f"0 for touch {place + 1}: the last takes all")
            for place in range(len(path))
        ]


MODEL = LastTouch()
