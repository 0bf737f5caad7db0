"""Shapley values in the form that needs one pass over the paths."""

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

import numpy as np

from resolvers.attribution.exact import rounded
from resolvers.attribution.model import Parameters
from resolvers.attribution.paths import PathCounts, Reason, SinglePath, Touch
from resolvers.attribution.sharing import SharingModel, Split, divided_by_node, evenly, owners


class Shapley(SharingModel):
    """Zhao, Mahboobi and Bagheri 2018, arXiv 1804.05327.

    With R(S) the conversions of the paths whose distinct nodes are exactly S, and a coalition worth what it converts
    on its own, v(S) = Σ R(T) over T ⊆ S, the Shapley value of node c is Σ R(S) ÷ |S| over the sets S that contain c.
    """

    kind = "SHAPLEY"
    description = "The distinct placements of a path earn the same each: their Shapley values over all paths."

    def split(self, paths: PathCounts, parameters: Parameters) -> Split:
        keys = np.sort(owners(paths) * np.int64(paths.node_count) + paths.nodes)
        distinct = keys[np.append(True, keys[1:] != keys[:-1])]
        path_of, nodes = np.divmod(distinct, np.int64(paths.node_count))
        sizes = np.bincount(path_of, minlength=len(paths.conversions))
        return evenly(nodes, path_of, sizes[path_of])

    def divided(
        self, paths: Sequence[SinglePath], weights: Mapping[int, Decimal] | None, parameters: Parameters
    ) -> list[list[int]]:
        return [divided_by_node(path.nodes, dict.fromkeys(path.nodes, 1)) for path in paths]

    def reasons(
        self, path: Sequence[Touch], weights: Mapping[int, Decimal] | None, parameters: Parameters
    ) -> list[Reason]:
        touches = Counter(touch.node for touch in path)
        return [
            Reason(
                rounded(Fraction(1, len(touches) * touches[touch.node])),
                _arithmetic(len(touches), touches[touch.node]),
            )
            for touch in path
        ]


def _arithmetic(placements: int, repeats: int) -> str:
    share = f"1 ÷ {placements} placements on this path" if placements > 1 else "1: the only placement"
    return f"{share}, ÷ {repeats} touches of this one" if repeats > 1 else share


MODEL = Shapley()
