"""The levels that this process last saw in Redis, to go on from when Redis is lost."""

from collections import OrderedDict
from collections.abc import Callable, Iterator

import msgspec

from gateway.cost.budgets import Allowance
from gateway.cost.points import Points


class Seen(msgspec.Struct, frozen=True):
    """A bucket as it was at a time of the mirror's clock; `key` is where Redis has it."""

    key: str
    allowance: Allowance
    level: Points
    at: float


class Mirror:
    """Of the owners seen last, so many at most. `clock` is in seconds and monotonic."""

    def __init__(self, clock: Callable[[], float], max_owners: int) -> None:
        self._clock = clock
        self._max_owners = max_owners
        self._seen: OrderedDict[str, Seen] = OrderedDict()

    def __iter__(self) -> Iterator[Seen]:
        return iter(tuple(self._seen.values()))

    def saw(self, key: str, allowance: Allowance, level: Points) -> None:
        self._seen[allowance.owner] = Seen(key, allowance, level, self._clock())
        self._seen.move_to_end(allowance.owner)
        if len(self._seen) > self._max_owners:
            self._seen.popitem(last=False)

    def level(self, allowance: Allowance) -> Points:
        """What the bucket would have if nobody had used it since; all that it can hold if it was never seen."""
        seen = self._seen.get(allowance.owner)
        if seen is None:
            return allowance.capacity
        restored = int((self._clock() - seen.at) * allowance.restore_rate)
        return min(allowance.capacity, Points(seen.level + restored))
