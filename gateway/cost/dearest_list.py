"""The list to shrink, when an operation costs too much."""

from collections.abc import Mapping
from typing import Final

import msgspec

from gateway.cost.bill import DearestList
from gateway.cost.formula import Formula
from gateway.cost.points import Points
from gateway.cost.sizes import Size
from gateway.cost.values import Variables
from resolvers.pages import LARGEST_SIZE

_CANDIDATES: Final = 8
"""Lists that are tried out: those that cost most where they are."""


class _Candidate(msgspec.Struct, frozen=True):
    path: tuple[str, ...]
    size: Size
    argument: str
    asked: int
    cost: int


def dearest_list(formula: Formula, variables: Variables, maximum: Points) -> DearestList | None:
    """The list with an Int slicing argument whose shrinking to one saves most; None if there is no such list."""
    candidates = sorted(_candidates(formula, variables), key=lambda one: -one.cost)[:_CANDIDATES]
    if not candidates:
        return None
    dearest = min(candidates, key=lambda one: _total(formula, variables, {one.size: 1}))
    return DearestList(
        path=".".join(dearest.path),
        argument=dearest.argument,
        asked=dearest.asked,
        largest=_largest(formula, variables, dearest, maximum),
    )


def advice(dearest: DearestList | None) -> str:
    """What to do about an operation that costs too much, in one sentence."""
    if dearest is None:
        return "Ask for fewer fields or fewer lists within lists."
    if dearest.largest is None:
        return f"The dearest list is '{dearest.path}', but no size of it fits: ask for less below and beside it."
    fits = f"{dearest.argument}: {dearest.largest} instead of {dearest.asked}"
    return f"The dearest list is '{dearest.path}': it fits with {fits}."


def _largest(formula: Formula, variables: Variables, candidate: _Candidate, maximum: Points) -> int | None:
    """By bisection: the total grows with the size. A list of nothing is not what anybody asks for."""
    if _total(formula, variables, {candidate.size: 1}) > maximum:
        return None
    fits, too_large = 1, min(candidate.asked, LARGEST_SIZE) + 1
    while too_large - fits > 1:
        middle = (fits + too_large) // 2
        if _total(formula, variables, {candidate.size: middle}) <= maximum:
            fits = middle
        else:
            too_large = middle
    return fits


def _candidates(formula: Formula, variables: Variables) -> list[_Candidate]:
    """Each list that a number cuts, where it costs most."""
    totals = formula.totals(variables, {})
    found: dict[Size, _Candidate] = {}
    for path, count, selection in formula.walk(variables, {}):
        for below in selection.below:
            cut = below.size.cut_by(variables)
            if cut is None:
                continue
            dearest = max((totals[choice.number] for choice in below.choices), default=0)
            cost = count * below.count(variables, {}) * dearest
            known = found.get(below.size)
            if known is None or cost > known.cost:
                # The argument is on the field itself, or on the one above whose page it is.
                at = (*path, *below.path) if below.sized_here else path
                found[below.size] = _Candidate(at, below.size, *cut, cost)
    return list(found.values())


def _total(formula: Formula, variables: Variables, sizes: Mapping[Size, int]) -> int:
    return formula.totals(variables, sizes)[-1]
