"""Kinds of cached values: what they are called, how they are written down and how long they are kept."""

import hashlib
import re
from typing import Any, Final, Generic, TypeVar

import msgspec

V = TypeVar("V")

SECONDS: Final = 300.0
_ABSENT_PART: Final = 10
"""That something is not there is believed for a tenth of the time."""

# Of a function among the defaults; it differs from process to process.
_ADDRESS: Final = re.compile(r" at 0x[0-9a-f]+")


class Kept(msgspec.Struct, Generic[V], frozen=True, array_like=True, gc=False):
    """A value as it is kept in Redis. Written down, it begins with its stamp, so that older bytes sort first."""

    stamp: bytes
    """The position that it covers: 16 bytes, the most significant first."""
    value: V
    tables: tuple[tuple[int, str], ...] = ()
    """What it depends on beside its own row: whole tables, and whose."""


class Kind(Generic[V]):
    """Values of one type under one name, such as the podcasts' records with three of their attributes.

    `name` is a label of metrics: one of few, never a tenant's. `variant` tells values of the name apart that must not
    be taken for each other, such as other projections. `table`: values are rows of it, by their ids, and change with
    that row alone; without, they change with every write of a table that was read. `absent`: a value may be None, which
    is kept for a shorter time.
    """

    def __init__(
        self,
        name: str,
        value: Any,
        *,
        table: str | None = None,
        variant: str = "",
        seconds: float = SECONDS,
    ) -> None:
        self.name = name
        self.table = table
        self.seconds = seconds
        self.absent_seconds = seconds / _ABSENT_PART
        self.mark = f"{name}:{_fingerprint(value, variant)}"
        """Part of keys in Redis: another release, whose values look otherwise, has others."""
        self.decoder: msgspec.msgpack.Decoder[Kept[V]] = msgspec.msgpack.Decoder(Kept[value])

    def __repr__(self) -> str:
        return f"Kind({self.mark!r})"


def _fingerprint(value: Any, variant: str) -> str:
    """Of the type's own description: its fields, their types, and those of the types within."""
    described = "\n".join((_ADDRESS.sub("", repr(msgspec.inspect.type_info(value))), variant))
    return hashlib.blake2b(described.encode(), digest_size=8).hexdigest()
