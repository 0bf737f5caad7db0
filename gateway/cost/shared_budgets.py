"""Budgets of all processes in Redis, and this process's share of them while Redis is away.

    Redis answers       every call goes there; the mirror keeps the levels that were seen
    a call fails        at once, and until Redis is back: Absence, this process's share. No request waits
                        for Redis meanwhile; the beat asks for it once a second
    Redis is back       with its data: it hears what was settled and what was spent here. Without: it gets what is left
                        of each share, from each process. Then every call goes there again

All processes together so stay within capacity + restore rate x time, as one bucket would, as far as they know of each
other. What they cannot know: a process begins with its share of what it saw last, be it long ago, and of a tenant that
it never served with a full one; one that started while Redis was away counts itself alone; and while one process
believes Redis lost and another does not (until the next beat, but for a network that parts them), both spend. What
Redis then hears of goes below zero if need be, and is paid back first.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import islice
from typing import Final, Literal, TypeVar

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from gateway.cost.absence import Absence, Change, Settlement
from gateway.cost.budgets import Allowance, Hold, Level, Throttled
from gateway.cost.local_budgets import OWNERS
from gateway.cost.mirror import Mirror
from gateway.cost.points import Points
from gateway.cost.processes import Processes
from gateway.cost.redis_budgets import BucketMissing, Missed, Missing, RedisBudgets, wrong
from ops.telemetry.logging import logger
from ops.telemetry.metrics import CostMetrics

BEAT: Final = 1.0
"""Seconds between two beats, and so between two questions whether Redis is back."""

YOUNG: Final = 3.0
"""Seconds after which every process has told a Redis that lost its data what it has."""

_HOLDS: Final = 100_000
"""Holds in flight that a process knows; of one that it forgot, nothing is given back before it ends."""

_AT_ONCE: Final = 32

log = logger(__name__)

T = TypeVar("T")


class _Origin(msgspec.Struct, frozen=True):
    """Who gave a hold: Redis, by the name that its data had, or an absence."""

    store: str | None
    absence: Absence | None


class SharedBudgets:
    """Implements `Budgets`. `process` is a name that no other process has; `clock` is in seconds and monotonic.

    Serve within `running`: without its beat Redis is not missed when it lost its data, and never found again.
    """

    def __init__(
        self,
        redis: Redis,
        process: str,
        metrics: CostMetrics,
        clock: Callable[[], float],
        *,
        max_owners: int = OWNERS,
    ) -> None:
        self._process = process
        self._metrics = metrics
        self._clock = clock
        self._max_owners = max_owners
        self._mirror = Mirror(clock, max_owners)
        self._redis = RedisBudgets(redis, process, seen=self._mirror.saw, wary=True)
        self._processes = Processes(redis, process, clock)
        self._holds: dict[str, _Origin] = {}
        self._absence: Absence | None = None
        self._absences = 0
        self._store = ""
        self._young_until = 0.0
        self._wake = asyncio.Event()
        metrics.shared(True)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Within the block this process is one of those that share, and comes back to Redis when it can."""
        await self.beat()
        beating = asyncio.create_task(self._beat_on())
        try:
            yield
        finally:
            # More than once: Python 3.11's wait_for, within the client, loses a cancellation that meets an answer.
            while not beating.done():
                beating.cancel()
                await asyncio.wait([beating], timeout=0.05)
            await self._processes.leave()

    async def take(
        self, allowances: Sequence[Allowance], requested: Points, *, client: str, seconds: float
    ) -> Hold | Throttled:
        begin = self._clock()
        taken = await self._asked(
            lambda missing: self._redis.take(allowances, requested, client=client, seconds=seconds, missing=missing),
            self._missing,
        )
        if isinstance(taken, Absence):
            absence = taken
            taken = await absence.take(allowances, requested, client=client, seconds=seconds)
            origin = _Origin(None, absence)
        else:
            origin = _Origin(self._store, None)
            if self._absence is not None and isinstance(taken, Hold):
                self._absence.took(taken)
        if isinstance(taken, Hold):
            self._holds[taken.id] = origin
            if len(self._holds) > _HOLDS:
                del self._holds[next(iter(self._holds))]
        self._called("take", begin)
        return taken

    async def settle(self, hold: Hold, actual: Points) -> tuple[Level, ...]:
        begin = self._clock()
        origin = self._holds.pop(hold.id, None)
        levels = await (self._levels(hold.allowances) if origin is None else self._settled(origin, hold, actual))
        self._called("settle", begin)
        return levels

    async def levels(self, allowances: Sequence[Allowance]) -> tuple[Level, ...]:
        begin = self._clock()
        levels = await self._levels(allowances)
        self._called("levels", begin)
        return levels

    async def beat(self) -> None:
        """Counts the processes, and finds out whether Redis is there and has its data."""
        try:
            beat = await self._processes.beat()
            if self._absence is None and self._store not in ("", beat.store):
                self._lost("its data are gone")
            if self._absence is not None:
                await self._return(self._absence, beat.store)
            self._store = beat.store
        except (RedisError, OSError, BucketMissing) as error:
            self._lost(type(error).__name__)

    async def _levels(self, allowances: Sequence[Allowance]) -> tuple[Level, ...]:
        found = await self._asked(lambda missing: self._redis.levels(allowances, missing=missing), self._missing)
        return await found.levels(allowances) if isinstance(found, Absence) else found

    async def _settled(self, origin: _Origin, hold: Hold, actual: Points) -> tuple[Level, ...]:
        if origin.store == self._store:
            # A hold keeps its bucket: if that is missing, the data are gone.
            found = await self._asked(lambda missing: self._redis.settle(hold, actual, missing=missing), wrong)
            return await found.settle_later(hold, actual) if isinstance(found, Absence) else found
        if self._absence is not None and origin.absence is self._absence:
            return await self._absence.settle(hold, actual)
        # Redis has heard of the points that were taken, but not of the hold.
        back = await self._asked(
            lambda missing: self._redis.settle_or_give(hold, actual, missing=missing), self._missing
        )
        return await back.settle_elsewhere(hold, actual) if isinstance(back, Absence) else back

    async def _asked(self, call: Callable[[Missed], Awaitable[T]], missing: Missed) -> T | Absence:
        """What Redis says, or the absence that it is in."""
        if self._absence is not None:
            return self._absence
        try:
            try:
                return await call(missing)
            except BucketMissing:
                # Other processes may have filled it, and it ended; or the data of all buckets are gone.
                if (await self._processes.beat()).store == self._store:
                    return await call(self._young)
                self._wake.set()
                return self._lost("its data are gone")
        except (RedisError, OSError, BucketMissing) as error:
            return self._lost(type(error).__name__)

    def _young(self, allowance: Allowance) -> Points | Missing:
        """In a Redis that lost its data, others may still have to tell what is left to them."""
        if self._clock() < self._young_until:
            return Points(allowance.capacity // self._processes.alive)
        return Missing.FULL

    def _missing(self, allowance: Allowance) -> Points | Missing:
        return self._young(allowance) if self._mirror.level(allowance) >= allowance.capacity else Missing.WRONG

    def _lost(self, why: str) -> Absence:
        if self._absence is None:
            self._absences += 1
            name = f"{self._process}-{self._absences}"
            alive = self._processes.alive
            self._absence = Absence(name, self._mirror, alive, self._clock, self._max_owners)
            self._metrics.failover()
            self._metrics.shared(False)
            log.warning("budgets.redis_lost", why=why, processes=alive)
        return self._absence

    async def _return(self, absence: Absence, store: str) -> None:
        """Tells Redis of the absence, and ends it. Raises RedisError; then the absence goes on."""
        kept = self._store in ("", store)
        await self._redis.load()
        if not kept:
            await _each(absence.shares(), self._give_share)
            self._young_until = self._clock() + YOUNG
        # Requests go on meanwhile, and so does this, until there is nothing to tell: then no request is in between.
        await _each(absence.news(), lambda news: self._tell(absence, news))
        self._absence = None
        self._metrics.shared(True)
        log.info("budgets.redis_back", data_kept=kept)

    async def _give_share(self, share: Change) -> None:
        await self._redis.give([share.key], [share.allowance], share.amount, missing=lambda _: Points(0))

    async def _tell(self, absence: Absence, news: Change | Settlement) -> None:
        try:
            if isinstance(news, Change):
                await self._redis.give([news.key], [news.allowance], news.amount, missing=self._young)
            else:
                await self._redis.settle(news.hold, news.actual)
        except (RedisError, OSError, BucketMissing):
            absence.unheard(news)
            raise

    async def _beat_on(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT):
                    await self._wake.wait()
            self._wake.clear()
            try:
                await self.beat()
            # Whatever it was: without a beat, this process would never be back.
            except Exception:
                log.exception("budgets.beat_failed")

    def _called(self, call: Literal["take", "settle", "levels"], begin: float) -> None:
        self._metrics.called(call, self._clock() - begin)


async def _each(things: Iterator[T], told: Callable[[T], Awaitable[None]]) -> None:
    """Some at a time, until there is no more. Raises the first error once all of its batch have ended."""
    while batch := list(islice(things, _AT_ONCE)):
        for result in await asyncio.gather(*map(told, batch), return_exceptions=True):
            if result is not None:
                raise result
