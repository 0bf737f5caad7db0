"""What a response holds under each key, so that selections which meet there can be merged."""

import msgspec


class _Held(msgspec.Struct):
    type_: str
    calls: dict[str | None, str]
    """The field with its arguments, by the object type that it is selected on; None: on an abstract one."""
    below: "Shape"


class Shape:
    """One selection set of a response, filled while a query is written.

    It is stricter than GraphQL's rule that fields merge: one key has one type, wherever it is selected.
    """

    def __init__(self) -> None:
        self._held: dict[str, _Held] = {}

    def takes(self, key: str, type_: str, on: str | None, call: str) -> bool:
        """Whether a field may have this key; on object types that exclude each other, one key may be two calls."""
        held = self._held.get(key)
        if held is None:
            return True
        return held.type_ == type_ and all(
            known == call or (on is not None and other is not None and on != other)
            for other, known in held.calls.items()
        )

    def add(self, key: str, type_: str, on: str | None, call: str) -> None:
        """Says that the key is taken, as `takes` allowed."""
        held = self._held.setdefault(key, _Held(type_, {}, Shape()))
        held.calls[on] = call

    def below(self, key: str) -> "Shape":
        """What the response holds below a key that is taken."""
        return self._held[key].below

    def merge(self, other: "Shape") -> None:
        """Adds all that `other` holds, as `fits` allowed."""
        for key, theirs in other._held.items():
            for on, call in theirs.calls.items():
                self.add(key, theirs.type_, on, call)
            self.below(key).merge(theirs.below)


def fits(shape: Shape, other: Shape) -> bool:
    """Whether all of `other` may be selected beside `shape`."""
    for key, theirs in other._held.items():
        if not all(shape.takes(key, theirs.type_, on, call) for on, call in theirs.calls.items()):
            return False
        if key in shape._held and not fits(shape.below(key), theirs.below):
            return False
    return True
