"""Budgets in Redis, for all processes: one script (budgets.lua), one round trip a call."""

import hashlib
from collections.abc import Callable, Sequence
from enum import Enum
from importlib.resources import files
from itertools import count
from typing import Final, cast

from redis.asyncio import Redis
from redis.exceptions import NoScriptError, TimeoutError

from gateway.cost.budgets import GRACE, LATE, LONGEST_WAIT, PATIENCE, PLACES, Allowance, Hold, Level, Throttled
from gateway.cost.points import Points

_ARGUMENTS: Final = 4
_BOUNDS: Final = (*(int(seconds * 1_000) for seconds in (GRACE, PATIENCE, LATE, LONGEST_WAIT)), PLACES)


class BucketMissing(Exception):
    """Redis has no bucket where there should be one, or has forgotten what it knew; nothing was done."""


class Missing(Enum):
    """What a bucket is that Redis does not have."""

    FULL = ""
    WRONG = "?"
    """BucketMissing."""


def full(_allowance: Allowance) -> Missing:
    """Buckets are kept until they are full: one that is missing is."""
    return Missing.FULL


def wrong(_allowance: Allowance) -> Missing:
    """There must be one."""
    return Missing.WRONG


class TakeUnanswered(TimeoutError):
    """A hold may have been taken, or not."""

    def __init__(self, hold_id: str) -> None:
        super().__init__("a take was not answered")
        self.hold_id = hold_id


Missed = Callable[[Allowance], Points | Missing]


class RedisBudgets:
    """Implements `Budgets`, but raises RedisError when Redis does not do it, or twice not in time.

    `process` is a name that no other process has. `clock`, in seconds, is for tests: without it Redis' own counts, and
    the clocks of processes do not matter. `seen` is told each level, which may be below zero. `missing` says of a
    bucket that Redis does not have at which level it begins. Who is `wary` hears of BucketMissing, once, when Redis has
    forgotten the script: it may have forgotten all.
    """

    def __init__(
        self,
        redis: Redis,
        process: str,
        *,
        clock: Callable[[], float] | None = None,
        seen: Callable[[str, Allowance, Points], None] | None = None,
        wary: bool = False,
    ) -> None:
        self._redis = redis
        self._process = process
        self._clock = clock
        self._seen = seen
        self._wary = wary
        self._ids = count(1)
        self._script = files("gateway.cost").joinpath("budgets.lua").read_text(encoding="utf-8")
        self._digest = hashlib.sha1(self._script.encode(), usedforsecurity=False).hexdigest()

    async def load(self) -> None:
        """Lets Redis know the script."""
        await self._redis.script_load(self._script)

    async def take(
        self,
        allowances: Sequence[Allowance],
        requested: Points,
        *,
        client: str,
        seconds: float,
        missing: Missed = full,
    ) -> Hold | Throttled:
        keys = bucket_keys(allowances)
        try:
            return await self._take(keys, allowances, requested, client, seconds, missing)
        except TakeUnanswered as unanswered:
            # A loop that was busy for longer than the timeout is no lost Redis. What was taken, if it was, goes back.
            await self._call("settle", keys, allowances, (unanswered.hold_id, 0), wrong)
            return await self._take(keys, allowances, requested, client, seconds, missing)

    async def settle(self, hold: Hold, actual: Points, *, missing: Missed = full) -> tuple[Level, ...]:
        keys = bucket_keys(hold.allowances)
        answer = await self._asked_twice("settle", keys, hold.allowances, (hold.id, actual), missing)
        return _levels(hold.allowances, answer[2:])

    async def settle_or_give(self, hold: Hold, actual: Points, *, missing: Missed = full) -> tuple[Level, ...]:
        """Gives back the rest of a hold that Redis may not know."""
        keys = bucket_keys(hold.allowances)
        known, _, *levels = await self._call("settle", keys, hold.allowances, (hold.id, actual), missing)
        return (
            _levels(hold.allowances, levels)
            if known
            else await self.give(keys, hold.allowances, hold.requested - actual)
        )

    async def levels(self, allowances: Sequence[Allowance], *, missing: Missed = full) -> tuple[Level, ...]:
        answer = await self._asked_twice("levels", bucket_keys(allowances), allowances, (), missing)
        return _levels(allowances, answer[2:])

    async def give(
        self, keys: Sequence[str], allowances: Sequence[Allowance], amount: int, *, missing: Missed = full
    ) -> tuple[Level, ...]:
        """Gives each bucket so many points, or takes them, whatever its level is."""
        return _levels(allowances, (await self._call("give", keys, allowances, (amount,), missing))[2:])

    async def _take(
        self,
        keys: Sequence[str],
        allowances: Sequence[Allowance],
        requested: Points,
        client: str,
        seconds: float,
        missing: Missed,
    ) -> Hold | Throttled:
        hold_id = f"{self._process}-{next(self._ids)}"
        arguments = (hold_id, _ticket(client), requested, int(seconds * 1_000))
        try:
            by, wait, *levels = await self._call("take", keys, allowances, arguments, missing)
        except TimeoutError as error:
            raise TakeUnanswered(hold_id) from error
        shown = _levels(allowances, levels)
        if wait:
            return Throttled(wait / 1_000, shown, by - 1)
        return Hold(hold_id, tuple(allowances), requested, shown)

    async def _asked_twice(
        self,
        verb: str,
        keys: Sequence[str],
        allowances: Sequence[Allowance],
        arguments: tuple[str | int, ...],
        missing: Missed,
    ) -> list[int]:
        """Of what changes nothing the second time."""
        try:
            return await self._call(verb, keys, allowances, arguments, missing)
        except TimeoutError:
            return await self._call(verb, keys, allowances, arguments, missing)

    async def _call(
        self,
        verb: str,
        keys: Sequence[str],
        allowances: Sequence[Allowance],
        arguments: tuple[str | int, ...],
        missing: Missed,
    ) -> list[int]:
        now = "" if self._clock is None else int(self._clock() * 1_000)
        given = [verb, now, *arguments, *("",) * (_ARGUMENTS - len(arguments)), *_BOUNDS]
        for allowance in allowances:
            initial = missing(allowance)
            given += (
                allowance.capacity,
                allowance.restore_rate,
                initial.value if isinstance(initial, Missing) else initial,
            )
        try:
            answer = await self._redis.evalsha(self._digest, len(keys), *keys, *given)
        except NoScriptError as error:
            # Nothing was run: this Redis has not seen the script, or is another one since.
            await self.load()
            if self._wary:
                raise BucketMissing from error
            answer = await self._redis.evalsha(self._digest, len(keys), *keys, *given)
        found = cast(list[int], answer)
        if found[0] == -1:
            raise BucketMissing
        if self._seen is not None:
            for key, allowance, level in zip(keys, allowances, found[-len(keys) :], strict=True):
                self._seen(key, allowance, Points(level))
        return found


def bucket_keys(allowances: Sequence[Allowance]) -> list[str]:
    """Of one hash tag, the first owner's, so that one node of a cluster has them all."""
    first = allowances[0].owner
    return [f"podgraph:budget:{{{first}}}", *(f"podgraph:budget:{{{first}}}:{other.owner}" for other in allowances[1:])]


def _ticket(client: str) -> str:
    """Names of clients are theirs to choose; in a line they are digits."""
    return hashlib.blake2b(client.encode(errors="surrogatepass"), digest_size=8).hexdigest()


def _levels(allowances: Sequence[Allowance], levels: Sequence[int]) -> tuple[Level, ...]:
    return tuple(
        Level(Points(max(0, level)), allowance.capacity, allowance.restore_rate)
        for allowance, level in zip(allowances, levels, strict=False)
    )
