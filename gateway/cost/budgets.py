"""Budgets: buckets of points that refill, and what taking from them answers.

A bucket holds `capacity` points and restores `restore_rate` points a second. The price of a request is taken before it
runs; when it has run, what it did not need is given back. One that nobody has taken from is full.

Three keep buckets, under one contract (tests/gateway/cost/test_budgets.py): `LocalBudgets` in this process,
`RedisBudgets` in Redis for all processes, and `SharedBudgets`, which is the second while Redis is there and the first
while it is not.

Who is refused gets a place in the bucket's line, for as long as it was told to wait (`PATIENCE` at most) and `GRACE`
more. For the head of
the line, and for nobody else, points are kept: all others see what is beyond them. So small requests cannot keep the
bucket low for ever under a large one; and since a place ends by itself, a client that never comes back costs the others
of its bucket one wait, and nobody else anything. A request is recognised by its client and its price.
"""

from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

from gateway.cost.points import Points, points

GRACE: Final = 2.0
"""Seconds that a place in the line outlives the wait: clients round Retry-After up to seconds, and have a way to go."""

PATIENCE: Final = 120.0
"""Seconds of the wait for which a place in the line is kept: every plan's bucket fills sooner. Where it takes longer (a
slow one of an API key's own), who wants to keep a place asks again in between; else a client that is gone for good
would close the bucket to the others for hours."""

PLACES: Final = 32
"""Places of one bucket's line. Beyond them, who comes when one is free has it."""

LATE: Final = 600.0
"""Seconds after a hold's end in which its settlement is still charged."""

LONGEST_WAIT: Final = 86_400.0
"""Seconds; said where the bucket would never have enough."""

LARGEST: Final = points(1_000_000_000)
"""Of a capacity or a rate: buckets count in millionths of a point, and Lua's numbers are exact to 2^53."""


class Allowance(msgspec.Struct, frozen=True):
    """A bucket and its size: `owner` is 'ten:3', 'key:3:12', 'usr:5' or 'adr:<hash>'; the rate is per second.

    A size that differs from the last one takes effect at once: what is above the new capacity is gone.
    """

    owner: str
    capacity: Points
    restore_rate: Points

    def __post_init__(self) -> None:
        if not (0 < self.capacity <= LARGEST and 0 <= self.restore_rate <= LARGEST):
            raise ValueError(f"{self.owner}: a capacity is above 0 and at most {LARGEST}, a rate at least 0")


class Level(msgspec.Struct, frozen=True):
    """What a bucket has. Below zero, where more was spent than taken, is shown as zero."""

    available: Points
    capacity: Points
    restore_rate: Points


class Hold(msgspec.Struct, frozen=True):
    """Points taken for one request, to be settled once; `levels` are those after taking, one per allowance."""

    id: str
    allowances: tuple[Allowance, ...]
    requested: Points
    levels: tuple[Level, ...]


class Throttled(msgspec.Struct, frozen=True):
    """Nothing was taken. `retry_after` is in seconds; `by` is the index of the allowance that has to be waited for.

    `available` of the levels is what this client could have had: without the points kept for who is before it in line.
    """

    retry_after: float
    levels: tuple[Level, ...]
    by: int


class Budgets(Protocol):
    """None of these raises because Redis is gone."""

    async def take(
        self, allowances: Sequence[Allowance], requested: Points, *, client: str, seconds: float
    ) -> Hold | Throttled:
        """Takes from all of the one or two buckets, or from none.

        A hold that nobody settles within `seconds` is given back whole: its server was killed.
        """
        ...

    async def settle(self, hold: Hold, actual: Points) -> tuple[Level, ...]:
        """Gives back what was taken and not spent; again, it changes nothing.

        Once the hold has ended, `actual` is taken anew, if need be below zero, down to minus the capacity.
        """
        ...

    async def levels(self, allowances: Sequence[Allowance]) -> tuple[Level, ...]:
        """The levels as they are; takes nothing."""
        ...
