"""Weights that explain measured times: a non-negative fit in which queries of every size count alike."""

from typing import Final

import numpy as np

Numbers = np.typing.NDArray[np.float64]

_ROUNDS: Final = 8
_SWEEPS: Final = 2_000
_PRECISION: Final = 1e-9


def fitted(counts: Numbers, seconds: Numbers, known: Numbers, *, pulls: Numbers, rate: float) -> tuple[Numbers, float]:
    """Weights in points of `rate` seconds each, and the seconds that every query takes beside its points.

    `counts` has a row for each query and a column for each coordinate, `known` the weights so far. The model is
    seconds = beside + rate × counts @ weights. Minimised is the sum of (predicted - seconds)² ÷ (predicted × seconds),
    which is about the squared logarithm of their ratio, plus each weight's squared relative change times its pull:
    coordinates that the queries say little of, or that always come together, stay near what they were.
    """
    points = np.append(known, np.min(seconds) / rate)
    columns = np.column_stack([counts, np.ones(len(seconds))]) * rate
    anchor = np.append(known, 0.0)
    predicted = seconds
    for _ in range(_ROUNDS):
        scale = 1 / np.sqrt(seconds * predicted)
        # What every query takes is pulled nowhere.
        pulled = np.append(pulls / np.maximum(np.maximum(points[:-1], known), 1.0) ** 2, 0.0)
        rows = columns * scale[:, None]
        points = _non_negative(rows.T @ rows + np.diag(pulled), rows.T @ (seconds * scale) + pulled * anchor, points)
        predicted = np.maximum(columns @ points, seconds / 100)
    return points[:-1], float(points[-1] * rate)


def _non_negative(square: Numbers, target: Numbers, start: Numbers) -> Numbers:
    """The x ≥ 0 that minimises ½ x' square x - target' x, one coordinate at a time until none moves."""
    found = np.maximum(start, 0.0)
    slope = square @ found - target
    diagonal = np.diag(square)
    for _ in range(_SWEEPS):
        largest = 0.0
        for place in np.flatnonzero(diagonal > 0):
            moved = max(found[place] - slope[place] / diagonal[place], 0.0) - found[place]
            if moved:
                found[place] += moved
                slope += moved * square[:, place]
                largest = max(largest, abs(moved) / (found[place] + 1e-3))
        if largest < _PRECISION:
            break
    return found
