"""Credit by removal effect in a Markov chain of order 1."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from math import fsum
from typing import Final

import msgspec

from resolvers.attribution.chain import absorption, chain, first_hits
from resolvers.attribution.exact import UNIT, allocated, decimal, proportional, rounded
from resolvers.attribution.model import Model, Parameters, ParameterSpec
from resolvers.attribution.paths import Credits, Integers, PathCounts, Reason, SinglePath, Touch
from resolvers.attribution.sharing import divided_by_node
from resolvers.errors import invalid

LARGEST: Final = 2_000
"""Nodes: the work grows with their cube, the memory with their square."""


class RemovalEffect(msgspec.Struct, frozen=True):
    """What is lost without some nodes; both figures have 12 decimals."""

    effect: Decimal
    """0 to 1: the part of the conversions."""
    conversions_lost: Decimal
    """Of the conversions of the paths that are not empty."""


class Markov(Model):
    """Anderl, Becker, von Wangenheim and Schumann, IJRM 33(3), 2016, doi 10.1016/j.ijresmar.2016.03.001.

    The removal effect of a node is 1 − P(conversion, the node leading to null) ÷ P(conversion), in closed form; credit
    is the conversions in proportion to it, over all nodes. Value has removal effects of its own: a conversion is worth
    the average of the conversions whose path ends with the same touch, and what counts is the value that is lost
    (the definition of the R package ChannelAttribution, which simulates it). Without null paths, only journeys that
    converted make the chain.
    """

    kind = "MARKOV"
    description = "Placements earn by what would be lost without them, in a Markov chain of all journeys."
    parameters = (
        ParameterSpec("withNullPaths", "Whether journeys without a conversion count.", "true", kind="boolean"),
    )
    needs_nulls = True
    additive = False
    weight = "removal effect"

    def credits(self, paths: PathCounts, parameters: Parameters) -> Credits:
        _refuse_many(paths)
        known = chain(paths, parameters.flags["withNullPaths"])
        solved = absorption(known)
        effects = solved.removal_effects(0)
        return Credits(
            conversions=_in_proportion(_total(paths, paths.conversions), effects),
            values={
                currency: _in_proportion(_total(paths, paths.values[currency]), solved.removal_effects(1 + place))
                for place, currency in enumerate(known.currencies)
            },
            weights=[rounded(effect) for effect in effects],
        )

    def divided(
        self, paths: Sequence[SinglePath], weights: Mapping[int, Decimal] | None, parameters: Parameters
    ) -> list[list[int]]:
        """Shares in proportion to the removal effects of the path's placements; the touches of one share alike.

        A view of one conversion, not a part of the totals: those divide all conversions by the removal effects of all
        placements at once, and are not the sums of these shares.
        """
        known = weights or {}
        effects = dict(zip(known, proportional([*known.values()]), strict=True))
        found = []
        for path in paths:
            own = {node: effects.get(node, 0) for node in path.nodes}
            # Without any effect every placement counts the same, as far as is known.
            found.append(divided_by_node(path.nodes, own if any(own.values()) else dict.fromkeys(own, 1)))
        return found

    def reasons(
        self, path: Sequence[Touch], weights: Mapping[int, Decimal] | None, parameters: Parameters
    ) -> list[Reason]:
        touches = Counter(touch.node for touch in path)
        effects = {node: (weights or {}).get(node, Decimal(0)) for node in touches}
        total = sum(effects.values(), Decimal(0))
        return [
            Reason(
                effects[touch.node].quantize(decimal(1)),
                _arithmetic(effects[touch.node], total, len(touches), touches[touch.node]),
            )
            for touch in path
        ]


def removal_effect(paths: PathCounts, removed: Collection[int], with_null_paths: bool = True) -> RemovalEffect:
    """What is lost if these nodes are removed together, at most once per journey; ValueError for a node that is none.

    A journey is lost when it first meets one of them.
    """
    if not all(0 <= node < paths.node_count for node in removed):
        raise ValueError("a removed node is none of the paths'")
    _refuse_many(paths)
    known = chain(paths, with_null_paths)
    nodes, hits, solved = first_hits(known, removed)
    whole = float(solved.rewards[-1, 0])
    lost = fsum(hit * float(solved.rewards[node, 0]) for node, hit in zip(nodes, hits, strict=True))
    effect = min(lost / whole, 1.0) if whole else 0.0
    return RemovalEffect(rounded(effect), rounded(Fraction(effect) * _total(paths, paths.conversions)))


def _refuse_many(paths: PathCounts) -> None:
    if paths.node_count > LARGEST:
        sentence = f"MARKOV takes at most {LARGEST:,} placements, and these paths have {paths.node_count:,}."
        raise invalid("TOO_MANY_NODES", sentence)


def _total(paths: PathCounts, amounts: Integers) -> int:
    """The amounts of the paths that are not empty."""
    return sum(amounts[paths.offsets[1:] > paths.offsets[:-1]].tolist())


def _in_proportion(total: int, effects: Sequence[float]) -> list[Decimal]:
    return [decimal(units) for units in allocated(total * UNIT, proportional(effects))]


def _arithmetic(effect: Decimal, total: Decimal, placements: int, repeats: int) -> str:
    repeated = f", ÷ {repeats} touches of this placement" if repeats > 1 else ""
    if not total:
        return f"1 ÷ {placements} placements, none of which has a removal effect{repeated}"
    return f"removal effect {effect:.6g} ÷ {total:.6g}, the sum over the placements of this path{repeated}"


MODEL = Markov()
