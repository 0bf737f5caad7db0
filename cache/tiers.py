"""The cache: memory, then Redis, then whoever loads it. A missing value is loaded once, however many ask for it.

A value is kept only if the coherence says that nothing it depends on has been written since, and believed only then.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence, Set
from operator import attrgetter
from time import perf_counter
from typing import Any, Final, Generic, TypeVar

import msgspec

from cache.coherence import Coherence, Moment
from cache.flights import Flight, Flights, Sources, whole_of
from cache.kinds import Kept, Kind
from cache.memory import MISSING, Key, Memory, Missing, Shelf, Table
from cache.redis_tier import MOST_BYTES, RedisTier
from cache.statistics import LOADER, MEMORY, REDIS, CacheStatistics, Counts
from cache.tags import WHOLE, Position, Tag, tenants_of

V = TypeVar("V")

_STAMP_AT: Final = slice(3, 19)
"""Where `Kept.stamp` is in the bytes: after the head of an array of 3 and that of 16 bytes."""

_TABLES: Final = attrgetter("tables")
_VALUE: Final = attrgetter("value")

_MOST_LEASES: Final = 100
"""Keys of a larger batch are not leased: that would take longer than their statement, which it may save."""
_MOST_SENDINGS: Final = 64
"""If Redis is so far behind, it is not told more."""

_FIRST_WAIT: Final = 0.004
_LONGEST_WAIT: Final = 0.032


class Loaded(msgspec.Struct, Generic[V], frozen=True):
    """What a load brings: the values of the keys, in their order."""

    values: Sequence[V]
    tags: Collection[Tag]
    """WHOLE of each table that was read."""
    position: Position | None
    """That the values cover; None: they must not be kept."""


class Fetched(msgspec.Struct, Generic[V], frozen=True):
    """Values in the order of the keys, and what they depend on, for whoever keeps what is made of them."""

    values: list[V]
    tags: frozenset[Tag]
    """WHOLE of each table, also of rows: whoever keeps a list of them depends on all."""
    position: Position | None
    """That all of the values cover; None: what is made of them must not be kept."""


Load = Callable[[list[Any]], Awaitable[Loaded[V]]]


class Cache:
    """`redis` is None where no other process shares values. `lease_wait`: seconds that a value is waited for which
    another process is loading, before it is loaded here as well."""

    def __init__(
        self,
        coherence: Coherence,
        memory: Memory,
        redis: RedisTier | None,
        statistics: CacheStatistics,
        *,
        lease_wait: float = 1.0,
    ) -> None:
        self._coherence = coherence
        self._memory = memory
        self._redis = redis
        self._lease_wait = lease_wait
        self.statistics = statistics
        self._flights = Flights()
        self._tasks: set[asyncio.Task[None]] = set()
        self._encoder = msgspec.msgpack.Encoder()
        coherence.listen(memory)
        coherence.listen(self)

    @property
    def coherence(self) -> Coherence:
        return self._coherence

    def shelf(self, kind: Kind[V], tenant_id: int) -> Shelf[V]:
        """To be taken anew for each operation."""
        return self._memory.shelf(kind, tenant_id)

    def recall(self, shelf: Shelf[V], keys: Sequence[Key]) -> list[V | Missing]:
        """From memory alone, in an operation whose moment is trusted: MISSING for what is not there."""
        found = self._memory.recall_all(shelf, keys)
        counts = self.statistics.of(MEMORY, shelf.kind.name)
        if found is not None:
            counts.hits += len(keys)
            return found  # type: ignore[return-value]  # a list of V is not changed here
        some = self._memory.recall(shelf, keys)
        missing = sum(value is MISSING for value in some)
        counts.hits += len(keys) - missing
        counts.misses += missing
        return some

    async def fetch(self, shelf: Shelf[V], keys: Sequence[Key], load: Load[V], moment: Moment) -> Fetched[V]:
        """The values of the keys, in their order, from wherever they are.

        Raises what `load` raises, also if another operation asked for it. `load` gets distinct keys.
        """
        if not moment.trusted:
            loaded = await self._timed(shelf, list(dict.fromkeys(keys)), load)
            values = dict(zip(dict.fromkeys(keys), loaded.values, strict=True))
            return Fetched([values[key] for key in keys], frozenset(loaded.tags), None)
        found: dict[Key, V] = {}
        sources = Sources(moment.position)
        wanted = self._wanted(shelf, keys, found, sources)
        while wanted:
            # While a write is under way nobody waits for another's load: it may have been before, and who asks may have
            # seen what was after.
            alone = self._coherence.pending(shelf.tenant_id)
            others, own = ([], wanted) if alone else self._flights.boarded(shelf, wanted)
            if own:
                flight = await self._flown(shelf, own, load, moment)
                found |= flight.fetched
                sources.add(flight.sources)
            for other in others:
                await other.landed.wait()
                if other.failure is not None:
                    raise other.failure
                found |= {key: other.fetched[key] for key in wanted if key in other.fetched}
                sources.add(other.sources)
            # Whoever flew for us may have been cancelled.
            wanted = [key for key in wanted if key not in found]
        return Fetched([found[key] for key in keys], frozenset(sources.tags), sources.position)

    def keep(
        self, shelf: Shelf[V], key: Key, value: V, tags: Collection[Tag], position: Position, moment: Moment
    ) -> None:
        """Keeps in memory alone what was loaded without a fetch, if it may be kept; `tags` are WHOLE of each table."""
        if self._coherence.holds(moment) and self._coherence.current(tags, position):
            tables = frozenset((tenant_id, table) for tenant_id, table, _ in tags)
            self._memory.put(shelf, [key], [value], [len(self._encoder.encode(value))], tables)

    def forget(self, tags: Collection[Tag]) -> None:
        """Whoever asks from now on shall not be answered by a load that began before the write."""
        for tenant_id in tenants_of(tags):
            self._flights.detach(tenant_id)

    def forget_all(self) -> None:
        self._flights.detach_all()

    def _wanted(self, shelf: Shelf[V], keys: Sequence[Key], found: dict[Key, V], sources: Sources) -> list[Key]:
        """The distinct keys that are not in memory; they may have come there since somebody looked."""
        distinct = list(dict.fromkeys(keys))
        looked = self._memory.recall(shelf, distinct)
        wanted = [key for key, value in zip(distinct, looked, strict=True) if value is MISSING]
        if len(wanted) < len(distinct):
            for key, value in zip(distinct, looked, strict=True):
                if not isinstance(value, Missing):
                    found[key] = value
            sources.depend(shelf.tables)
        return wanted

    async def _flown(self, shelf: Shelf[V], keys: list[Key], load: Load[V], moment: Moment) -> Flight[V]:
        with self._flights.flown(shelf, keys, moment) as flight:
            await self._brought(shelf, keys, load, flight)
        return flight

    async def _brought(self, shelf: Shelf[V], keys: list[Key], load: Load[V], flight: Flight[V]) -> None:
        """Redis, and the rest from the load; what another process is loading is waited for, but not for long."""
        redis = self._redis
        if redis is None or not self._coherence.holds(flight.moment):
            await self._load(shelf, keys, load, flight)
            return
        prefix = f"podgraph:v:{self._coherence.generation}:{shelf.tenant_id}:{shelf.kind.mark}:".encode()
        rest = self._believed(shelf, keys, await redis.recall(_names(prefix, keys)), flight)
        until = perf_counter() + self._lease_wait
        pause = _FIRST_WAIT
        while rest:
            late = perf_counter() >= until or len(rest) > _MOST_LEASES
            rest = await self._load_leased(redis, shelf, prefix, rest, load, flight, late)
            if rest:
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_WAIT)
                rest = self._believed(shelf, rest, await redis.recall(_names(prefix, rest)), flight)

    async def _load_leased(
        self,
        redis: RedisTier,
        shelf: Shelf[V],
        prefix: bytes,
        keys: list[Key],
        load: Load[V],
        flight: Flight[V],
        late: bool,
    ) -> list[Key]:
        """Loads those that no other process is loading; all of them if it is late. The keys that are still missing."""
        names = _names(prefix, keys)
        leased = dict[bytes, bytes | None]() if late else await redis.lease(names)
        granted = [key for key, name in zip(keys, names, strict=True) if name in leased]
        kept: list[bytes] = []
        try:
            mine = self._believed(shelf, granted, list(leased.values()), flight, again=True)
            theirs = [key for key, name in zip(keys, names, strict=True) if name not in leased]
            if late:
                mine, theirs = theirs, []
            if mine:
                kept = await self._load(shelf, mine, load, flight, prefix)
        finally:
            over = leased.keys() - set(kept)
            if over:
                self._later(redis.give_back(list(over)))
        return theirs

    def _believed(
        self,
        shelf: Shelf[V],
        keys: Sequence[Key],
        raws: Sequence[bytes | None],
        flight: Flight[V],
        again: bool = False,
    ) -> list[Key]:
        """Takes what Redis has and nobody has changed since. The keys of the rest; `again`: they are counted."""
        counts = self.statistics.of(REDIS, shelf.kind.name)
        there = [raw for raw in raws if raw is not None]
        at = keys if len(there) == len(keys) else [k for k, raw in zip(keys, raws, strict=True) if raw is not None]
        taken = self._take_current(shelf, at, there, flight, Counts() if again else counts) if there else 0
        counts.hits += taken
        if not again:
            counts.misses += len(keys) - taken
        return [] if taken == len(keys) else [key for key in keys if key not in flight.fetched]

    def _take_current(
        self, shelf: Shelf[V], keys: Sequence[Key], raws: Sequence[bytes], flight: Flight[V], counts: Counts
    ) -> int:
        """How many of the values were taken."""
        try:
            entries = list(map(shelf.kind.decoder.decode, raws))
        except msgspec.MsgspecError:
            read = [(key, raw) for key, raw in zip(keys, raws, strict=True) if self._is_readable(shelf, raw)]
            counts.errors += len(raws) - len(read)
            if not read:
                return 0
            keys, raws = zip(*read, strict=True)
            entries = list(map(shelf.kind.decoder.decode, raws))
        doubted = self._doubted(shelf, entries, min(raws))
        if doubted is None or not doubted.isdisjoint(keys):
            current = [
                index
                for index, key in enumerate(keys)
                if (doubted is not None and key not in doubted) or self._is_current(shelf, key, entries[index])
            ]
            counts.stale += len(keys) - len(current)
            keys = [keys[index] for index in current]
            raws = [raws[index] for index in current]
            entries = [entries[index] for index in current]
        for tables in set(map(_TABLES, entries)):
            of = [index for index, entry in enumerate(entries) if entry.tables == tables]
            if len(of) == len(entries):
                self._take(shelf, keys, raws, list(map(_VALUE, entries)), tables, flight)
            else:
                values = [entries[index].value for index in of]
                self._take(shelf, [keys[index] for index in of], [raws[index] for index in of], values, tables, flight)
        return len(keys)

    def _is_readable(self, shelf: Shelf[V], raw: bytes) -> bool:
        try:
            shelf.kind.decoder.decode(raw)
        except msgspec.MsgspecError:
            return False
        return True

    def _doubted(self, shelf: Shelf[V], entries: Sequence[Kept[V]], oldest: bytes) -> Set[Key] | None:
        """Keys whose values may have changed since the oldest of them; None: any may have."""
        position = int.from_bytes(oldest[_STAMP_AT])
        if not self._coherence.current(
            [tag for tables in set(map(_TABLES, entries)) for tag in whole_of(tables)], position
        ):
            return None
        if shelf.kind.table is None or self._coherence.current([(shelf.tenant_id, shelf.kind.table, WHOLE)], position):
            return frozenset()
        return self._coherence.changed_rows(shelf.tenant_id, shelf.kind.table, position)

    def _is_current(self, shelf: Shelf[V], key: Key, entry: Kept[V]) -> bool:
        return self._coherence.current([*whole_of(entry.tables), *_row(shelf, key)], int.from_bytes(entry.stamp))

    def _take(
        self,
        shelf: Shelf[V],
        keys: Sequence[Key],
        raws: Sequence[bytes],
        values: Sequence[V],
        tables: tuple[Table, ...],
        flight: Flight[V],
    ) -> None:
        flight.fetched.update(zip(keys, values, strict=True))
        flight.sources.depend(frozenset(tables))
        if shelf.kind.table:
            flight.sources.depend(frozenset({(shelf.tenant_id, shelf.kind.table)}))
        if self._coherence.holds(flight.moment):
            self._memory.put(shelf, keys, values, list(map(len, raws)), frozenset(tables))

    async def _load(
        self, shelf: Shelf[V], keys: list[Key], load: Load[V], flight: Flight[V], prefix: bytes = b""
    ) -> list[bytes]:
        """Loads the keys, and keeps what may be kept; its names in Redis, below `prefix`."""
        loaded = await self._timed(shelf, keys, load)
        flight.fetched.update(zip(keys, loaded.values, strict=True))
        flight.sources.depend(frozenset((tenant_id, table) for tenant_id, table, _ in loaded.tags))
        flight.sources.cover(loaded.position)
        if loaded.position is None or not self._coherence.holds(flight.moment):
            return []
        at = self._accepted(shelf, keys, loaded.tags, loaded.position)
        if not at:
            return []
        own = (shelf.tenant_id, shelf.kind.table)
        tables = frozenset((tenant_id, table) for tenant_id, table, _ in loaded.tags if (tenant_id, table) != own)
        stamp, written = loaded.position.to_bytes(16), tuple(sorted(tables))
        values = [loaded.values[index] for index in at]
        raws = [self._encoder.encode(Kept(stamp, value, written)) for value in values]
        self._memory.put(shelf, [keys[index] for index in at], values, list(map(len, raws)), tables)
        if self._redis is None or not prefix:
            return []
        return self._keep(self._redis, shelf, _names(prefix, [keys[index] for index in at]), values, raws)

    def _keep(
        self, redis: RedisTier, shelf: Shelf[V], names: list[bytes], values: Sequence[V], raws: Sequence[bytes]
    ) -> list[bytes]:
        """Sends to Redis what fits, which nobody waits for; the names of it."""
        kept = []
        for absent, seconds in ((False, shelf.kind.seconds), (True, shelf.kind.absent_seconds)):
            at = [
                index
                for index, (value, raw) in enumerate(zip(values, raws, strict=True))
                if (value is None) is absent and len(raw) <= MOST_BYTES
            ]
            if at and len(self._tasks) < _MOST_SENDINGS:
                some = [names[index] for index in at]
                self._later(redis.keep(some, [raws[index] for index in at], seconds))
                kept += some
        return kept

    def _accepted(
        self, shelf: Shelf[V], keys: Sequence[Key], tags: Collection[Tag], position: Position
    ) -> Sequence[int]:
        """Which of the keys' values may be kept."""
        whole = set(tags)
        if shelf.kind.table:
            whole.add((shelf.tenant_id, shelf.kind.table, WHOLE))
        if self._coherence.current(whole, position):
            return range(len(keys))
        if not shelf.kind.table:
            return ()
        others = whole - {(shelf.tenant_id, shelf.kind.table, WHOLE)}
        if not self._coherence.current(others, position):
            return ()
        return [index for index, key in enumerate(keys) if self._coherence.current(_row(shelf, key), position)]

    async def _timed(self, shelf: Shelf[V], keys: list[Key], load: Load[V]) -> Loaded[V]:
        counts = self.statistics.of(LOADER, shelf.kind.name)
        counts.loads += 1
        counts.misses += len(keys)
        begin = perf_counter()
        try:
            return await load(keys)
        except Exception:
            counts.errors += 1
            raise
        finally:
            counts.seconds += perf_counter() - begin

    async def settled(self) -> None:
        """Comes back when Redis has been told what was loaded up to now."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _names(prefix: bytes, keys: Sequence[Key]) -> list[bytes]:
    """Of values in Redis."""
    return [prefix + str(key).encode() for key in keys]


def _row(shelf: Shelf[Any], key: Key) -> list[Tag]:
    """What the value of one key depends on beside whole tables."""
    return [(shelf.tenant_id, shelf.kind.table, key)] if shelf.kind.table and isinstance(key, int) else []
