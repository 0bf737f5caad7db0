"""Lag: for how long a standby has not shown what its primary had, by the samples of the primary."""

from bisect import bisect_right
from typing import Final

from persistence.positions import Position, lsn_of

_PAGE: Final = 8192
"""Bytes of a page of the log, as PostgreSQL is built nearly everywhere."""


class History:
    """When the primary was first seen at each of its latest positions."""

    def __init__(self, seconds: float) -> None:
        """What is older than `seconds` is forgotten: a lag may then be longer than is said."""
        self._seconds = seconds
        self._times: list[float] = []
        self._positions: list[Position] = []

    def add(self, at: float, position: Position) -> None:
        """Times and positions never go back; what does is passed over."""
        if lsn_of(position) % _PAGE == 0:
            # The log is flushed by pages. This may be the middle of a record, which no standby can show: of a
            # transaction, it may be, that pauses for long.
            return
        if self._positions and position <= self._positions[-1]:
            return
        self._times.append(at)
        self._positions.append(position)
        if self._times[0] < at - 2 * self._seconds:
            kept = bisect_right(self._times, at - self._seconds) - 1
            del self._times[:kept], self._positions[:kept]

    def lag(self, position: Position, now: float) -> float:
        """Seconds since the primary was first seen beyond the position; 0 if it was not."""
        place = bisect_right(self._positions, position)
        return max(0.0, now - self._times[place]) if place < len(self._times) else 0.0
