"""The same credit to every touch."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

import numpy as np

from resolvers.attribution.exact import rounded, shares
from resolvers.attribution.model import Parameters
from resolvers.attribution.paths import PathCounts, Touch, TouchShare
from resolvers.attribution.sharing import SharingModel, Split, evenly, owners


class Linear(SharingModel):
    kind = "LINEAR"
    description = "Every touch earns the same; a placement that was heard twice earns twice."

    def split(self, paths: PathCounts, parameters: Parameters) -> Split:
        lengths = np.diff(paths.offsets)
        return evenly(paths.nodes, owners(paths), np.repeat(lengths, lengths))

    def explain(
        self, path: Sequence[Touch], weights: Mapping[int, Decimal] | None, parameters: Parameters
    ) -> list[TouchShare]:
        count = len(path)
        arithmetic = f"1 ÷ {count} touches" if count > 1 else "1: the only touch"
        return [TouchShare(rounded(1), share, arithmetic) for share in shares([1.0] * count)]


MODEL = Linear()
