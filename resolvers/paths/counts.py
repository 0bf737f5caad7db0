"""Counted paths as the arrays that models read."""

import asyncio
from array import array
from collections.abc import AsyncIterator, Sequence
from itertools import chain

import numpy as np

from persistence.ids import PlacementId
from persistence.repositories.paths import CountedPath
from resolvers.attribution.paths import Integers, PathCounts
from resolvers.errors import invalid

_LARGEST = 2**63 - 1


async def path_counts(blocks: AsyncIterator[Sequence[CountedPath]]) -> tuple[PathCounts, list[PlacementId]]:
    """The arrays, and the placements that their nodes stand for, sorted by id.

    Reads block by block, and ends in a thread, so that other requests go on. Raises InvalidInput (VALUES_TOO_LARGE)
    when the values of a currency do not fit into 63 bits of minor units.
    """
    collected = _Collected()
    async for block in blocks:
        collected.add(block)
    return await asyncio.to_thread(collected.path_counts)


class _Collected:
    """The paths so far: flat arrays, 8 bytes a number."""

    def __init__(self) -> None:
        self._touches = array("q")
        self._ages = array("q")
        self._lengths = array("q")
        self._conversions = array("q")
        self._nulls = array("q")
        self._values: dict[str, tuple[array[int], array[int]]] = {}
        """By currency: the numbers of the paths that have a value in it, and these values."""
        self._totals: dict[str, int] = {}

    def add(self, block: Sequence[CountedPath]) -> None:
        first = len(self._lengths)
        self._touches.extend(chain.from_iterable(path.placement_ids for path in block))
        self._ages.extend(chain.from_iterable(path.ages for path in block if path.ages is not None))
        self._lengths.extend(len(path.placement_ids) for path in block)
        self._conversions.extend(path.conversions for path in block)
        self._nulls.extend(path.nulls for path in block)
        for number, path in enumerate(block, start=first):
            if path.currency is not None:
                self._add_value(number, path.currency, path.value_minor)

    def _add_value(self, number: int, currency: str, value_minor: int) -> None:
        total = self._totals[currency] = self._totals.get(currency, 0) + value_minor
        if total > _LARGEST:
            message = f"The values in {currency} add up to more than 2^63 - 1 minor units: choose a shorter range."
            raise invalid("VALUES_TOO_LARGE", message, "from")
        numbers, values = self._values.setdefault(currency, (array("q"), array("q")))
        numbers.append(number)
        values.append(value_minor)

    def path_counts(self) -> tuple[PathCounts, list[PlacementId]]:
        touches = _integers(self._touches)
        placement_ids, nodes = np.unique(touches, return_inverse=True)
        offsets = np.zeros(len(self._lengths) + 1, dtype=np.int64)
        np.cumsum(_integers(self._lengths), out=offsets[1:])
        counts = PathCounts(
            node_count=len(placement_ids),
            nodes=nodes.astype(np.int32),
            offsets=offsets,
            conversions=_integers(self._conversions),
            nulls=_integers(self._nulls),
            values={currency: self._dense(*sparse) for currency, sparse in sorted(self._values.items())},
            # An empty set may have either: there is no touch whose age could be missing.
            ages=_integers(self._ages) if len(self._ages) == len(touches) else None,
        )
        return counts, [PlacementId(placement_id) for placement_id in placement_ids.tolist()]

    def _dense(self, numbers: "array[int]", values: "array[int]") -> Integers:
        column = np.zeros(len(self._lengths), dtype=np.int64)
        column[_integers(numbers)] = _integers(values)
        return column


def _integers(numbers: "array[int]") -> Integers:
    return np.frombuffer(numbers, dtype=np.int64)
