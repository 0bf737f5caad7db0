"""Coherence of several processes through Redis: README.md has the protocol and its proof."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Iterable, Set
from contextlib import asynccontextmanager, suppress
from itertools import count
from typing import Any

import msgspec
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from cache.barrier import Barrier
from cache.coherence import Listener, Moment, Primary
from cache.coherence_store import KEY, Beat, CoherenceStore, Message, Write, message_in
from cache.ledger import Ledger
from cache.local_coherence import covered
from cache.tags import Position, Tag, normal
from cache.unheard_hold import UnheardHold, UnheardWrites
from ops.telemetry.logging import logger

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
        self._store = CoherenceStore(redis, self._times.pending)
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
        self._born: int | None = None
        self._heard = 0
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._doubt: int | None = None
        """What the primary's was when nothing was in doubt; None: something is."""
        self._joined_at = 0
        """When this process joined first, by Redis' clock."""
        self._wait_for_others_until = 0.0
        """So long may another process say that it saw nobody write unheard before this one came."""
        self._young_until = 0.0
        self._since: Position = 0
        """What was written up to here may not have been heard of."""
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
            if self._lost or not await self._told(self._store.announce(write)):
                del self._mine[write.id]
                self._unheard.add(write.id)
                await self._hold.take()
        except BaseException:
            if write.id in self._mine:
                self._later(self._told(self._store.undone(write)))
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
            await asyncio.shield(self._later(self._told(self._store.undone(write))))

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
        if not await self._told(self._store.done(write, position)):
            # It was announced in a Redis that may have lost it since, and everybody shall know before anyone is told.
            self._owed[write.id] = (write, position)
            with suppress(Exception):
                await self._hold.take()
        self._end(write)

    async def _told(self, telling: Awaitable[None]) -> bool:
        """Whether Redis did it."""
        try:
            await telling
        except (RedisError, OSError) as error:
            self._lose(type(error).__name__, lost=True)
            return False
        return True

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
                self._hear(message_in(message["data"]))

    async def _join(self) -> None:
        """Learns all that is known. Messages that come meanwhile wait in the subscription's connection."""
        begin = self._clock()
        joined = await self._store.join()
        first = self._born is None
        if not first and joined.born != self._born:
            for write in list(self._mine.values()):
                await self._store.announce(write)
        await self._pay_owed()
        self._born = joined.born
        self._generation = joined.generation
        self._heard = joined.sequence
        self._since = max(self._since, self._primary.position)
        self._ledger.learn(joined.slots, joined.newest)
        self._ledger.forget_pending()
        deadlines, self._deadlines = self._deadlines, {}
        for write, seconds in joined.under_way:
            self._expect(write, begin + seconds)
        for write, deadline in deadlines.values():
            if write.id in self._mine or write.id in self._unheard:
                self._expect(write, deadline)
        self._young_until = begin + self._times.young - joined.age if joined.age < self._times.young else 0.0
        if first:
            self._joined_at = joined.at
            # Others are not asked where nobody has watched for long.
            self._wait_for_others_until = 0.0 if joined.unwatched > self._times.watched else begin + self._times.watched
        self._begin_epoch()
        self._lost = False
        self._joined = True
        self._kick.set()
        log.info("coherence.joined", generation=self._generation, under_way=len(joined.under_way))

    def _hear(self, message: Message) -> None:
        """Raises _Lost if it is not the next one."""
        if message.number <= self._heard:
            return
        if message.number != self._heard + 1:
            raise _Lost("a message was lost")
        if message.write is None:
            self._generation = message.generation
            self._begin_epoch()
        elif message.generation != self._generation:
            raise _Lost("Redis has lost its data")
        elif message.verb == "announced":
            self._expect(message.write, self._clock() + self._times.pending)
            self._tell(message.write.tags)
        else:
            if message.verb == "done":
                self._ledger.written(message.write.tags, message.position)
                self._primary.heard(message.position)
            self._over(message.write)
        self._heard = message.number
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
        if primary.fresh and self._hold.held and not self._unheard:
            await self._store.renew(primary.position)
            # Redis may have been lost again, and be written past.
            if not self._unheard and not self._owed:
                await self._hold.release()
        elif self._in_doubt and (self._doubt is not None or self._clock() >= self._wait_for_others_until):
            await self._settle(renewing=True)
        watching = self._joined and primary.fresh and not primary.unheard and primary.doubt == self._doubt
        heard = self._heard
        beat = await self._store.beat(watching=watching)
        if beat.sequence < heard:
            self._lose("Redis has lost its data")
        if self._in_doubt and self._doubt is None and beat.watched > self._joined_at:
            await self._settle(renewing=False)
        await self._catch_up(beat)

    @property
    def _in_doubt(self) -> bool:
        """Whether somebody may have written unheard who does so no more."""
        return self._primary.fresh and not self._primary.unheard and self._primary.doubt != self._doubt

    async def _settle(self, *, renewing: bool) -> None:
        """Whatever was in doubt: what was kept before is believed no more, or another process has seen to that."""
        # The doubt first, the position then: it is not older than what was written in doubt.
        doubt, position = self._primary.doubt, self._primary.position
        if renewing:
            await self._store.renew(position)
            log.info("coherence.renewed", why="the database may have been written unheard")
        self._since = max(self._since, position)
        self._begin_epoch()
        self._doubt = doubt

    async def _catch_up(self, beat: Beat) -> None:
        """Messages come within moments, or never."""
        await self._reached(beat.sequence)
        if self._joined and not self._has_heard(beat):
            self._lose("messages did not come")

    def _has_heard(self, beat: Beat) -> bool:
        """Another generation is that of a later message, or of other data."""
        return self._heard > beat.sequence or (self._heard == beat.sequence and self._generation == beat.generation)

    async def _give_up_expired(self) -> None:
        """Of which nobody says what became: it may have been committed, by now."""
        for write, deadline in list(self._deadlines.values()):
            if self._clock() >= deadline and self._primary.fresh and write.id in self._deadlines:
                position = self._primary.position
                if write.id not in self._unheard:
                    await self._store.done(write, position, if_under_way=True)
                self._ledger.written(write.tags, position)
                self._end(write)
                log.warning("coherence.write_given_up", write=write.id)

    async def _pay_owed(self) -> None:
        for write, position in list(self._owed.values()):
            await self._store.done(write, position)
            self._owed.pop(write.id, None)

    def _grown(self) -> bool:
        if self._clock() < self._young_until:
            return False
        self._young_until = 0.0
        self._since = max(self._since, self._primary.position)
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
