"""What values take in memory: CPython's own sizes of the objects that they are made of, as its allocator rounds them.

Walking through every value would cost more than reading it, so some are weighed, and the others are taken to be as much
larger than their encoding as these are.
"""

from collections.abc import Sequence
from enum import Enum
from sys import getsizeof
from typing import Any, Final

import msgspec

PER_KEY: Final = 8
"""Bytes of a key's place in its page."""

PER_PAGE: Final = 1_000
"""Bytes of a page and of what points to it: the order of use, expiry, and the indexes of what it depends on. It is what
they take at most: dicts grow by doubling. Held by tests/cache/test_memory_bound.py."""

_ROUND: Final = 15
_SHARED: Final = (bool, type(None), Enum, type)
_ENOUGH: Final = 16
_RARELY: Final = 4
_FORGET_AFTER: Final = 64


class Scale:
    """Of one kind: how much larger values are in memory than written down."""

    __slots__ = ("_encoded", "_samples", "_turn", "_weighed")

    def __init__(self) -> None:
        self._weighed = 0.0
        self._encoded = 0.0
        self._samples = 0
        self._turn = 0

    def weight(self, values: Sequence[object], lengths: Sequence[int]) -> int:
        """Bytes of the values; `lengths` are those of their encodings, in the same order."""
        if len(values) == 1:
            return weighed(values[0])
        self._turn += 1
        if self._samples < _ENOUGH or self._turn % _RARELY == 0:
            middle = len(values) // 2
            self._note(values[middle], lengths[middle])
        return int(sum(lengths) * self._weighed / self._encoded)

    def _note(self, value: object, length: int) -> None:
        self._weighed += weighed(value)
        self._encoded += max(1, length)
        self._samples += 1
        if self._samples >= _FORGET_AFTER:
            self._weighed, self._encoded, self._samples = self._weighed / 2, self._encoded / 2, self._samples // 2


def weighed(value: Any) -> int:
    """Bytes of the value and of all that it is made of; None, and what else all values share, is free."""
    if isinstance(value, _SHARED):
        return 0
    own = (getsizeof(value) + _ROUND) & ~_ROUND
    if isinstance(value, msgspec.Struct):
        return own + sum(weighed(getattr(value, name)) for name in value.__struct_fields__)
    if isinstance(value, list | tuple | set | frozenset):
        return own + sum(map(weighed, value))
    if isinstance(value, dict):
        return own + sum(map(weighed, value)) + sum(map(weighed, value.values()))
    return own
