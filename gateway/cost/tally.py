"""What execution counts: objects, by their type and by the selections that they answer."""

from collections.abc import Iterator, Sequence

from graphql import FieldNode

from gateway.cost.formula import GroupKey, group_of


class Answered:
    """Objects of one type at one place of an operation; an executor adds to `times` for each."""

    __slots__ = ("group", "path", "times")

    def __init__(self, group: GroupKey, path: tuple[str, ...]) -> None:
        self.group = group
        self.path = path
        self.times = 0


class Tally:
    """The objects of one operation, or of one event of a subscription, that were executed, whatever came of them."""

    __slots__ = ("_answered",)

    def __init__(self) -> None:
        self._answered: dict[tuple[GroupKey, tuple[str, ...]], Answered] = {}

    def place(self, type_name: str, nodes: Sequence[FieldNode], path: tuple[str, ...] = ()) -> Answered:
        """Where objects of a concrete type, to which these field nodes lead, are counted; for the root none do.

        `path` has the response keys that lead there. An executor asks once for each place and keeps it.
        """
        group = group_of(type_name, nodes)
        found = self._answered.get((group, path))
        if found is None:
            found = self._answered[group, path] = Answered(group, path)
        return found

    def count(self, type_name: str, nodes: Sequence[FieldNode], path: tuple[str, ...] = (), times: int = 1) -> None:
        """Count objects."""
        self.place(type_name, nodes, path).times += times

    def __iter__(self) -> Iterator[Answered]:
        return iter(self._answered.values())
