"""The absorbing Markov chain of order 1 of a set of paths.

States are the start, the nodes and two ends: conversion and null. Arithmetic is elementwise on doubles in a fixed
order, without BLAS and without fused operations, whose last bits differ between machines and versions.
"""

import math
from collections.abc import Collection
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from resolvers.attribution.paths import PathCounts
from resolvers.attribution.sums import Sums

_ROWS: Final = 64
"""Rows that are updated at once, so that they stay in the processor's cache; no influence on the result."""

Floats = NDArray[np.float64]


class Chain(msgspec.Struct, frozen=True, eq=False):
    """Transition probabilities. Rows: the nodes, then the start. Columns: the nodes, conversion, null, then one per
    currency: the value that is expected of a conversion right after this node.

    Steps from a node to itself are left out: they change neither where a journey ends nor what it visits, so that
    collapsing repeated touches gives the same chain to the last bit.
    """

    node_count: int
    rows: Floats
    currencies: tuple[str, ...]


class Absorption(msgspec.Struct, frozen=True, eq=False):
    """What follows from a chain."""

    visited: Floats
    """Per node: the probability that a journey ever comes there."""
    rewards: Floats
    """Rows as in the chain. Columns: the probability to convert from here, then per currency the value expected."""

    def removal_effects(self, reward: int) -> list[float]:
        """Per node, 0 to 1: the part of the reward that is lost with it.

        1 − P(conversion without it) ÷ P(conversion) is P(visited) × h(node) ÷ h(start), with h a column of rewards:
        what passes the node is lost, and is worth the same wherever it came from.
        """
        whole = float(self.rewards[-1, reward])
        if whole == 0:
            return [0.0] * len(self.visited)
        return [min(float(effect), 1.0) for effect in self.visited * self.rewards[:-1, reward] / whole]


def chain(paths: PathCounts, with_nulls: bool) -> Chain:
    """The chain of the paths that are not empty; every count is exact before it is divided."""
    count, currencies = paths.node_count, tuple(sorted(paths.values))
    steps = Sums((count + 1) * count)
    ends = [Sums(count) for _ in range(2 + len(currencies))]
    for block in paths.blocks():
        journeys = block.conversions + block.nulls if with_nulls else block.conversions
        _count(block, journeys, steps)
        last = block.nodes[block.offsets[1:] - 1]
        endings = [block.conversions, journeys - block.conversions, *(block.values[name] for name in currencies)]
        for sums, amounts in zip(ends, endings, strict=True):
            sums.add(last, amounts)
    moves = steps.totals().reshape(count + 1, count)
    leaves = np.zeros((count + 1, len(ends)), object)
    for column, sums in enumerate(ends):
        leaves[:count, column] = sums.totals()
    leaving = moves.sum(axis=1).astype(object) + leaves[:, 0] + leaves[:, 1]
    seen = leaving > 0
    rows = np.zeros((count + 1, count + len(ends)))
    rows[seen, :count] = moves[seen] / leaving[seen, np.newaxis]
    rows[seen, count:] = leaves[seen] / leaving[seen, np.newaxis]
    return Chain(count, rows, currencies)


def absorption(known: Chain) -> Absorption:
    """Visits and rewards of a chain."""
    rows = known.rows.copy()
    _eliminate(rows, range(known.node_count), [True] * known.node_count)
    return _absorption(known, rows)


def first_hits(known: Chain, nodes: Collection[int]) -> tuple[list[int], list[float], Absorption]:
    """Of these nodes, sorted: the probability that a journey meets it before any other of them."""
    hit = sorted(set(nodes))
    others = sorted(set(range(known.node_count)) - set(hit))
    rows, remaining = known.rows.copy(), [True] * known.node_count
    _eliminate(rows, others, remaining)
    probabilities = [float(rows[-1, node]) for node in hit]
    _eliminate(rows, hit, remaining)
    return hit, probabilities, _absorption(known, rows)


def _count(block: PathCounts, journeys: Any, steps: Sums) -> None:
    """Adds the steps between touches, and those from the start, which is row node_count."""
    count, nodes = np.int64(block.node_count), block.nodes
    steps.add(count * count + nodes[block.offsets[:-1]], journeys)
    owner = np.repeat(np.arange(len(journeys)), np.diff(block.offsets))
    inner = (owner[1:] == owner[:-1]) & (nodes[1:] != nodes[:-1])
    steps.add((nodes[:-1] * count + nodes[1:])[inner], journeys[owner[1:][inner]])


def _eliminate(rows: Floats, order: Collection[int], remaining: list[bool]) -> None:
    """Takes nodes out one by one, adding to each transition the detours over the node; in place.

    After all of them, rows holds the expected further visits to each node, N − 1 of the fundamental matrix N, and the
    absorption. Nothing is ever subtracted: the probability to leave a node is the sum of its transitions to what
    remains (Grassmann, Taksar, Heyman 1985), so that no digits cancel. That sum is the only one, and rounded once.
    """
    ends = slice(len(remaining), len(remaining) + 2)
    kept = np.array(remaining)
    for node in order:
        kept[node] = remaining[node] = False
        leaving = _fsum(rows[node, : len(remaining)][kept], rows[node, ends])
        if leaving == 0:
            continue  # on no path that counts
        row, column = rows[node].copy(), rows[:, node] / leaving
        for start in range(0, len(rows), _ROWS):
            piece = slice(start, start + _ROWS)
            rows[piece] += column[piece, np.newaxis] * row


def _fsum(*parts: Floats) -> float:
    return math.fsum(number for part in parts for number in part.tolist())


def _absorption(known: Chain, rows: Floats) -> Absorption:
    count = known.node_count
    visited = rows[-1, :count] / (1.0 + np.diagonal(rows[:count, :count]))
    return Absorption(visited, np.delete(rows[:, count:], 1, axis=1))
