"""Coherence of a process that caches alone: whoever else writes holds the lock of unheard writers."""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Set
from contextlib import asynccontextmanager
from itertools import count

from cache.coherence import Listener, Moment, Primary
from cache.ledger import Ledger
from cache.tags import Position, Tag, normal


class LocalCoherence:
    """Implements `Coherence`. Whoever makes one holds the lock that no other process caches.

    `clock` is in seconds and monotonic. After `pending_seconds`, a write of which nobody knows what became is taken to
    have been committed.
    """

    generation = "local"

    def __init__(self, primary: Primary, clock: Callable[[], float], *, pending_seconds: float = 60.0) -> None:
        self._primary = primary
        self._clock = clock
        self._pending_seconds = pending_seconds
        self._ledger = Ledger()
        self._listeners: list[Listener] = []
        self._numbers = count(1)
        self._epoch = 0
        self._doubt = primary.doubt
        self._since: Position = 0
        self._deadlines: dict[str, float] = {}

    @property
    def trusted(self) -> bool:
        if not self._primary.fresh or self._primary.unheard:
            return False
        if self._primary.doubt != self._doubt:
            self._begin_anew()
        return True

    def holds(self, moment: Moment) -> bool:
        return moment.trusted and self.trusted and moment.epoch == self._epoch

    async def moment(self) -> Moment:
        if self._deadlines:
            self._give_up_expired()
        trusted = self.trusted
        return Moment(trusted, covered(self._primary.position, self._ledger), self._epoch)

    async def announced(self, tags: Collection[Tag]) -> "_LocalAnnouncement":
        write = str(next(self._numbers))
        touched = normal(tags)
        self._ledger.announced(write, touched)
        self._deadlines[write] = self._clock() + self._pending_seconds
        self._tell(touched)
        return _LocalAnnouncement(self, write, touched)

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

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        yield

    def over(self, write: str, touched: frozenset[Tag], position: Position | None) -> None:
        """`position`: where it went, if it was committed."""
        if position is not None:
            self._ledger.written(touched, position)
            self._primary.heard(position)
        self._ledger.over(write)
        self._deadlines.pop(write, None)
        self._tell(touched)

    def _give_up_expired(self) -> None:
        now = self._clock()
        for write, deadline in list(self._deadlines.items()):
            if now >= deadline and self._primary.fresh:
                self.over(write, self._ledger.tags_of(write), self._primary.position)

    def _begin_anew(self) -> None:
        """After writes that nobody heard."""
        self._doubt = self._primary.doubt
        self._since = self._primary.position
        self._epoch += 1
        for listener in self._listeners:
            listener.forget_all()

    def _tell(self, tags: frozenset[Tag]) -> None:
        for listener in self._listeners:
            listener.forget(tags)


class _LocalAnnouncement:
    def __init__(self, coherence: LocalCoherence, write: str, touched: frozenset[Tag]) -> None:
        self._coherence = coherence
        self._write = write
        self._touched = touched

    async def done(self, position: Position) -> None:
        self._coherence.over(self._write, self._touched, position)

    async def undone(self) -> None:
        self._coherence.over(self._write, self._touched, None)


def covered(position: Position, ledger: Ledger) -> Position:
    """What a read that begins now on the primary covers, if `position` was known before all announcements were heard.

    A write that is committed becomes visible a moment after its place in the log is flushed, and only then says where
    it went. One that is still under way may so go to this very position and not be seen: it is not covered. Places in
    the log are multiples of 8, so nothing else lies between.
    """
    return position if ledger.quiet else max(0, position - 1)
