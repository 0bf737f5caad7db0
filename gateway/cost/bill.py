"""The bill: what of an operation costs how much, line by line."""

from collections.abc import Iterator
from typing import Any

import msgspec

from gateway.cost.formula import Formula, Selection
from gateway.cost.points import Points, shown
from gateway.cost.tally import Tally
from gateway.cost.values import Variables, amount


class BillLine(msgspec.Struct, frozen=True):
    """One coordinate at one path: `multiplier` times `weight`. The actual ones are None before execution."""

    path: str
    coordinate: str
    multiplier: int
    weight: Points
    subtotal: Points
    actual_multiplier: int | None = None
    actual_subtotal: Points | None = None

    def shown(self) -> dict[str, Any]:
        """In the words of `extensions.cost.bill`."""
        line: dict[str, Any] = {
            "path": self.path,
            "coordinate": self.coordinate,
            "multiplier": self.multiplier,
            "weight": shown(self.weight),
            "subtotal": shown(self.subtotal),
        }
        if self.actual_multiplier is not None and self.actual_subtotal is not None:
            line["actualMultiplier"] = self.actual_multiplier
            line["actualSubtotal"] = shown(self.actual_subtotal)
        return line


class Bill(msgspec.Struct, frozen=True):
    """Lines by subtotal, dearest first; their sum is the static price. Where several types are possible the dearest is
    shown."""

    lines: tuple[BillLine, ...]


class DearestList(msgspec.Struct, frozen=True):
    """The list whose shrinking to one saves most.

    `asked` is its argument's value, or what counts where it is left out; `largest` is the largest value, at least 1,
    with which the whole operation fits, None where none is small enough.
    """

    path: str
    argument: str
    asked: int
    largest: int | None


def itemised(formula: Formula, variables: Variables, tally: Tally | None) -> Bill:
    """The bill of an operation, with what was answered of each line if it has been executed."""
    answered = {} if tally is None else {(one.path, one.group): one.times for one in tally}
    lines: list[BillLine] = []
    for path, count, selection in formula.walk(variables, {}):
        times = answered.pop((path, selection.group), 0)
        lines += _lines(path, selection, variables, count, None if tally is None else times)
    # What was answered with other types than the dearest.
    for (path, group), times in answered.items():
        lines += _lines(path, formula.selection(group), variables, 0, times)
    return Bill(tuple(sorted(lines, key=lambda line: (-line.subtotal, line.path, line.coordinate))))


def _lines(
    path: tuple[str, ...], selection: Selection, variables: Variables, count: int, times: int | None
) -> Iterator[BillLine]:
    for line_path, coordinate, each, weight in _weights(path, selection, variables):
        if weight and (count or times):
            yield BillLine(
                path=".".join(line_path),
                coordinate=coordinate,
                multiplier=count * each,
                weight=weight,
                subtotal=Points(count * each * weight),
                actual_multiplier=None if times is None else times * each,
                actual_subtotal=None if times is None else Points(times * each * weight),
            )


def _weights(
    path: tuple[str, ...], selection: Selection, variables: Variables
) -> Iterator[tuple[tuple[str, ...], str, int, Points]]:
    """What one object of a selection costs: path, coordinate, how often, and each time how much."""
    yield path, selection.type_name, 1, selection.weight
    for field in selection.fields:
        own_path = (*path, field.key)
        charges = [(charge.coordinate, amount(charge.cost, variables)) for charge in field.charges]
        if any(cost < 0 for _, cost in charges):
            # Together they are never below zero, so that they have no prices of their own.
            yield own_path, field.coordinate, 1, Points(amount(field.own, variables))
        else:
            yield own_path, field.coordinate, 1, field.weight
            for coordinate, cost in charges:
                yield own_path, coordinate, 1, Points(cost)
        if field.leaves is not None:
            yield own_path, field.leaves.type_name, field.leaves.count(variables), field.leaves.weight
