"""What attribution models read and write: counted paths, credits, and one path's explanation."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

Integers: TypeAlias = NDArray[np.int64]

BLOCK = 1 << 20
"""Touches that are worked on at once: what a model needs beyond its input does not grow with the number of paths."""


class PathCounts(msgspec.Struct, frozen=True, eq=False):
    """Aggregated paths, flat: path i is nodes[offsets[i]:offsets[i+1]], oldest touch first. Empty paths are allowed.

    Raises ValueError where the arrays contradict each other: they are made by our own code.
    """

    node_count: int
    """Nodes are 0 to node_count-1; the caller keeps their names, sorted, so that results are reproducible."""
    nodes: NDArray[np.int32]
    """Every touch of every path."""
    offsets: Integers
    """Where each path begins, and where the last one ends."""
    conversions: Integers
    """How many conversions took this path."""
    nulls: Integers
    """How many journeys took this path without converting."""
    values: Mapping[str, Integers]
    """Currency to the total value of the path's conversions, in integer units (minor units)."""
    ages: Integers | None = None
    """Seconds from each touch to the conversion; for models that need them."""

    def __post_init__(self) -> None:
        paths = len(self.conversions)
        if len(self.offsets) != paths + 1 or self.offsets[0] != 0 or self.offsets[-1] != len(self.nodes):
            raise ValueError("offsets do not delimit the paths")
        per_path = (np.diff(self.offsets), self.conversions, self.nulls, *self.values.values())
        if any(len(column) != paths or _has_negative(column) for column in per_path):
            raise ValueError("every path has a length, counts and values of 0 or more")
        if len(self.nodes) and not 0 <= int(self.nodes.min()) <= int(self.nodes.max()) < self.node_count:
            raise ValueError("a touch names no node")
        if any(np.any(column[self.conversions == 0]) for column in self.values.values()):
            raise ValueError("a value without a conversion")
        if self.ages is not None and (len(self.ages) != len(self.nodes) or _has_negative(self.ages)):
            raise ValueError("every touch has an age of 0 or more")

    def blocks(self, touches: int = BLOCK) -> Iterator["PathCounts"]:
        """The paths that are not empty, in order, as pieces of about so many touches; a path is never cut."""
        kept = self._without_empty()
        first, count = 0, len(kept.conversions)
        while first < count:
            end = int(np.searchsorted(kept.offsets, kept.offsets[first] + touches, side="right")) - 1
            last = min(max(end, first + 1), count)
            yield kept._slice(first, last)
            first = last

    def _without_empty(self) -> "PathCounts":
        kept = np.diff(self.offsets) > 0
        if kept.all():
            return self
        return msgspec.structs.replace(
            self,
            offsets=np.append(self.offsets[:-1][kept], self.offsets[-1]),
            conversions=self.conversions[kept],
            nulls=self.nulls[kept],
            values={currency: column[kept] for currency, column in self.values.items()},
        )

    def _slice(self, first: int, last: int) -> "PathCounts":
        touches = slice(int(self.offsets[first]), int(self.offsets[last]))
        return PathCounts(
            node_count=self.node_count,
            nodes=self.nodes[touches],
            offsets=self.offsets[first : last + 1] - self.offsets[first],
            conversions=self.conversions[first:last],
            nulls=self.nulls[first:last],
            values={currency: column[first:last] for currency, column in self.values.items()},
            ages=None if self.ages is None else self.ages[touches],
        )


class Credits(msgspec.Struct, frozen=True):
    """What each node earned; every figure has 12 decimals."""

    conversions: list[Decimal]
    """Per node; sums exactly to the conversions of the paths that are not empty."""
    values: Mapping[str, list[Decimal]]
    """Per currency and node, in the units of the input; sums exactly to the value of those conversions."""
    weights: list[Decimal] | None = None
    """What the model knows of each node (see `Model.weight`); None where the model has none."""


class Touch(msgspec.Struct, frozen=True):
    """One touch of a path that is to be explained."""

    node: int
    age_seconds: int
    """From the touch to the conversion."""


class SinglePath(msgspec.Struct, frozen=True):
    """One path that is to be divided, oldest touch first."""

    nodes: Sequence[int]
    """Of each touch; equal numbers are the same node, which is all that matters of them."""
    ages: Sequence[int] = ()
    """Seconds from each touch to the conversion; for models that need them."""


class Reason(NamedTuple):
    """Why a touch earns what it does."""

    weight: Decimal
    """As of TouchShare."""
    arithmetic: str


class TouchShare(msgspec.Struct, frozen=True):
    """What one touch earns of its conversion, and why."""

    weight: Decimal
    """What the model gives the touch before the path's weights are made to sum to 1; 12 decimals."""
    share: Decimal
    """12 decimals; the shares of a path sum to exactly 1."""
    arithmetic: str
    """One line by which a reader finds the share again."""


def _has_negative(column: NDArray[Any]) -> bool:
    return len(column) > 0 and int(column.min()) < 0
