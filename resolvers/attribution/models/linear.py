"""The same credit to every touch."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

import numpy as np

from resolvers.attribution.exact import UNIT, evenly_allocated, rounded
from resolvers.attribution.model import Parameters
from resolvers.attribution.paths import PathCounts, Reason, SinglePath, Touch
from resolvers.attribution.sharing import SharingModel, Split, evenly, owners


class Linear(SharingModel):
    kind = "LINEAR"
    description = "Every touch earns the same; a placement that was heard twice earns twice."

    def split(self, paths: PathCounts, parameters: Parameters) -> Split:
        lengths = np.diff(paths.offsets)
        return evenly(paths.nodes, owners(paths), np.repeat(lengths, lengths))

    def divided(
        self, paths: Sequence[SinglePath], weights: Mapping[int, Decimal] | None, parameters: Parameters
    ) -> list[list[int]]:
        return [evenly_allocated(UNIT, len(path.nodes)) if path.nodes else [] for path in paths]

    def reasons(
        self, path: Sequence[Touch], weights: Mapping[int, Decimal] | None, parameters: Parameters
    ) -> list[Reason]:
        count = len(path)
        arithmetic = f"1 ÷ {count} touches" if count > 1 else "1: the only touch"
        return [Reason(rounded(1), arithmetic)] * count


MODEL = Linear()
