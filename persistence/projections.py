"""Projections: records of some of their attributes, so that a statement selects few columns.

`EpisodeRecord` has twenty attributes, and a list of titles needs two. A projection is a record with only the attributes
that will be read. Reading another one is an AttributeError, so that a forgotten attribute is never a wrong answer.
"""

from collections import OrderedDict
from typing import Any, Final

import msgspec

Reads = frozenset[str] | None
"""The attributes of a record that will be read; None: all of them.

Names that the record does not have are passed over: they may be those of what the record is wrapped in.
"""

CURSOR: Final = "cursor"
"""Among `Reads`: cursors of a page will be made, which need the attributes that the page is sorted by."""

MOST_PROJECTIONS: Final = 500
"""Kept of one database. A client chooses the attributes, so there is no end of projections; a type takes some KB."""


class Projections:
    """The projected types of a database, at most `most`: the one that was used longest ago goes first.

    A type that was forgotten lives on in its records; the same attributes then get another, equal type.
    """

    def __init__(self, most: int = MOST_PROJECTIONS) -> None:
        self._most = most
        self._types: OrderedDict[tuple[type, frozenset[str]], type] = OrderedDict()

    def __len__(self) -> int:
        return len(self._types)

    def of(self, record: type[Any], reads: Reads) -> type[Any]:
        """`record` with the attributes that are read, in its order, and `id`; itself if these are all."""
        if reads is None:
            return record
        key = (record, reads)
        found = self._types.get(key)
        if found is None:
            found = self._types[key] = projected(record, reads)
            if len(self._types) > self._most:
                self._types.popitem(last=False)
        else:
            self._types.move_to_end(key)
        return found


def projected(record: type[Any], reads: Reads) -> type[Any]:
    """A new type each time: ask `Projections`."""
    fields = [
        field for field in msgspec.structs.fields(record) if field.name == "id" or reads is None or field.name in reads
    ]
    if len(fields) == len(record.__struct_fields__):
        return record
    return msgspec.defstruct(
        f"{record.__name__}Part",
        [(field.name, field.type) for field in fields],
        namespace={"__doc__": f"Some of {record.__name__}.", "projection_of": record},
        module=record.__module__,
        frozen=True,
        # Values of columns hold nothing that could hold them: the garbage collector has nothing to look for.
        gc=False,
    )


def record_of(kind: type[Any]) -> type[Any]:
    """The record that the type is a projection of; the type itself if it is none."""
    found: type[Any] = getattr(kind, "projection_of", kind)
    return found
