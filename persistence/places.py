"""Where a server is: the statements that ask for its position, in its log or, if it does not tell, by its clock."""

from typing import Any, Final

import asyncpg  # type: ignore[import-untyped]  # it ships no types
import msgspec
import structlog

from persistence.advisory_locks import UNHEARD, somebody_holds
from persistence.positions import Position, position

log = structlog.get_logger(__name__)

_MICROSECONDS: Final = 1_000_000

UNTOLD: Final = (
    asyncpg.UndefinedFunctionError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.FeatureNotSupportedError,
)
"""What a database without functions of the write-ahead log answers; many managed ones are."""

TIMELINE: Final = "('x' || substr(pg_walfile_name(pg_current_wal_flush_lsn()), 1, 8))::bit(32)::bigint"

# With an asynchronous commit the log is flushed a moment later than COMMIT is answered.
_WRITTEN: Final = f"""
    SELECT {TIMELINE}, CASE current_setting('synchronous_commit')
        WHEN 'off' THEN pg_current_wal_insert_lsn() ELSE pg_current_wal_flush_lsn() END
"""

_COMMON: Final = f"""
    pg_is_in_recovery(),
    current_setting('synchronous_standby_names') <> ''
        AND current_setting('synchronous_commit') NOT IN ('off', 'local'),
    {somebody_holds(UNHEARD)}
"""

_SAMPLE: Final = f"""
    SELECT {_COMMON},
        CASE WHEN pg_is_in_recovery()
            THEN greatest(
                (pg_control_checkpoint()).timeline_id, (pg_control_recovery()).min_recovery_end_timeline
            )::bigint
            ELSE {TIMELINE} END,
        CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END,
        CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() END
"""

_NOW: Final = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
_CLOCK: Final = f"SELECT {_NOW}"
_CLOCK_SAMPLE: Final = f"SELECT {_COMMON}, {_NOW}"


class Sample(msgspec.Struct, frozen=True):
    """What a server said of itself; `at` is when it was asked, in the watch's seconds."""

    at: float
    standby: bool
    timeline: int
    position: Position
    """What whoever asks it then sees."""
    received: Position
    """Of a standby: what it has, though it may not show it yet."""
    synchronous: bool
    """Of a primary: its commits wait for a standby."""
    unheard: bool
    """Of a primary: somebody writes who cannot be heard."""


class Places:
    """How the positions of a database are found: in its log, until it turns out that it does not tell."""

    def __init__(self, sticky_seconds: float) -> None:
        """By the clock, a standby is believed to lag by no more than so many seconds."""
        self._sticky = round(sticky_seconds * _MICROSECONDS)
        self.by_clock = False
        self._by_log = False
        """A server has told: one that does not is of no use beside it."""

    async def written(self, primary: Any) -> Position:
        """What the last commit on this connection of the driver's is covered by."""
        if not self.by_clock:
            try:
                timeline, lsn = await primary.fetchrow(_WRITTEN)
            except UNTOLD as error:
                self._turn_to_clock(error)
            else:
                self._by_log = True
                return position(timeline, lsn)
        return int(await primary.fetchval(_CLOCK))

    async def sampled(self, server: Any, at: float) -> Sample:
        if not self.by_clock:
            try:
                standby, synchronous, unheard, timeline, lsn, received = await server.fetchrow(_SAMPLE)
            except UNTOLD as error:
                self._turn_to_clock(error)
            else:
                self._by_log = True
                shown = position(timeline, lsn or 0)
                known = position(timeline, received) if received is not None else shown
                return Sample(at, standby, timeline, shown, known, synchronous, unheard)
        standby, synchronous, unheard, now = await server.fetchrow(_CLOCK_SAMPLE)
        seen = now - self._sticky if standby else now
        return Sample(at, standby, 0, seen, seen, synchronous, unheard)

    def _turn_to_clock(self, error: Exception) -> None:
        if self._by_log:
            raise error
        if not self.by_clock:
            log.warning("database.positions_by_clock", reason=str(error))
        self.by_clock = True
