"""The time in which Redis is away: this process's share of each bucket, and what Redis is to hear of afterwards."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from gateway.cost.budgets import Allowance, Hold, Level, Throttled
from gateway.cost.local_budgets import LocalBudgets
from gateway.cost.mirror import Mirror
from gateway.cost.points import Points
from gateway.cost.redis_budgets import bucket_keys

RETRY: Final = 10.0
"""Seconds after which is worth asking again what only the whole bucket can do."""


class Change(msgspec.Struct, frozen=True):
    """So many points more, or less, for one bucket of Redis."""

    key: str
    allowance: Allowance
    amount: int


class Settlement(msgspec.Struct, frozen=True):
    """Of a hold that Redis gave."""

    hold: Hold
    actual: Points


class Absence:
    """One loss of Redis, from the first call that failed to the last thing that Redis was told.

    A bucket begins at this process's share of the level that was last seen, and restores its share of the rate: all
    `processes` together then have what the one bucket would have had. `name` is one that no other absence has.
    """

    def __init__(self, name: str, mirror: Mirror, processes: int, clock: Callable[[], float], max_owners: int) -> None:
        self._mirror = mirror
        self._processes = processes
        self._max_owners = max_owners
        self._local = LocalBudgets(clock, process=name, initial=self._initial, max_owners=max_owners)
        self._spent: dict[str, Change] = {}
        self._unsettled: dict[str, Settlement] = {}
        self._data_kept = True

    async def take(
        self, allowances: Sequence[Allowance], requested: Points, *, client: str, seconds: float
    ) -> Hold | Throttled:
        shares = self._shares(allowances)
        taken = await self._local.take(shares, requested, client=client, seconds=seconds)
        levels = _of_plans(allowances, taken.levels)
        if isinstance(taken, Throttled):
            # What is more than the whole share has to wait for Redis, which may be back at any time.
            fits = requested <= min(share.capacity for share in shares)
            return Throttled(taken.retry_after if fits else min(RETRY, taken.retry_after), levels, taken.by)
        self._spend(allowances, requested)
        return Hold(taken.id, tuple(allowances), requested, levels)

    async def settle(self, hold: Hold, actual: Points) -> tuple[Level, ...]:
        """A hold that was taken here."""
        self._spend(hold.allowances, actual - hold.requested)
        shares = Hold(hold.id, self._shares(hold.allowances), hold.requested, ())
        return _of_plans(hold.allowances, await self._local.settle(shares, actual))

    async def levels(self, allowances: Sequence[Allowance]) -> tuple[Level, ...]:
        return _of_plans(allowances, await self._local.levels(self._shares(allowances)))

    async def settle_later(self, hold: Hold, actual: Points) -> tuple[Level, ...]:
        """A hold of the Redis that is away: what it gives back is spent here meanwhile, and Redis hears of it."""
        if not self._data_kept:
            return await self.settle_elsewhere(hold, actual)
        self._unsettled[hold.id] = Settlement(hold, actual)
        self._give(hold.allowances, hold.requested - actual)
        return await self.levels(hold.allowances)

    def took(self, hold: Hold) -> None:
        """A hold that Redis gave after it was taken for lost."""
        self._give(hold.allowances, -hold.requested)

    async def settle_elsewhere(self, hold: Hold, actual: Points) -> tuple[Level, ...]:
        """A hold of an earlier absence, of which Redis has heard, or of a Redis whose data are gone."""
        self._spend(hold.allowances, actual - hold.requested)
        self._give(hold.allowances, hold.requested - actual)
        return await self.levels(hold.allowances)

    def news(self) -> Iterator[Change | Settlement]:
        """What happened here and Redis has not heard of, until there is no more. What is handed out is forgotten."""
        while self._unsettled or self._spent:
            if self._unsettled:
                yield self._unsettled.pop(next(iter(self._unsettled)))
            else:
                change = self._spent.pop(next(iter(self._spent)))
                if change.amount:
                    yield change

    def unheard(self, news: Change | Settlement) -> None:
        """It may be that Redis has not heard of it: better twice than never, else points would be spent twice."""
        if isinstance(news, Change):
            self._owe(news)
        else:
            self._unsettled[news.hold.id] = news

    def shares(self) -> Iterator[Change]:
        """What is left here of each bucket that is not full, for a Redis that has lost all; then nothing is left here.

        Holds of the Redis that was lost are as if they had been taken here.
        """
        self._data_kept = False
        self._unsettled.clear()
        buckets = {seen.key: seen.allowance for seen in self._mirror}
        buckets |= {change.key: change.allowance for change in self._spent.values()}
        for key, allowance in buckets.items():
            if key not in self._spent and self._mirror.level(allowance) >= allowance.capacity:
                continue
            share = self._share(allowance)
            level = self._local.level(share)
            self._local.give(share, -level)
            self._spent.pop(key, None)
            yield Change(key, allowance, level)

    def _initial(self, share: Allowance) -> Points:
        whole = Allowance(
            share.owner,
            Points(share.capacity * self._processes),
            Points(share.restore_rate * self._processes),
        )
        return Points(self._mirror.level(whole) // self._processes)

    def _share(self, allowance: Allowance) -> Allowance:
        return Allowance(
            allowance.owner,
            Points(max(1, allowance.capacity // self._processes)),
            Points(allowance.restore_rate // self._processes),
        )

    def _shares(self, allowances: Sequence[Allowance]) -> tuple[Allowance, ...]:
        return tuple(map(self._share, allowances))

    def _give(self, allowances: Sequence[Allowance], amount: int) -> None:
        for allowance in allowances:
            self._local.give(self._share(allowance), amount)

    def _spend(self, allowances: Sequence[Allowance], amount: int) -> None:
        for key, allowance in zip(bucket_keys(allowances), allowances, strict=True):
            self._owe(Change(key, allowance, -amount))

    def _owe(self, change: Change) -> None:
        before = self._spent.pop(change.key, None)
        amount = change.amount + (before.amount if before is not None else 0)
        self._spent[change.key] = Change(change.key, change.allowance, amount)
        if len(self._spent) > 2 * self._max_owners:  # as many as there are buckets
            del self._spent[next(iter(self._spent))]


def _of_plans(allowances: Sequence[Allowance], levels: Sequence[Level]) -> tuple[Level, ...]:
    """What there is here, beside what the plan says: that a process has a share of it is no client's concern."""
    return tuple(
        Level(level.available, allowance.capacity, allowance.restore_rate)
        for allowance, level in zip(allowances, levels, strict=True)
    )
