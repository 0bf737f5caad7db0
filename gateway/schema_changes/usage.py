"""What clients have used of the graph, as evidence for a check: an element that nobody uses may be removed."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

import msgspec

from gateway.schema_changes.change import Change, Severity
from gateway.schema_changes.elements import Coordinate, owner

FORMAT: Final = "podgraph-schema-usage"
STALE_DAYS: Final = 7
"""Evidence that ended longer ago says nothing about today."""

_SHOWN: Final = 5


class ElementUsers(msgspec.Struct, frozen=True, rename="camel"):
    """One version of a client, and when it last used the element of this coordinate."""

    coordinate: str
    client: str
    version: str
    last_day: date
    uses: int


class Usage(msgspec.Struct, frozen=True, rename="camel"):
    """Every use of the days from `first_day` to `last_day` (UTC, both included)."""

    first_day: date
    last_day: date
    elements: tuple[ElementUsers, ...]
    format: str = FORMAT
    version: int = 1


class UnreadableUsage(Exception):
    """Text that is no usage; the message is one sentence."""


def usage_from(content: bytes, origin: str) -> Usage:
    """The usage of a file that `podgraph schema usage` wrote. Raises UnreadableUsage."""
    try:
        usage = msgspec.json.decode(content, type=Usage)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnreadableUsage(f"{origin} is not what `podgraph schema usage --out` writes: {error}.") from error
    if (usage.format, usage.version) != (FORMAT, 1):
        raise UnreadableUsage(f"{origin} is of format {usage.format!r} {usage.version}, not {FORMAT!r} 1.")
    return usage


class Evidence:
    """What usage proves on a day: who used which element last, and whether that was long enough ago."""

    def __init__(self, usage: Usage | None, unused_days: int, today: date) -> None:
        self._usage = usage
        self._needed = unused_days
        self._today = today
        self._users: dict[str, list[ElementUsers]] = {}
        for users in usage.elements if usage else ():
            self._users.setdefault(users.coordinate, []).append(users)

    @property
    def gap(self) -> str | None:
        """Why the usage proves nothing, as a sentence; None when it does."""
        usage = self._usage
        if usage is None:
            return "There is no usage data: every removal counts as one that somebody may depend on."
        if usage.last_day < self._today - timedelta(days=STALE_DAYS):
            return f"The usage data ends on {usage.last_day}: it proves nothing about today."
        if self._days_since(usage.first_day) < self._needed:
            return (
                f"Usage has been counted since {usage.first_day} only, for less than {self._needed} days:"
                " it proves nothing yet."
            )
        return None

    def excuse(self, coordinate: Coordinate) -> str | None:
        """A `deprecation.Excuse`: nobody has used the element for as long as is asked."""
        # Directives are not counted.
        if self.gap is not None or coordinate.startswith("@") or self._usage is None:
            return None
        last = max((each.last_day for each in self._users.get(coordinate, ())), default=None)
        # Counting may have begun after the last use: then it is at least as long ago.
        days = self._days_since(self._usage.first_day) if last is None else self._days_since(last)
        return f"nobody has used it for {days} days" if days >= self._needed else None

    def told(self, changes: Sequence[Change]) -> tuple[Change, ...]:
        """The changes; those that break say who uses what they change."""
        return tuple(
            msgspec.structs.replace(change, users=self._told(change.coordinate))
            if change.severity is Severity.BREAKING and change.coordinate is not None
            else change
            for change in changes
        )

    def _told(self, coordinate: Coordinate) -> str | None:
        """Who uses the element, or the one that it belongs to, latest first."""
        at: Coordinate | None = coordinate
        while at is not None and at not in self._users:
            at = owner(at)
        if at is None:
            return None
        users = sorted(self._users[at], key=lambda each: (-each.last_day.toordinal(), each.client, each.version))
        shown = [f"{each.client} {each.version}".rstrip() + f" (last on {each.last_day})" for each in users[:_SHOWN]]
        more = f" and {len(users) - _SHOWN} more" if len(users) > _SHOWN else ""
        return f"{'' if at == coordinate else f'{at} '}by {', '.join(shown)}{more}"

    def _days_since(self, day: date) -> int:
        return (self._today - day).days
