"""Announcements: what a write changes is told before it is committed, and where it went when it is.

Between the two nobody may keep or believe what the write is about to change. What a write touches is derived from its
statements (`touches.py`), so nobody can forget it.
"""

from collections.abc import Collection
from typing import Final, Protocol

from persistence.positions import Position

Tag = tuple[int, str, int]
"""Whose row (0: nobody's, that is people's), of which table, and its id, or WHOLE or ALL.

What was read of one row by its id depends on the row's tag; whatever else was read, on WHOLE of each table it names. A
write touches the rows' tags and WHOLE; if it does not know the rows, ALL, under which all of the table's lie.
"""

WHOLE: Final = 0
ALL: Final = -1


class Announcement(Protocol):
    """A write under way. Neither is called when nobody can know whether it was committed."""

    async def done(self, position: Position) -> None:
        """It is committed, and visible from this position on; never raises."""

    async def undone(self) -> None:
        """It was rolled back; never raises."""


class Announcer(Protocol):
    async def announced(self, tags: Collection[Tag]) -> Announcement:
        """Comes back when all who keep what was read know that these tags are about to change.

        Raises DatabaseUnavailable where a write that cannot be told must not happen; it is then rolled back.
        """


class Unannounced:
    """The announcer, and its announcements, of a process alone: there is nobody to tell."""

    async def announced(self, tags: Collection[Tag]) -> Announcement:
        return self

    async def done(self, position: Position) -> None:
        pass

    async def undone(self) -> None:
        pass
