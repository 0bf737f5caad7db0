"""Coherence of several processes through Redis: README.md has the protocol and its proof."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterable, Set
from contextlib import asynccontextmanager, suppress
from importlib.resources import files
from itertools import count
from typing import Any, Final

import msgspec
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from cache.barrier import Barrier
from cache.coherence import Listener, Moment, Primary
from cache.last_writes import SharedSlots, hex_of, position_in
from cache.ledger import Ledger, slots_of
from cache.local_coherence import covered
from cache.tags import Position, Tag, normal
from cache.unheard_hold import UnheardHold, UnheardWrites
from ops.telemetry.logging import logger

KEY: Final = "{podgraph:coherence}"
"""Of the hash and the channel; the others begin with it, so that one node of a cluster has them all."""

_SCRIPT: Final = files("cache").joinpath("coherence.lua")

log = logger(__name__)


class CoherenceTimes(msgspec.Struct, frozen=True):
    """In seconds."""

    pending: float = 60.0
    """After which a write of which nobody knows what became is taken to have been committed."""
    behind: float = 0.05
    """An operation waits for messages that are on their way for so long, and then does without caches."""
    young: float = 1.5
    """A Redis that has lost its data is not believed for so long: by then everybody has told it what is under way."""
    beat: float = 0.3
    retry: float = 0.1
    """Between two attempts to find Redis."""
    watched: float = 1.0
    """If nobody has watched the database for longer, it may have been written unheard."""


class Write(msgspec.Struct, frozen=True, array_like=True):
    """An announcement, as it is told."""

    id: str
    tags: frozenset[Tag]


class _Lost(Exception):
    """What this process knows is not complete; the message says why."""


class SharedCoherence:
    """Implements `Coherence`, within `running`. `clock` is in seconds and monotonic."""

    def __init__(
        self,
        redis: Redis,
        primary: Primary,
        unheard_writes: UnheardWrites,
        clock: Callable[[], float],
        times: CoherenceTimes | None = None,
    ) -> None:
        self._redis = redis
        self._primary = primary
        self._clock = clock
        self._times = times or CoherenceTimes()
        self._script = redis.register_script(_SCRIPT.read_text(encoding="utf-8"))
        self._barrier = Barrier(redis, KEY)
        self._hold = UnheardHold(unheard_writes)
        self._ledger = Ledger()
        self._listeners: list[Listener] = []
        self._name = secrets.token_hex(8)
        self._numbers = count(1)
        self._joined = False
        self._lost = False
        """Redis did not answer, and has not been found again."""
        self._epoch = 0
        self._generation = ""
        self._born = -1
        self._heard = 0
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._doubt: int | None = None
        """What the primary's was when nothing was in doubt; None: something is."""
        self._young_until = 0.0
        self._since: Position = 0
        self._mine: dict[str, Write] = {}
        """Own writes under way that were announced in Redis."""
        self._unheard: set[str] = set()
        """Own writes under way that were not."""
        self._owed: dict[str, tuple[Write, Position]] = {}
        """Own writes that are done, of which Redis has not been told."""
        self._deadlines: dict[str, tuple[Write, float]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._kick = asyncio.Event()
        self.losses = 0
        """How often what this process knew was lost."""

    @property
    def generation(self) -> str:
        return self._generation

    @property
    def epoch(self) -> int:
        return self._epoch

    @property
    def joined(self) -> bool:
        """Whether this process hears of all writes that can be heard."""
        return self._joined

    @property
    def _pending_ms(self) -> int:
        return int(self._times.pending * 1_000)

    @property
    def trusted(self) -> bool:
        if not self._joined or self._hold.held or not self._primary.fresh or self._primary.unheard:
            return False
        if self._primary.doubt != self._doubt:
            self._kick.set()
            return False
        return self._young_until == 0.0 or self._grown()

    def holds(self, moment: Moment) -> bool:
        return moment.trusted and moment.epoch == self._epoch and self.trusted

    async def moment(self) -> Moment:
        position = self._primary.position
        trusted = self.trusted and await self._heard_all() and self.trusted
        return Moment(trusted, covered(position, self._ledger), self._epoch)

    async def announced(self, tags: Collection[Tag]) -> "_SharedAnnouncement":
        write = Write(f"{self._name}-{next(self._numbers)}", normal(tags))
        self._begin(write)
        self._mine[write.id] = write
        try:
            if self._lost or not await self._told("announce", _encoded(write), self._pending_ms):
                del self._mine[write.id]
                self._unheard.add(write.id)
                await self._hold.take()
        except BaseException:
            if write.id in self._mine:
                self._later(self._told("undone", _encoded(write)))
            self._end(write)
            raise
        return _SharedAnnouncement(self, write)

    def floor(self, tenant_id: int) -> Position:
        return max(self._since, self._ledger.floor(tenant_id))

    def pending(self, tenant_id: int) -> bool:
        return self._ledger.pending(tenant_id)

    def current(self, tags: Iterable[Tag], position: Position) -> bool:
        return self._ledger.current(tags, position)

    def changed_rows(self, tenant_id: int, table: str, position: Position) -> Set[int] | None:
        return self._ledger.changed_rows(tenant_id, table, position)

    def listen(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def failed(self) -> None:
        """Redis did not answer: nobody waits for it until it has been found again."""
        self._lose("Redis did not answer", lost=True)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        own = [asyncio.create_task(work()) for work in (self._barrier.run, self._listen, self._keep_up)]
        try:
            yield
        finally:
            self._joined = False
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=1.0)
            for task in own:
                # More than once: Python 3.11's wait_for, within the client, loses a cancellation that meets a message.
                while not task.done():
                    task.cancel()
                    await asyncio.wait([task], timeout=0.05)
            await self._hold.release()

    async def done(self, write: Write, position: Position) -> None:
        """For announcements: tells everybody; comes back when they know, or trust nothing."""
        self._ledger.written(write.tags, position)
        self._primary.heard(position)
        # The request that wrote may be cancelled; what it wrote is written.
        await asyncio.shield(self._later(self._tell_done(write, position)))

    async def undone(self, write: Write) -> None:
        heard = write.id in self._mine
        self._end(write)
        if heard:
            await asyncio.shield(self._later(self._told("undone", _encoded(write))))

    # What an operation waits for.

    async def _heard_all(self) -> bool:
        heard = self._heard
        try:
            state = await self._barrier.state()
        except (RedisError, OSError) as error:
            self._lose(type(error).__name__, lost=True)
            return False
        if state.sequence < heard:
            self._lose("Redis has lost its data")
            return False
        if not await self._reached(state.sequence):
            return False
        if state.generation != self._generation:
            self._lose("Redis has lost its data")
        return self._joined

    async def _reached(self, sequence: int) -> bool:
        if self._heard >= sequence:
            return self._joined
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((sequence, waiter))
        with suppress(TimeoutError):
            async with asyncio.timeout(self._times.behind):
                await waiter
        return self._joined and self._heard >= sequence

    # Writes of this process.

    def _begin(self, write: Write) -> None:
        self._expect(write, self._clock() + self._times.pending)
        self._tell(write.tags)

    def _end(self, write: Write) -> None:
        self._unheard.discard(write.id)
        self._mine.pop(write.id, None)
        self._over(write)

    async def _tell_done(self, write: Write, position: Position) -> None:
        if write.id in self._unheard:
            self._end(write)
            self._kick.set()
            return
        if not await self._told("done", _encoded(write), hex_of(position), 0, *slots_of(write.tags)):
            # It was announced in a Redis that may have lost it since, and everybody shall know before anyone is told.
            self._owed[write.id] = (write, position)
            with suppress(Exception):
                await self._hold.take()
        self._end(write)

    async def _told(self, verb: str, *arguments: bytes | str | int) -> bool:
        """Whether Redis did it."""
        try:
            await self._call(verb, *arguments)
        except (RedisError, OSError) as error:
            self._lose(type(error).__name__, lost=True)
            return False
        return True

    async def _call(self, verb: str, *arguments: bytes | str | int) -> Any:
        keys = [KEY, f"{KEY}:slots", f"{KEY}:announced"]
        return await self._script(keys=keys, args=[verb, secrets.token_hex(8), *arguments])

    # What is heard.

    async def _listen(self) -> None:
        while True:
            try:
                async with self._redis.pubsub(ignore_subscribe_messages=False) as channel:
                    await self._hear_on(channel)
            except _Lost as loss:
                self._lose(str(loss))
            except (RedisError, OSError) as error:
                self._lose(type(error).__name__, lost=True)
            # Whatever it was: without this, the process would trust no cache ever again.
            except Exception:
                self._lose("an error")
                log.exception("coherence.listening_failed")
            await asyncio.sleep(self._times.retry)

    async def _hear_on(self, channel: PubSub) -> None:
        await channel.subscribe(KEY)
        confirmed = await channel.get_message(timeout=self._times.young)
        if confirmed is None or confirmed["type"] != "subscribe":
            raise _Lost("Redis confirmed no subscription")
        await self._join()
        while self._joined:
            message = await channel.get_message(timeout=self._times.beat)
            if message is not None and self._joined:
                if message["type"] != "message":
                    raise _Lost("the connection was lost")
                self._hear(message["data"])

    async def _join(self) -> None:
        """Learns all that is known. Messages that come meanwhile wait in the subscription's connection."""
        begin = self._clock()
        generation, sequence, born, now, watched, newest, slots, under_way = await self._call("join")
        first = self._born == -1
        if not first and int(born) != self._born:
            for write in list(self._mine.values()):
                await self._call("announce", _encoded(write), self._pending_ms)
        await self._pay_owed()
        self._born = int(born)
        self._generation = generation.decode()
        self._heard = int(sequence)
        self._since = max(self._since, self._primary.position)
        self._ledger.learn(SharedSlots(slots), position_in(newest))
        self._ledger.forget_pending()
        deadlines, self._deadlines = self._deadlines, {}
        for payload, ends in zip(under_way[::2], under_way[1::2], strict=True):
            self._expect(_decoded(payload), begin + (float(ends) - int(now)) / 1_000)
        for write_id, ends in deadlines.items():
            if write_id in self._mine or write_id in self._unheard:
                self._expect(*ends)
        age = (int(now) - int(born)) / 1_000
        self._young_until = begin + self._times.young - age if age < self._times.young else 0.0
        if first and (int(now) - int(watched)) / 1_000 > self._times.watched:
            self._doubt = None
        elif first:
            self._doubt = self._primary.doubt
        self._begin_epoch()
        self._lost = False
        self._joined = True
        self._kick.set()
        log.info("coherence.joined", generation=self._generation, under_way=len(under_way) // 2)

    def _hear(self, data: bytes) -> None:
        """A message: its number, the generation, what it says. Raises _Lost if it is not the next one."""
        number, generation, verb, rest = data.split(b" ", 3)
        if int(number) <= self._heard:
            return
        if int(number) != self._heard + 1:
            raise _Lost("a message was lost")
        if verb == b"renewed":
            self._generation = generation.decode()
            self._begin_epoch()
        elif generation.decode() != self._generation:
            raise _Lost("Redis has lost its data")
        elif verb == b"announced":
            write = _decoded(rest)
            self._expect(write, self._clock() + self._times.pending)
            self._tell(write.tags)
        elif verb == b"done":
            where, payload = rest.split(b" ", 1)
            write = _decoded(payload)
            position = position_in(where)
            self._ledger.written(write.tags, position)
            self._primary.heard(position)
            self._over(write)
        else:
            self._over(_decoded(rest))
        self._heard = int(number)
        self._wake()

    def _expect(self, write: Write, deadline: float) -> None:
        self._ledger.announced(write.id, write.tags)
        self._deadlines[write.id] = (write, deadline)

    def _over(self, write: Write) -> None:
        self._deadlines.pop(write.id, None)
        self._ledger.over(write.id)
        self._tell(write.tags)

    def _wake(self) -> None:
        if self._waiting:
            later = []
            for sequence, waiter in self._waiting:
                if waiter.done():
                    continue
                if sequence <= self._heard or not self._joined:
                    waiter.set_result(None)
                else:
                    later.append((sequence, waiter))
            self._waiting = later

    def _tell(self, tags: frozenset[Tag]) -> None:
        for listener in self._listeners:
            listener.forget(tags)

    def _begin_epoch(self) -> None:
        self._epoch += 1
        for listener in self._listeners:
            listener.forget_all()

    def _lose(self, why: str, *, lost: bool = False) -> None:
        self._lost = self._lost or lost
        if not self._joined:
            return
        self._joined = False
        self.losses += 1
        self._begin_epoch()
        self._wake()
        self._barrier.fail(ConnectionError(why))
        if self._mine and lost:
            # Their end may not be heard: before Redis is believed again by anybody, all shall know that.
            self._later(self._hold_for_mine())
        log.warning("coherence.lost", why=why)

    async def _hold_for_mine(self) -> None:
        with suppress(Exception):
            await self._hold.take()

    # What is done from time to time.

    async def _keep_up(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._times.beat):
                    await self._kick.wait()
            self._kick.clear()
            if not self._joined:
                continue
            try:
                await self._beat()
            except (RedisError, OSError) as error:
                self._lose(type(error).__name__, lost=True)
            # Whatever it was: without a beat nothing in doubt would ever be settled.
            except Exception:
                log.exception("coherence.beat_failed")

    async def _beat(self) -> None:
        primary = self._primary
        await self._pay_owed()
        await self._give_up_expired()
        if primary.fresh and not self._unheard:
            if self._hold.held:
                await self._call("renew", hex_of(primary.position))
                await self._hold.release()
            elif not primary.unheard and primary.doubt != self._doubt:
                # The doubt first, the position then: it is not older than what was written in doubt.
                doubt = primary.doubt
                await self._call("renew", hex_of(primary.position))
                self._begin_epoch()
                self._doubt = doubt
        watching = self._joined and primary.fresh and not primary.unheard and primary.doubt == self._doubt
        generation, sequence = await self._call("beat", int(watching))
        await self._catch_up(int(sequence), generation.decode())

    async def _catch_up(self, sequence: int, generation: str) -> None:
        """Messages come within moments, or never."""
        if self._heard < sequence or generation != self._generation:
            await asyncio.sleep(self._times.behind)
            if self._joined and (self._heard < sequence or generation != self._generation):
                self._lose("messages did not come")

    async def _give_up_expired(self) -> None:
        """Of which nobody says what became: it may have been committed, by now."""
        for write, deadline in list(self._deadlines.values()):
            if self._clock() >= deadline and self._primary.fresh:
                position = self._primary.position
                if write.id not in self._unheard:
                    await self._call("done", _encoded(write), hex_of(position), 1, *slots_of(write.tags))
                self._ledger.written(write.tags, position)
                self._end(write)
                log.warning("coherence.write_given_up", write=write.id)

    async def _pay_owed(self) -> None:
        for write, position in list(self._owed.values()):
            await self._call("done", _encoded(write), hex_of(position), 0, *slots_of(write.tags))
            self._owed.pop(write.id, None)

    def _grown(self) -> bool:
        if self._clock() < self._young_until:
            return False
        self._young_until = 0.0
        return True

    def _later(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


class _SharedAnnouncement:
    def __init__(self, coherence: SharedCoherence, write: Write) -> None:
        self._coherence = coherence
        self._write = write

    async def done(self, position: Position) -> None:
        await self._coherence.done(self._write, position)

    async def undone(self) -> None:
        await self._coherence.undone(self._write)


def _encoded(write: Write) -> bytes:
    return msgspec.msgpack.encode(write)


def _decoded(data: bytes) -> Write:
    return msgspec.msgpack.decode(data, type=Write)
