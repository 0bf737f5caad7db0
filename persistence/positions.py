"""Positions: how far a database has come, as one number that only grows, and as the text that clients carry.

A position is a timeline and a place in its write-ahead log (LSN). A promoted replica begins a new timeline, so whatever
it has is newer than all before, whatever the places say. A database that does not tell its LSN has positions of its
clock: timeline 0, microseconds.
"""

import re
from typing import Final

Position = int
"""`timeline << 64 | LSN`, or microseconds since 1970 of the primary's clock."""

_TOKEN: Final = re.compile(r"([0-9]{1,10})/([0-9A-F]{1,16})", re.ASCII)
_LSN_BITS: Final = 64
_MOST_TIMELINE: Final = 2**32 - 1


def position(timeline: int, lsn: int) -> Position:
    return timeline << _LSN_BITS | lsn


def timeline_of(place: Position) -> int:
    return place >> _LSN_BITS


def lsn_of(place: Position) -> int:
    """Bytes of the log; two of one timeline can be subtracted."""
    return place & (1 << _LSN_BITS) - 1


def token_of(place: Position) -> str:
    """The consistency token: `<timeline>/<LSN in hex>`."""
    return f"{timeline_of(place)}/{lsn_of(place):X}"


def position_of(token: str) -> Position:
    """Raises ValueError for what `token_of` does not write."""
    match = _TOKEN.fullmatch(token)
    if match is None or int(match[1]) > _MOST_TIMELINE:
        raise ValueError("no consistency token")
    return position(int(match[1]), int(match[2], 16))
