"""Keeping what was read beyond the operation that read it, and showing it to others.

What a value depends on is noted by the sessions that read it (`persistence.footprints`), and so is the position that it
covers; `cache.tiers` decides by these whether it may be kept, and for how long it is believed. A load that noted
nothing is not kept: nobody would know when it changes.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

import msgspec

from cache.coherence import Moment
from cache.kinds import Kind
from cache.memory import Shelf
from cache.tags import Position, Tag
from cache.tiers import Cache, Loaded
from persistence.footprints import Footprint
from persistence.ids import TenantId
from persistence.projections import Projections
from persistence.views import DatabaseView
from resolvers.sight import OperationSight

V = TypeVar("V")

_KINDS: Final = 2_000
"""Kinds that a process knows at once: a client chooses the attributes that it reads."""


class Kinds:
    """The kinds of what is kept, made when first asked for: a kind's decoder is dear. Used longest ago first out."""

    def __init__(self, seconds: float, most: int = _KINDS) -> None:
        self.seconds = seconds
        """For which a value is kept at most."""
        self._most = most
        self._known: OrderedDict[tuple[Any, ...], Kind[Any]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def kind(
        self, name: str, value: Any, *, table: str | None = None, variant: str = "", seconds: float | None = None
    ) -> Kind[Any]:
        """See `cache.kinds.Kind`."""
        longest = self.seconds if seconds is None else min(seconds, self.seconds)
        key = (name, value, table, variant, longest)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = Kind(name, value, table=table, variant=variant, seconds=longest)
            if len(self._known) > self._most:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(key)
        return found


class Keeper(msgspec.Struct, frozen=True):
    """What a process keeps, and how it calls that."""

    cache: Cache
    kinds: Kinds
    projections: Projections


class Keeping:
    """One operation's part in it, in one tenant."""

    __slots__ = ("_sight", "_view", "cache", "footprint", "kinds", "projections", "tenant_id")

    def __init__(
        self, keeper: Keeper, sight: OperationSight, view: DatabaseView, tenant_id: TenantId, footprint: Footprint
    ) -> None:
        self.cache = keeper.cache
        self.kinds = keeper.kinds
        self.projections = keeper.projections
        self.tenant_id = tenant_id
        self.footprint = footprint
        """Of all that the operation was shown, kept or read."""
        self._sight = sight
        self._view = view

    @property
    def allowed(self) -> bool:
        """Whether anything may be kept, or shown that was: the moment is trusted, and the client does not refuse."""
        return self._sight.caches

    @property
    def moment(self) -> Moment:
        return self._sight.moment

    def shelf(self, kind: Kind[V]) -> Shelf[V]:
        return self.cache.shelf(kind, self.tenant_id)

    def depend(self, shelf: Shelf[Any]) -> None:
        """Something of the shelf was shown: it is as of the operation's moment, or newer."""
        self._note([table for _, table in shelf.tables])

    async def fetch(
        self,
        shelf: Shelf[V],
        keys: Sequence[Any],
        load: Callable[[DatabaseView, list[Any]], Awaitable[Sequence[V]]],
    ) -> list[V]:
        """The values of the keys, in their order; `load` reads missing ones through the view that it is given."""

        async def noted(missing: list[Any]) -> Loaded[V]:
            own = Footprint()
            values = await load(self._view.noting(own), missing)
            if own.unknown:
                self.footprint.unknown = True
            known = not own.unknown and bool(own.tables)
            return Loaded(values, own.tags(self.tenant_id), own.position if known else None)

        fetched = await self.cache.fetch(shelf, keys, noted, self.moment)
        if fetched.position is None:
            self.footprint.unknown = True
        self._note([table for _, table, _ in fetched.tags], fetched.position)
        return fetched.values

    def kept(self) -> tuple[frozenset[Tag], Position] | None:
        """What all that was shown depends on, and the position that it covers; None if it must not be kept."""
        footprint = self.footprint
        if footprint.unknown or footprint.position is None or not footprint.tables:
            return None
        return footprint.tags(self.tenant_id), min(footprint.position, self.moment.position)

    def _note(self, tables: Sequence[str], position: int | None = None) -> None:
        self.footprint.note(frozenset(tables), self.moment.position if position is None else position)


class Audience(msgspec.Struct, frozen=True):
    """Who may be shown what was kept of an operation: those with the same `rights`, or `viewer` alone."""

    keeping: Keeping
    rights: str
    viewer: str
