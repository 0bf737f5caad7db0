"""One bucket inside a process. budgets.lua says the same in Lua; one contract test holds both to it."""

from typing import Final

import msgspec

from gateway.cost.budgets import GRACE, LATE, LONGEST_WAIT, PATIENCE, PLACES, Allowance, Level
from gateway.cost.points import Points

FINE: Final = 1_000
"""Levels are counted in thousandths of `Points`: at so many `Points` a second, so many of them come back in a ms."""

_GRACE_MS: Final = int(GRACE * 1_000)
_PATIENCE_MS: Final = int(PATIENCE * 1_000)
_LATE_MS: Final = int(LATE * 1_000)
_LONGEST_MS: Final = int(LONGEST_WAIT * 1_000)

Ticket = tuple[str, int]
"""By which a request is recognised when it comes again: its client and its price."""


class _Place(msgspec.Struct):
    ticket: Ticket
    until: int


class Bucket:
    """All times are milliseconds of one clock. `at` is called before anything else, so that the bucket is of now."""

    __slots__ = ("_allowance", "_capacity", "_due", "_holds", "_lapsed", "_line", "_now", "level")

    def __init__(self, allowance: Allowance, level: Points, now: int) -> None:
        self.level = level * FINE
        self._now = now
        self._allowance = allowance
        self._capacity = allowance.capacity * FINE
        self._holds: dict[str, tuple[int, Points]] = {}
        self._lapsed: dict[str, int] = {}
        self._due: int | None = None
        self._line: list[_Place] = []

    @property
    def points(self) -> Points:
        """The level, rounded down; it may be below zero."""
        return Points(self.level // FINE)

    def is_full(self, now: int) -> bool:
        """Then it is as if it had never been."""
        self.at(now, self._allowance)
        return self.level >= self._capacity and not self._holds and not self._lapsed

    def shown(self) -> Level:
        """The level as everybody sees it."""
        return self._shown(self.level)

    def shown_to(self, ticket: Ticket) -> Level:
        """The level as this request sees it."""
        return self._shown(self.available_to(ticket))

    def at(self, now: int, allowance: Allowance) -> None:
        """Restores what time restores, gives back holds that have ended, and ends places in the line."""
        self._allowance = allowance
        most = self._capacity = allowance.capacity * FINE
        level = self.level
        # A clock that went back restores nothing, and everything from then on.
        if now > self._now:
            level += (now - self._now) * allowance.restore_rate
        self._now = now
        if self._due is not None and self._due <= now:
            level += self._ended(now)
        # Of two numbers: `min` takes twice as long, and this is on the way of every request.
        self.level = most if level > most else level
        if self._line:
            self._line = [place for place in self._line if place.until > now]

    def available_to(self, ticket: Ticket) -> int:
        """In thousandths of `Points`: the level, less what is kept for the head of the line if that is another."""
        if self._line and self._line[0].ticket != ticket:
            return self.level - self._line[0].ticket[1] * FINE
        return self.level

    def wait(self, ticket: Ticket) -> int:
        """Milliseconds until the bucket has enough for it; 0 if it has."""
        missing = ticket[1] * FINE - (self.available_to(ticket) if self._line else self.level)
        if missing <= 0:
            return 0
        rate = self._allowance.restore_rate
        return min(_LONGEST_MS, -(-missing // rate)) if rate else _LONGEST_MS

    def take(self, hold_id: str, ticket: Ticket, until: int) -> None:
        self.level -= ticket[1] * FINE
        self._holds[hold_id] = (until, Points(ticket[1]))
        if self._due is None or until < self._due:
            self._due = until
        if self._line:
            self._line = [place for place in self._line if place.ticket != ticket]

    def queue(self, ticket: Ticket, wait: int, *, joins: bool) -> None:
        """Keeps a refused request's place, or gives it one if it `joins` and there is one.

        What never fits gets no place: at the head it would keep everything from everybody.
        """
        until = self._now + min(wait, _PATIENCE_MS) + _GRACE_MS
        for place in self._line:
            if place.ticket == ticket:
                place.until = until
                return
        if joins and len(self._line) < PLACES and ticket[1] * FINE <= self._capacity:
            self._line.append(_Place(ticket, until))

    def settle(self, hold_id: str, actual: Points) -> None:
        if (held := self._holds.pop(hold_id, None)) is not None:
            self.add(held[1] - actual)
        elif self._lapsed.pop(hold_id, None) is not None:
            self.add(-actual)

    def add(self, amount: int) -> None:
        """So many `Points` more, or less: never above the capacity nor below minus the capacity."""
        level, most = self.level + amount * FINE, self._capacity
        if level > most:
            level = most
        elif level < -most:
            level = -most
        self.level = level

    def _shown(self, level: int) -> Level:
        allowance = self._allowance
        return Level(Points(level // FINE if level > 0 else 0), allowance.capacity, allowance.restore_rate)

    def _ended(self, now: int) -> int:
        """What ended holds give back. They are remembered for a while, since they may still be settled."""
        back = 0
        for hold_id, (until, requested) in list(self._holds.items()):
            if until <= now:
                del self._holds[hold_id]
                self._lapsed[hold_id] = until + _LATE_MS
                back += requested * FINE
        self._lapsed = {hold_id: until for hold_id, until in self._lapsed.items() if until > now}
        self._due = min((*(until for until, _ in self._holds.values()), *self._lapsed.values()), default=None)
        return back
