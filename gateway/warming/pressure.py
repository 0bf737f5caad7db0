"""Signs that warming takes more than it gives: Redis is full, a replica falls behind, statements become slow."""

from collections import deque
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from cache.statistics import LOADER, CacheStatistics
from persistence.servers import ServerState

FULL: Final = 0.9
"""Of Redis's `maxmemory`, where it has one."""

LAGGING: Final = 0.5
"""Of the lag with which a replica gets no reads any more."""

SLOWER: Final = 3.0
"""Times the median of what loads took before."""

FLOOR_SECONDS: Final = 0.05
"""Loads that take less are not slow, whatever others took."""

_FEWEST: Final = 5
_MOST: Final = 50
_IN_A_ROW: Final = 2


class LoadTimes:
    """What a load takes, on average over a batch, beside what it took in the batches before."""

    def __init__(self) -> None:
        self._before: deque[float] = deque(maxlen=_MOST)
        self._slow = 0

    def slow(self, loads: int, seconds: float) -> str | None:
        """After a batch of so many loads, which took so long together; why it is too slow, if it is again."""
        if not loads:
            return None
        each = seconds / loads
        usual = median(self._before) if len(self._before) >= _FEWEST else None
        if usual is None or each <= max(FLOOR_SECONDS, SLOWER * usual):
            self._before.append(each)
            self._slow = 0
            return None
        self._slow += 1
        if self._slow < _IN_A_ROW:
            return None
        return f"the database takes {each * 1_000:,.0f} ms for what had taken {usual * 1_000:,.0f} ms"


class Pressure:
    """Asked once before the work, and again after each part of it. `lag_seconds`: a replica that lags more is out."""

    def __init__(
        self,
        redis: Redis,
        states: Callable[[], Sequence[ServerState]],
        statistics: CacheStatistics,
        lag_seconds: float,
    ) -> None:
        self._redis = redis
        self._states = states
        self._statistics = statistics
        self._lag_seconds = lag_seconds
        self._times = LoadTimes()
        self._evicted: int | None = None
        self._loads = 0
        self._load_seconds = 0.0

    async def sign(self) -> str | None:
        """Why to stop, as half a sentence; None: there is no reason."""
        return await self._of_redis() or self._of_replicas() or self._of_loads()

    async def _of_redis(self) -> str | None:
        try:
            info: dict[str, Any] = await self._redis.info()
        except (RedisError, OSError) as error:
            return f"Redis does not answer ({type(error).__name__})"
        evicted, most, used = int(info["evicted_keys"]), int(info["maxmemory"]), int(info["used_memory"])
        before = evicted if self._evicted is None else self._evicted
        self._evicted = evicted
        if evicted > before:
            return f"Redis evicts what it holds, {evicted - before:,} keys just now, to make room for more"
        if most and used > FULL * most:
            return f"Redis has used {used / most:.0%} of its maxmemory"
        return None

    def _of_replicas(self) -> str | None:
        for server in self._states():
            if not server.healthy:
                return f"{server.name} is not used, since it is away or lags"
            if server.lag_seconds > LAGGING * self._lag_seconds:
                return f"{server.name} lags {server.lag_seconds:.1f} s behind"
        return None

    def _of_loads(self) -> str | None:
        """Statements alone: whole answers are loads too, of which no two are alike."""
        lines = [line for line in self._statistics.snapshot() if line.tier == LOADER and line.kind != "answers"]
        loads, seconds = sum(line.loads for line in lines), sum(line.load_seconds for line in lines)
        slow = self._times.slow(loads - self._loads, seconds - self._load_seconds)
        self._loads, self._load_seconds = loads, seconds
        return slow
