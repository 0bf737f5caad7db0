"""All credit to the touch just before the conversion."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

import numpy as np

from resolvers.attribution.exact import rounded
from resolvers.attribution.model import Parameters
from resolvers.attribution.paths import PathCounts, Touch, TouchShare
from resolvers.attribution.sharing import SharingModel, Split


class LastTouch(SharingModel):
    kind = "LAST_TOUCH"
    description = "The last touch earns the whole conversion."

    def split(self, paths: PathCounts, parameters: Parameters) -> Split:
        every = np.arange(len(paths.conversions), dtype=np.int64)
        return Split(paths.nodes[paths.offsets[1:] - 1], every, np.zeros_like(every), [Fraction(1)])

    def explain(
        self, path: Sequence[Touch], weights: Mapping[int, Decimal] | None, parameters: Parameters
    ) -> list[TouchShare]:
        return [
            TouchShare(rounded(1), rounded(1), "1 for the last touch")
            if place == len(path) - 1
            else TouchShare(rounded(0), rounded(0), f"0 for touch {place + 1}: the last takes all")
            for place in range(len(path))
        ]


MODEL = LastTouch()
