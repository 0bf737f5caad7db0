"""Loads under way, so that a missing value is loaded once for all who ask for it, and where their values come from.

Whoever asks first flies, in its own task; the others wait. A waiter that is cancelled concerns nobody else; when the
one who flies is, the others find that nothing has come and ask again. A failure is told to all, and not kept.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from cache.coherence import Moment
from cache.memory import Key, Shelf, Table
from cache.tags import WHOLE, Position, Tag

V = TypeVar("V")


class Sources:
    """Where values came from."""

    __slots__ = ("position", "tags")

    def __init__(self, position: Position) -> None:
        self.tags: set[Tag] = set()
        self.position: Position | None = position
        """That all of them cover; None: nobody knows."""

    def depend(self, tables: frozenset[Table]) -> None:
        self.tags.update(whole_of(tables))

    def cover(self, position: Position | None) -> None:
        self.position = None if position is None or self.position is None else min(self.position, position)

    def add(self, other: "Sources") -> None:
        self.tags |= other.tags
        self.cover(other.position)


class Flight(Generic[V]):
    """A load under way, which others may wait for."""

    __slots__ = ("failure", "fetched", "landed", "moment", "sources")

    def __init__(self, moment: Moment) -> None:
        self.moment = moment
        self.landed = asyncio.Event()
        self.sources = Sources(moment.position)
        self.fetched: dict[Key, V] = {}
        self.failure: Exception | None = None


class Flights:
    """Those that may be waited for; a detached one goes on, for those who wait already."""

    def __init__(self) -> None:
        self._of_tenants: dict[int, dict[str, dict[Key, Flight[Any]]]] = {}
        """By tenant, mark of the kind, and key."""

    def boarded(self, shelf: Shelf[V], keys: list[Key]) -> tuple[list[Flight[V]], list[Key]]:
        """The flights that bring some of the keys, and the keys that none brings."""
        flights = self._of_tenants.get(shelf.tenant_id, {}).get(shelf.kind.mark)
        if not flights:
            return [], keys
        own = [key for key in keys if key not in flights]
        return list({flights[key]: None for key in keys if key in flights}), own

    @contextmanager
    def flown(self, shelf: Shelf[V], keys: Sequence[Key], moment: Moment) -> Iterator[Flight[V]]:
        """A flight for the keys, which lands at the end of the block, or fails with it."""
        flight = Flight[V](moment)
        of_tenant = self._of_tenants.setdefault(shelf.tenant_id, {})
        flights = of_tenant.setdefault(shelf.kind.mark, {})
        flights.update(dict.fromkeys(keys, flight))
        try:
            yield flight
        except Exception as error:
            flight.failure = error
            raise
        finally:
            for key in keys:
                if flights.get(key) is flight:
                    del flights[key]
            if not flights and of_tenant.get(shelf.kind.mark) is flights:
                del of_tenant[shelf.kind.mark]
                if not of_tenant and self._of_tenants.get(shelf.tenant_id) is of_tenant:
                    del self._of_tenants[shelf.tenant_id]
            flight.landed.set()

    def detach(self, tenant_id: int) -> None:
        """Of the tenant; 0: of all, since anybody's may have read what belongs to nobody."""
        if tenant_id == 0:
            self._of_tenants.clear()
        self._of_tenants.pop(tenant_id, None)

    def detach_all(self) -> None:
        self._of_tenants.clear()


def whole_of(tables: Iterable[Table]) -> list[Tag]:
    return [(tenant_id, table, WHOLE) for tenant_id, table in tables]
