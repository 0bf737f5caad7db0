"""Budgets inside one process: without Redis, and while Redis is away."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import count
from typing import Final

from gateway.cost.bucket import Bucket, Ticket
from gateway.cost.budgets import Allowance, Hold, Level, Throttled
from gateway.cost.points import Points

OWNERS: Final = 10_000
"""Buckets that a process keeps; full ones are forgotten first, and at twice as many the one not used for longest."""


class LocalBudgets:
    """Implements `Budgets`. `clock` is in seconds and monotonic; `initial` is the level at which a bucket begins.

    `process` begins the names of holds.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        process: str = "local",
        initial: Callable[[Allowance], Points] | None = None,
        max_owners: int = OWNERS,
    ) -> None:
        self._clock = clock
        self._process = process
        self._initial = initial
        self._max_owners = max_owners
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()
        self._ids = count(1)

    def __len__(self) -> int:
        return len(self._buckets)

    async def take(
        self, allowances: Sequence[Allowance], requested: Points, *, client: str, seconds: float
    ) -> Hold | Throttled:
        now = self._now()
        ticket = (client, requested)
        buckets = [self._bucket(allowance, now) for allowance in allowances]
        for bucket in buckets:
            if bucket.wait(ticket):
                return _throttled(buckets, ticket)
        hold_id = f"{self._process}-{next(self._ids)}"
        until = now + int(seconds * 1_000)
        for bucket in buckets:
            bucket.take(hold_id, ticket, until)
        return Hold(hold_id, tuple(allowances), requested, tuple([bucket.shown() for bucket in buckets]))

    async def settle(self, hold: Hold, actual: Points) -> tuple[Level, ...]:
        now = self._now()
        buckets = [self._bucket(allowance, now) for allowance in hold.allowances]
        for bucket in buckets:
            bucket.settle(hold.id, actual)
        return tuple([bucket.shown() for bucket in buckets])

    async def levels(self, allowances: Sequence[Allowance]) -> tuple[Level, ...]:
        now = self._now()
        return tuple([self._bucket(allowance, now).shown() for allowance in allowances])

    def level(self, allowance: Allowance) -> Points:
        """The level of one bucket, which may be below zero."""
        return self._bucket(allowance, self._now()).points

    def give(self, allowance: Allowance, amount: int) -> Points:
        """Gives so many points, or takes them, whatever the level is; returns the level."""
        bucket = self._bucket(allowance, self._now())
        bucket.add(amount)
        return bucket.points

    def _now(self) -> int:
        return int(self._clock() * 1_000)

    def _bucket(self, allowance: Allowance, now: int) -> Bucket:
        bucket = self._buckets.get(allowance.owner)
        if bucket is None:
            self._forget(now)
            initial = allowance.capacity if self._initial is None else self._initial(allowance)
            self._buckets[allowance.owner] = bucket = Bucket(allowance, initial, now)
        else:
            self._buckets.move_to_end(allowance.owner)
        bucket.at(now, allowance)
        return bucket

    def _forget(self, now: int) -> None:
        """Makes room for one more. A bucket that is not full is given up last: its owner would have a full one."""
        while len(self._buckets) >= self._max_owners:
            owner, oldest = next(iter(self._buckets.items()))
            if not oldest.is_full(now) and len(self._buckets) < 2 * self._max_owners:
                return
            del self._buckets[owner]


def _throttled(buckets: Sequence[Bucket], ticket: Ticket) -> Throttled:
    waits = [bucket.wait(ticket) for bucket in buckets]
    longest = max(waits)
    levels = tuple(bucket.shown_to(ticket) for bucket in buckets)
    for bucket, wait in zip(buckets, waits, strict=True):
        bucket.queue(ticket, longest, joins=wait > 0)
    return Throttled(longest / 1_000, levels, waits.index(longest))
