"""What an operation's resolvers have answered, for whoever asks again: no resolver runs twice for the same parent."""

from collections.abc import Sequence
from typing import Any, Final

from persistence.projections import Reads

Selected = tuple[str, int]
"""A field where it is selected: its type, and the identity of its first node in the document."""

UNKNOWN: Final = object()
"""Instead of an answer: nobody has asked."""


class Answers:
    """The answers of one operation, kept as they came: looking one up is for the rare second time."""

    __slots__ = ("_calls", "_found", "reads")

    def __init__(self) -> None:
        self.reads: dict[Selected, Reads] = {}
        """What each call was told to read, so that whoever calls again meets what its loaders have or are loading."""
        self._calls: dict[Selected, list[tuple[Sequence[Any], Sequence[Any] | Exception]]] = {}
        self._found: dict[Selected, dict[int, Any]] = {}

    def note(self, field: Selected, parents: Sequence[Any], answered: Sequence[Any] | Exception) -> None:
        """The values of a call, in the order of its parents, or what it raised."""
        self._calls.setdefault(field, []).append((parents, answered))
        self._found.pop(field, None)

    def of(self, field: Selected, parent: Any) -> Any:
        """The value for this very parent, or UNKNOWN. Raises what the call for it raised."""
        calls = self._calls.get(field)
        if calls is None:
            return UNKNOWN
        found = self._found.get(field)
        if found is None:
            found = self._found[field] = {}
            for parents, answered in calls:
                if isinstance(answered, Exception):
                    found.update(dict.fromkeys(map(id, parents), _Raised(answered)))
                else:
                    found.update(zip(map(id, parents), answered, strict=True))
        value = found.get(id(parent), UNKNOWN)
        if isinstance(value, _Raised):
            raise value.error.with_traceback(value.traceback)
        return value


class _Raised:
    """Raised anew for each parent, without a traceback that grows each time."""

    __slots__ = ("error", "traceback")

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.traceback = error.__traceback__
