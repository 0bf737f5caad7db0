"""Models whose share of a touch depends on its own path alone, and is a fraction."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from math import lcm
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from resolvers.attribution.exact import UNIT, allocated, decimal
from resolvers.attribution.model import Model, Parameters
from resolvers.attribution.paths import Credits, Integers, PathCounts
from resolvers.attribution.sums import Sums


class Split(msgspec.Struct, frozen=True, eq=False):
    """Who gets what: the node nodes[i] gets the fraction shares[classes[i]] of the path owners[i]."""

    nodes: NDArray[Any]
    owners: Integers
    classes: Integers
    shares: list[Fraction]


class SharingModel(Model):
    """Credits as exact sums of fractions, rounded once, at the end."""

    @abstractmethod
    def split(self, paths: PathCounts, parameters: Parameters) -> Split:
        """The split of paths of which none is empty; the fractions of a path sum to 1."""

    def credits(self, paths: PathCounts, parameters: Parameters) -> Credits:
        ledgers: dict[str | None, _Ledger] = {None: {}, **{currency: {} for currency in paths.values}}
        for block in paths.blocks():
            split = self.split(block, parameters)
            groups = split.nodes * np.int64(len(split.shares)) + split.classes
            _enter(ledgers[None], split, groups, block.conversions, paths.node_count)
            for currency, column in block.values.items():
                _enter(ledgers[currency], split, groups, column, paths.node_count)
        return Credits(
            conversions=_settled(ledgers.pop(None), paths.node_count),
            values={str(currency): _settled(ledger, paths.node_count) for currency, ledger in ledgers.items()},
        )


_Ledger = dict[Fraction, NDArray[Any]]
"""Of each fraction: how much each node gets it of, in Python's integers."""


def evenly(nodes: NDArray[Any], owners: Integers, sizes: Integers) -> Split:
    """The split where each of the sizes[i] entries that a path has gets the same."""
    occurring, classes = by_size(sizes)
    return Split(nodes, owners, classes, [Fraction(1, size) for size in occurring])


def divided_by_node(nodes: Sequence[int], weights: Mapping[int, int]) -> list[int]:
    """What each touch of one path earns, in 10^-12: nodes in proportion to their weights, the touches of one alike.

    Not all weights are 0, unless the path is empty.
    """
    if not nodes:
        return []
    if len(weights) == len(nodes):
        return allocated(UNIT, [*weights.values()])
    touches = Counter(nodes)
    multiple = lcm(*touches.values())
    earned = {node: weight * (multiple // touches[node]) for node, weight in weights.items()}
    return allocated(UNIT, [earned[node] for node in nodes])


def by_size(sizes: Integers) -> tuple[list[int], Integers]:
    """The sizes that occur, and for each entry the place of its size among them; sizes are at most a path's length."""
    occurring = np.flatnonzero(np.bincount(sizes))
    places = np.zeros(int(occurring[-1]) + 1, np.int64)
    places[occurring] = np.arange(len(occurring))
    return occurring.tolist(), places[sizes]


def owners(paths: PathCounts) -> Integers:
    """The path of each touch."""
    return np.repeat(np.arange(len(paths.conversions), dtype=np.int64), np.diff(paths.offsets))


def _enter(ledger: _Ledger, split: Split, groups: Integers, amounts: Integers, node_count: int) -> None:
    sums = Sums(node_count * len(split.shares))
    sums.add(groups, amounts[split.owners])
    table = sums.totals().reshape(node_count, len(split.shares))
    for column, share in enumerate(split.shares):
        amount = table[:, column].astype(object)
        ledger[share] = ledger[share] + amount if share in ledger else amount


def _settled(ledger: _Ledger, node_count: int) -> list[Decimal]:
    denominator = lcm(*(share.denominator for share in ledger))
    numerators = np.zeros(node_count, object)
    for share, amounts in ledger.items():
        numerators += amounts * (share.numerator * (denominator // share.denominator))
    weights = [int(numerator) for numerator in numerators]
    return [decimal(units) for units in allocated(sum(weights) * UNIT // denominator, weights)]
