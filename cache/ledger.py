"""What one process knows of writes: where the last one of everything went, and which are under way.

The last writes are kept by slot, so their number is bounded; a slot's last write is never older than a tag's.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Set
from typing import Final, TypeVar

from cache.tags import ALL, WHOLE, Position, Tag, slot_of, tenants_of
from cache.written_rows import WrittenRows

H = TypeVar("H", bound=Hashable)

_TENANTS_LAST: Final = ""
"""In the place of a table: the last write of a tenant, whatever it touched."""


class Ledger:
    """`announced` and what ends it may come in any order and more than once; each counts once."""

    def __init__(self) -> None:
        self._last: dict[int, Position] = {}
        self._earlier: Callable[[int], Position] = _nowhere
        self._announced: dict[str, frozenset[Tag]] = {}
        self._pending: Counter[Tag] = Counter()
        self._tenants: Counter[int] = Counter()
        self._rows = WrittenRows()
        self.newest: Position = 0
        """The last write of anybody."""

    @property
    def quiet(self) -> bool:
        """Whether no write is under way."""
        return not self._announced

    def announced(self, write: str, tags: frozenset[Tag]) -> None:
        if write not in self._announced:
            self._announced[write] = tags
            self._pending.update(tags)
            self._tenants.update(tenants_of(tags))

    def tags_of(self, write: str) -> frozenset[Tag]:
        """Of a write that is under way; nothing if it is not."""
        return self._announced.get(write, frozenset())

    def over(self, write: str) -> None:
        """It is under way no more, whatever became of it."""
        tags = self._announced.pop(write, None)
        if tags is not None:
            _subtract(self._pending, tags)
            _subtract(self._tenants, tenants_of(tags))

    def forget_pending(self) -> None:
        self._announced.clear()
        self._pending.clear()
        self._tenants.clear()

    def written(self, tags: frozenset[Tag], position: Position) -> None:
        """`tags` as `cache.tags.normal` makes them."""
        for slot in slots_of(tags):
            if position > self._last_of(slot):
                self._last[slot] = position
        self.newest = max(self.newest, position)
        self._rows.written(tags, position)

    def learn(self, earlier: Callable[[int], Position], newest: Position) -> None:
        """Last writes from before this process listened, by slot. What was heard itself stays."""
        self._earlier = earlier
        self.newest = max(self.newest, newest)
        self._rows.begin(self.newest)

    def floor(self, tenant_id: int) -> Position:
        return self._last_of(slot_of((tenant_id, _TENANTS_LAST, WHOLE))) if tenant_id else self.newest

    def pending(self, tenant_id: int) -> bool:
        """Whether a write of the tenant's is under way, or one of what belongs to nobody or to nobody knows whom."""
        return bool(self._tenants) and (tenant_id in self._tenants or 0 in self._tenants)

    def free(self, tags: Iterable[Tag]) -> bool:
        """Whether nothing that these depend on is being written."""
        return not self._pending or self._pending.keys().isdisjoint(above(tags))

    def current(self, tags: Iterable[Tag], position: Position) -> bool:
        """Whether a value that covers `position` has not been changed since, and is not being changed."""
        tags = tuple(tags)
        return self.free(tags) and self.last_write(tags) <= position

    def changed_rows(self, tenant_id: int, table: str, position: Position) -> Set[int] | None:
        """Rows that have been written since `position`, or are being written; None: nobody knows which."""
        if not self.current([(tenant_id, table, ALL)], position):
            return None
        written = self._rows.since(tenant_id, table, position)
        if written is None or not self._pending:
            return written
        return written | {row_id for owner, name, row_id in self._pending if (owner, name) == (tenant_id, table)}

    def last_write(self, tags: Iterable[Tag]) -> Position:
        """Not older than the last one of what these depend on."""
        return max((self._last_of(slot_of(tag)) for tag in above(tags)), default=0)

    def _last_of(self, slot: int) -> Position:
        """Where the last write of the slot went, as far as is known; 0: nowhere."""
        return max(self._last.get(slot, 0), self._earlier(slot))


def slots_of(tags: frozenset[Tag]) -> list[int]:
    """Those whose last write is one of these tags (`tags.normal`), and of whose tenants it is the last."""
    whose = ((tenant_id, _TENANTS_LAST, WHOLE) for tenant_id in tenants_of(tags))
    return sorted({*map(slot_of, tags), *map(slot_of, whose)})


def above(tags: Iterable[Tag]) -> set[Tag]:
    """The tags, and those that they lie under: all rows of the table, and the table where nobody knows whose rows."""
    found: set[Tag] = set()
    for tag in tags:
        tenant_id, table, _ = tag
        found.add(tag)
        found.add((tenant_id, table, ALL))
        if tenant_id:
            found.add((0, table, WHOLE))
            found.add((0, table, ALL))
    return found


def _nowhere(_slot: int) -> Position:
    return 0


def _subtract(counts: Counter[H], gone: frozenset[H]) -> None:
    """Counters keep keys whose count is 0; these must go, since it is the keys that are asked for."""
    for key in gone:
        counts[key] -= 1
        if counts[key] <= 0:
            del counts[key]
