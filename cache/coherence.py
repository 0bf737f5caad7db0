"""What keeps caches from lying: who asks here before believing or keeping a value is never shown less than was written.

An operation begins with a moment. Whatever was announced before it is known in this process when it comes back, so that
what is still kept in memory is current, and what Redis keeps can be judged. `README.md` has the protocol and its proof.
"""

from collections.abc import Collection, Iterable, Set
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import msgspec

from cache.tags import Position, Tag


class Moment(msgspec.Struct, frozen=True):
    """When an operation began."""

    trusted: bool
    """Whether caches may be read and written; if not, reads go to the primary, too."""
    position: Position
    """What is read on the primary from now on covers every write up to here."""
    epoch: int = 0
    """Another one: between the two, something may have been written that was not heard of."""


class Announcement(Protocol):
    """A write under way. Neither is called when nobody can know whether it was committed."""

    async def done(self, position: Position) -> None:
        """It is committed, and visible from this position on; never raises."""

    async def undone(self) -> None:
        """It was rolled back; never raises."""


class Primary(Protocol):
    """What is known of the database's primary: `persistence.watch.Watch`, by shape."""

    @property
    def position(self) -> Position:
        """The newest known; 0: none yet."""

    @property
    def fresh(self) -> bool:
        """Whether it was asked a moment ago: what is said here of unheard writers is true."""

    @property
    def unheard(self) -> bool:
        """Whether somebody writes who cannot be heard."""

    @property
    def doubt(self) -> int:
        """Another number than before: somebody may have written unheard since."""

    def heard(self, position: Position) -> None:
        """A write went up to here."""


class Listener(Protocol):
    """Keeps values that must be forgotten in time."""

    def forget(self, tags: Collection[Tag]) -> None:
        """A write is about to change these, or has."""

    def forget_all(self) -> None:
        """Anything may have changed."""


class Coherence(Protocol):
    """Implemented by LocalCoherence, for a process that caches alone, and SharedCoherence."""

    @property
    def trusted(self) -> bool:
        """Whether values may be kept now."""

    @property
    def generation(self) -> str:
        """Part of the key of every value in Redis; another one: what was kept there is not believed."""

    async def moment(self) -> Moment:
        """Of an operation that begins now; never raises, and waits for at most some 300 ms."""

    async def announced(self, tags: Collection[Tag]) -> Announcement:
        """Comes back when all processes know that a write is about to change these.

        Raises what taking the lock of unheard writers raises, if Redis is away: the write must not happen then.
        """

    def floor(self, tenant_id: int) -> Position:
        """The last write of the tenant that was heard of; for 0, anybody's."""

    def pending(self, tenant_id: int) -> bool:
        """Whether a write of the tenant, or of what belongs to nobody, is under way."""

    def current(self, tags: Iterable[Tag], position: Position) -> bool:
        """Whether a value that covers `position` and depends on `tags` may be believed: nobody has changed it since."""

    def changed_rows(self, tenant_id: int, table: str, position: Position) -> Set[int] | None:
        """Rows that have been written since `position`, or are being written; None: nobody knows which."""

    def holds(self, moment: Moment) -> bool:
        """Whether what was read since the moment may still be kept, if it is current."""

    def listen(self, listener: Listener) -> None:
        """From now on the listener hears of every write."""

    def running(self) -> AbstractAsyncContextManager[None]:
        """Hears other processes within the block."""
