"""A request's headers, gone through once. ASGI promises names in lower case."""

from typing import Final, overload

from starlette.types import Scope

_KEPT: Final = "podgraph.head"
"""Its name in the scope."""


class Head:
    """The headers of one request by their names; of several with one name the first, unless `every` is asked for."""

    __slots__ = ("_first", "_raw")

    def __init__(self, scope: Scope) -> None:
        self._raw: list[tuple[bytes, bytes]] = scope["headers"]
        self._first = dict(reversed(self._raw))

    def __contains__(self, name: str) -> bool:
        return name.encode() in self._first

    @overload
    def get(self, name: str) -> str | None: ...
    @overload
    def get(self, name: str, default: str) -> str: ...
    def get(self, name: str, default: str | None = None) -> str | None:
        value = self._first.get(name.encode())
        return default if value is None else value.decode("latin-1")

    def every(self, name: str) -> list[str]:
        wanted = name.encode()
        return [value.decode("latin-1") for given, value in self._raw if given == wanted]

    def is_of(self, scope: Scope) -> bool:
        """Whether the scope still has the headers that were gone through."""
        return self._raw is scope["headers"]


def head_of(scope: Scope) -> Head:
    """The head of a request, the same for everybody on its way."""
    known: Head | None = scope.get(_KEPT)
    if known is None or not known.is_of(scope):
        known = scope[_KEPT] = Head(scope)
    return known
