"""The gateway processes that share a Redis: how many there are, and whether it is the Redis they knew."""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final, cast

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

ALIVE: Final = 10.0
"""Seconds after its last beat in which a process counts as alive."""

_PROCESSES: Final = "podgraph:budget:{processes}"
_STORE: Final = "podgraph:budget:{processes}:store"

_BEAT: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], string.format('%.0f', now), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - ARGV[2]))
redis.call('SET', KEYS[2], ARGV[3], 'NX')
return {redis.call('ZCARD', KEYS[1]), redis.call('GET', KEYS[2])}
"""


class Beat(msgspec.Struct, frozen=True):
    """`store` is a name that a Redis is given once and that goes with its data."""

    alive: int
    store: str


class Processes:
    """This process among the others. `name` is one that no other process has; `clock` is in seconds and monotonic."""

    def __init__(self, redis: Redis, name: str, clock: Callable[[], float]) -> None:
        self._redis = redis
        self._name = name
        self._clock = clock
        self._beats = 0
        self._counts: deque[tuple[float, int]] = deque()

    @property
    def alive(self) -> int:
        """The most that were seen of late: a Redis that lost its data learns of them again one by one."""
        return max((count for _, count in self._counts), default=1)

    async def beat(self) -> Beat:
        """Says that this process is alive. Raises RedisError."""
        self._beats += 1
        answer = await self._redis.eval(
            _BEAT, 2, _PROCESSES, _STORE, self._name, int(ALIVE * 1_000), f"{self._name}-{self._beats}"
        )
        alive, store = cast(tuple[int, bytes], answer)
        now = self._clock()
        self._counts.append((now, alive))
        while self._counts[0][0] < now - ALIVE:
            self._counts.popleft()
        return Beat(alive, store.decode())

    async def leave(self) -> None:
        """This process ends; others learn of it by themselves where Redis is gone."""
        with suppress(RedisError, OSError):
            await self._redis.zrem(_PROCESSES, self._name)
