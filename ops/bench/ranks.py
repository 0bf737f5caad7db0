"""Spearman's rank correlation."""

from collections.abc import Sequence
from typing import Final

import numpy as np

_FEWEST: Final = 3


def spearman(one: Sequence[float], other: Sequence[float]) -> float:
    """Spearman's rho: Pearson's correlation of the ranks, equal values sharing the mean of theirs; from -1 to 1.

    NaN for fewer than three pairs, or where one side has the same value throughout: then there is nothing to order.
    """
    if len(one) < _FEWEST:
        return float("nan")
    first, second = (_ranks(np.asarray(values, dtype=float)) for values in (one, other))
    first -= first.mean()
    second -= second.mean()
    size = float(np.sqrt((first @ first) * (second @ second)))
    return float(first @ second) / size if size else float("nan")


def _ranks(values: "np.typing.NDArray[np.float64]") -> "np.typing.NDArray[np.float64]":
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    means: np.typing.NDArray[np.float64] = ends - (counts - 1) / 2
    return means[places]
