"""The price of an operation as a formula of its variables."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from graphql import DocumentNode, FieldNode

from gateway.cost.points import Points
from gateway.cost.sizes import Size
from gateway.cost.values import Amount, Variables, amount

GroupKey = tuple[str, tuple[int, ...]]
"""Objects that are answered alike: their concrete type, and the identities of the field nodes that lead to them."""


class Charge(msgspec.Struct, frozen=True):
    """What is added to a field's cost by one of its arguments, or by its directives; may be negative."""

    coordinate: str
    cost: Amount


class Leaves(msgspec.Struct, frozen=True):
    """Scalars or enumerations that cost something themselves."""

    type_name: str
    weight: Points
    size: Size
    lists: int

    def count(self, variables: Variables) -> int:
        return int(self.size.of(variables) ** self.lists)


class PricedField(msgspec.Struct, frozen=True):
    """One field of an object, of those that cost something; `own` is what it costs itself, never below 0."""

    key: str
    coordinate: str
    weight: Points
    charges: tuple[Charge, ...]
    leaves: Leaves | None
    own: Amount


class Below(msgspec.Struct, frozen=True):
    """Objects that a field leads to: `size ** lists` of them, each of one of these types.

    `sized_here` says whether the arguments that bound them are the field's own, not those of the field above it.
    """

    path: tuple[str, ...]
    size: Size
    sized_here: bool
    lists: int
    choices: tuple["Selection", ...]

    def count(self, variables: Variables, other_sizes: Mapping[Size, int]) -> int:
        size = other_sizes.get(self.size) if other_sizes else None
        return int((self.size.of(variables) if size is None else size) ** self.lists)


class Selection:
    """What is asked of objects of one concrete type. `own` is one object's type and fields, without what is below.

    `total` counts that in; None where it depends on variables, and `place` is then where evaluation keeps it.
    """

    __slots__ = ("below", "fields", "group", "number", "own", "place", "total", "type_name", "weight")

    def __init__(
        self,
        number: int,
        group: GroupKey,
        weight: Points,
        fields: Sequence[PricedField],
        below: Sequence[Below],
        own: Amount,
    ) -> None:
        self.number = number
        self.group = group
        self.type_name = group[0]
        self.weight = weight
        self.fields = tuple(fields)
        self.below = tuple(below)
        self.own = own
        self.total: int | None = None
        self.place = -1


class _Term(NamedTuple):
    """A part of a total that variables decide: a count times the dearest of what may be there."""

    size: Size | None
    times: int
    """Where the document alone says it, `size` is None."""
    lists: int
    dearest: int
    places: tuple[int, ...]


class _Step(NamedTuple):
    """How one dynamic total is evaluated: a constant, the objects' own cost if it varies, and terms."""

    constant: int
    own: Amount
    terms: tuple[_Term, ...]


class Formula:
    """Compiled once for a document, an operation and the values that steer @skip and @include; see `CostModel`.

    `selections` come after all that are below them, the root last.
    """

    def __init__(self, document: DocumentNode, selections: Sequence[Selection], defaults: Mapping[str, Any]) -> None:
        self.document = document
        self.selections = tuple(selections)
        self.root = selections[-1]
        self._defaults = defaults
        self._steps: list[_Step] = []
        for selection in self.selections:
            self._fold(selection)
        self._by_group = {selection.group: selection for selection in self.selections}
        self.parts = sum(1 + len(one.fields) + len(one.below) for one in self.selections)
        """How large it is: its selections with their fields, and the lists below them."""

    def variables(self, given: Variables) -> Variables:
        """What the client sent, with the operation's defaults for what it left out."""
        return {**self._defaults, **given} if self._defaults else given

    def static(self, variables: Variables) -> Points:
        """The most that the operation can cost. `variables` are with their defaults."""
        if self.root.total is not None:
            return Points(self.root.total)
        totals: list[int] = []
        for step in self._steps:
            total = step.constant + amount(step.own, variables)
            for term in step.terms:
                count = term.times if term.size is None else term.size.of(variables) ** term.lists
                dearest = term.dearest
                for place in term.places:
                    dearest = max(dearest, totals[place])
                total += count * dearest
            totals.append(total)
        return Points(totals[-1])

    def totals(self, variables: Variables, other_sizes: Mapping[Size, int]) -> list[int]:
        """The total of one object of each selection, by its number, were some lists of other sizes."""
        found: list[int] = []
        for selection in self.selections:
            total = amount(selection.own, variables)
            for below in selection.below:
                dearest = max((found[choice.number] for choice in below.choices), default=0)
                total += below.count(variables, other_sizes) * dearest
            found.append(total)
        return found

    def selection(self, group: GroupKey) -> Selection:
        """What was asked of the objects of a group. Raises KeyError for one that the operation does not lead to."""
        return self._by_group[group]

    def walk(
        self, variables: Variables, other_sizes: Mapping[Size, int]
    ) -> Iterator[tuple[tuple[str, ...], int, Selection]]:
        """Each selection on its way from the root, with the path to it and how many objects there are at most.

        Of several types the dearest is followed.
        """
        totals = self.totals(variables, other_sizes)
        pending: list[tuple[tuple[str, ...], int, Selection]] = [((), 1, self.root)]
        while pending:
            path, count, selection = pending.pop()
            yield path, count, selection
            for below in selection.below:
                if below.choices:
                    dearest = max(below.choices, key=lambda choice: totals[choice.number])
                    pending.append(((*path, *below.path), count * below.count(variables, other_sizes), dearest))

    def _fold(self, selection: Selection) -> None:
        """Work out what is known of a total, and plan the rest."""
        constant, own = (selection.own, 0) if isinstance(selection.own, int) else (0, selection.own)
        terms = []
        for below in selection.below:
            known = max((choice.total for choice in below.choices if choice.total is not None), default=0)
            places = tuple(choice.place for choice in below.choices if choice.total is None)
            size = below.size.constant
            if size is not None and not places:
                constant += size**below.lists * known
            elif size is not None:
                terms.append(_Term(None, size**below.lists, 1, known, places))
            else:
                terms.append(_Term(below.size, 0, below.lists, known, places))
        if own == 0 and not terms:
            selection.total = constant
        else:
            selection.place = len(self._steps)
            self._steps.append(_Step(constant, own, tuple(terms)))


def group_of(type_name: str, nodes: Sequence[FieldNode]) -> GroupKey:
    """The key of objects of a type that these field nodes lead to; none lead to the root."""
    return type_name, tuple(map(id, nodes))
