"""The memory tier: values of this process, found by one look into a dict, and no more of them than fit.

Whatever is kept is current: it is deleted when a write of what it depends on is heard of, so reading checks nothing.
Values come in pages, those that were put together: a page is what expires and what is evicted, so that the work that
each value costs stays far below that of decoding it. Which page was used longest ago, cachetools' LRUCache knows. Reads
are noted, and told to it before it is asked.
"""

import heapq
import math
from collections import deque
from collections.abc import Callable, Collection, Hashable, Sequence
from itertools import count, repeat
from sys import getsizeof
from typing import Any, Final, Generic, TypeVar

from cachetools import LRUCache

from cache.kinds import Kind
from cache.statistics import MEMORY, CacheStatistics
from cache.tags import ALL, WHOLE, Tag
from cache.weights import PER_KEY, PER_PAGE, Scale, weighed

V = TypeVar("V")


class Missing:
    """What stands in the place of a value that is not kept."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing()

Key = Hashable
"""An id, or what tells a value from the others of its kind; as a text it must do so, too."""

Table = tuple[int, str]
"""Whose, and its name."""

PAGE: Final = 64
"""Values of the largest page."""

_JITTER: Final = 0.1
_LARGEST_PART: Final = 16
"""A value that takes more than this part of the tier is not kept."""
_NOTES: Final = 1_024
_NOTED: Final = 64
"""Keys of one read that are noted at most."""
_FULL_ENOUGH: Final = 0.5
"""Below this part of its bound the tier is far from evicting: who reads what is not noted."""


class Shelf(Generic[V]):
    """The values of one kind and one tenant."""

    __slots__ = ("bytes", "kind", "pages", "scale", "tables", "tenant_id", "values")

    def __init__(self, kind: Kind[V], tenant_id: int) -> None:
        self.kind = kind
        self.tenant_id = tenant_id
        self.values: dict[Any, V] = {}
        self.pages: dict[Any, Page] = {}
        self.bytes = 0
        """Of the two dicts themselves."""
        self.scale = Scale()
        self.tables: frozenset[Table] = frozenset({(tenant_id, kind.table)} if kind.table else ())
        """What values of this shelf depend on, or have depended on."""


class Page:
    """Values that were put together."""

    __slots__ = ("bytes", "expires", "keys", "live", "shelf", "tables")

    def __init__(self, shelf: Shelf[Any], keys: Sequence[Key], tables: frozenset[Table], expires: float) -> None:
        self.shelf = shelf
        self.keys = keys
        self.tables = tables
        """Any write of these changes its values; beside them, a row's own."""
        self.expires = expires
        self.live = len(keys)
        """How many of the keys are still on this page."""
        self.bytes = 0


class Memory:
    """Implements `cache.coherence.Listener`. `bound` is in bytes; `random` gives numbers from 0 to 1."""

    def __init__(
        self, bound: int, statistics: CacheStatistics, clock: Callable[[], float], random: Callable[[], float]
    ) -> None:
        self.bound = bound
        self.bytes = 0
        """What all values take, with what it takes to keep them."""
        self._statistics = statistics
        self._clock = clock
        self._random = random
        self._forget_everything()

    @property
    def entries(self) -> int:
        return self._entries

    def shelf(self, kind: Kind[V], tenant_id: int) -> Shelf[V]:
        found = self._shelves.get((kind.mark, tenant_id))
        return Shelf(kind, tenant_id) if found is None else found

    def recall(self, shelf: Shelf[V], keys: Sequence[Key]) -> list[V | Missing]:
        """The values in the order of the keys, MISSING for those that are not kept."""
        if self._clock() >= self._soonest:
            self._expire()
        if self._noting:
            self._notes.append((shelf, keys if len(keys) <= _NOTED else keys[:: len(keys) // _NOTED]))
        return list(map(shelf.values.get, keys, repeat(MISSING)))

    def recall_all(self, shelf: Shelf[V], keys: Sequence[Key]) -> list[V] | None:
        """The values in the order of the keys, if all are kept."""
        if self._clock() >= self._soonest:
            self._expire()
        try:
            found = list(map(shelf.values.__getitem__, keys))
        except KeyError:
            return None
        if self._noting:
            self._notes.append((shelf, keys if len(keys) <= _NOTED else keys[:: len(keys) // _NOTED]))
        return found

    def put(
        self,
        shelf: Shelf[V],
        keys: Sequence[Key],
        values: Sequence[V],
        lengths: Sequence[int],
        tables: frozenset[Table] = frozenset(),
    ) -> None:
        """Keeps the values. `lengths` are those of their encodings, `tables` what they depend on beside their rows.

        Of a shelf that was empty another one may have taken the place meanwhile: then the values go there.
        """
        shelf = self._shelves.setdefault((shelf.kind.mark, shelf.tenant_id), shelf)
        shelf.tables |= tables
        if None in values:
            self._put_apart(shelf, keys, values, lengths, tables)
        else:
            self._put_pages(shelf, keys, values, lengths, tables, shelf.kind.seconds)
        self._make_room()

    def forget(self, tags: Collection[Tag]) -> None:
        for tenant_id, table, row_id in tags:
            if row_id == WHOLE:
                self._drop(self._wholes, tenant_id, table)
            elif row_id == ALL:
                self._drop(self._wholes, tenant_id, table)
                self._drop(self._rows, tenant_id, table)
            elif (tenant_id, table) in self._row_shelves:
                for shelf in list(self._row_shelves[tenant_id, table]):
                    self._take_off(shelf, row_id)
            if tenant_id == 0:
                self._drop_anybodys_rows(table)

    def forget_all(self) -> None:
        for shelf in self._shelves.values():
            counts = self._statistics.of(MEMORY, shelf.kind.name)
            counts.entries = counts.bytes = 0
            # Readers may hold the shelf: they find it empty.
            shelf.values, shelf.pages = {}, {}
            shelf.bytes = 0
        self._forget_everything()

    def _forget_everything(self) -> None:
        self.bytes = 0
        self._entries = 0
        self._shelves: dict[tuple[str, int], Shelf[Any]] = {}
        self._order: LRUCache[Page, Page] = LRUCache(math.inf)
        self._expiries: list[tuple[float, int, Page]] = []
        self._soonest = math.inf
        self._numbers = count()
        self._notes: deque[tuple[Shelf[Any], Sequence[Key]]] = deque(maxlen=_NOTES)
        self._noting = False
        self._wholes: _Index = {}
        self._rows: _Index = {}
        self._row_shelves: dict[Table, dict[Shelf[Any], None]] = {}

    def _put_apart(
        self,
        shelf: Shelf[V],
        keys: Sequence[Key],
        values: Sequence[V],
        lengths: Sequence[int],
        tables: frozenset[Table],
    ) -> None:
        """That something is not there is kept for a shorter time, hence on other pages."""
        for absent, seconds in ((False, shelf.kind.seconds), (True, shelf.kind.absent_seconds)):
            at = [index for index, value in enumerate(values) if (value is None) is absent]
            if at:
                self._put_pages(
                    shelf, [keys[i] for i in at], [values[i] for i in at], [lengths[i] for i in at], tables, seconds
                )

    def _put_pages(
        self,
        shelf: Shelf[V],
        keys: Sequence[Key],
        values: Sequence[V],
        lengths: Sequence[int],
        tables: frozenset[Table],
        seconds: float,
    ) -> None:
        expires = self._clock() + seconds * (1 - _JITTER + 2 * _JITTER * self._random())
        for begin in range(0, len(keys), PAGE):
            end = begin + PAGE
            self._put_page(shelf, keys[begin:end], values[begin:end], lengths[begin:end], tables, expires)

    def _put_page(
        self,
        shelf: Shelf[V],
        keys: Sequence[Key],
        values: Sequence[V],
        lengths: Sequence[int],
        tables: frozenset[Table],
        expires: float,
    ) -> None:
        if not shelf.pages.keys().isdisjoint(keys):
            for key in keys:
                self._take_off(shelf, key)
            # The last value of a shelf may have gone.
            self._shelves[shelf.kind.mark, shelf.tenant_id] = shelf
        page = Page(shelf, keys, tables, expires)
        page.bytes = PER_PAGE + (PER_KEY + weighed(keys[0])) * len(keys) + shelf.scale.weight(values, lengths)
        if page.bytes * _LARGEST_PART > self.bound:
            if len(keys) > 1:
                for index, key in enumerate(keys):
                    one = slice(index, index + 1)
                    self._put_page(shelf, [key], values[one], lengths[one], tables, expires)
            return
        shelf.values.update(zip(keys, values, strict=True))
        shelf.pages.update(zip(keys, repeat(page)))
        self._order[page] = page
        heapq.heappush(self._expiries, (expires, next(self._numbers), page))
        self._soonest = min(self._soonest, expires)
        for tenant_id, table in tables:
            self._wholes.setdefault(table, {}).setdefault(tenant_id, {})[page] = None
        if shelf.kind.table:
            of_table = self._rows.setdefault(shelf.kind.table, {})
            of_table.setdefault(shelf.tenant_id, {})[page] = None
            self._row_shelves.setdefault((shelf.tenant_id, shelf.kind.table), {})[shelf] = None
        self._count(shelf, len(keys), page.bytes)
        self._weigh(shelf)

    def _weigh(self, shelf: Shelf[Any]) -> None:
        """Dicts grow by doubling, so their share of a key differs much; they say how large they are."""
        size = getsizeof(shelf.values) + getsizeof(shelf.pages)
        if size != shelf.bytes:
            self._count(shelf, 0, size - shelf.bytes)
            shelf.bytes = size

    def _count(self, shelf: Shelf[Any], entries: int, size: int) -> None:
        self.bytes += size
        self._entries += entries
        counts = self._statistics.of(MEMORY, shelf.kind.name)
        counts.entries += entries
        counts.bytes += size

    def _make_room(self) -> None:
        if self.bytes > self.bound:
            self._note_reads()
            while self.bytes > self.bound:
                page, _ = self._order.popitem()
                self._statistics.of(MEMORY, page.shelf.kind.name).evictions += page.live
                self._remove(page)
        self._noting = self.bytes > self.bound * _FULL_ENOUGH

    def _note_reads(self) -> None:
        while self._notes:
            shelf, keys = self._notes.popleft()
            for page in {shelf.pages.get(key) for key in keys}:
                if page is not None and page in self._order:
                    self._order[page]

    def _expire(self) -> None:
        now = self._clock()
        while self._expiries and self._expiries[0][0] <= now:
            _, _, page = heapq.heappop(self._expiries)
            self._drop_page(page)
        self._soonest = self._expiries[0][0] if self._expiries else math.inf

    def _take_off(self, shelf: Shelf[Any], key: Key) -> None:
        page = shelf.pages.pop(key, None)
        if page is None:
            return
        del shelf.values[key]
        share = page.bytes // page.live
        page.live -= 1
        page.bytes -= share
        self._count(shelf, -1, -share)
        if page.live == 0:
            self._drop_page(page)

    def _drop(self, index: "_Index", tenant_id: int, table: str) -> None:
        """All pages of a table."""
        of_table = index.get(table)
        if of_table:
            whose = [tenant_id] if tenant_id else list(of_table)
            for page in [page for owner in whose for page in of_table.get(owner, ())]:
                self._drop_page(page)

    def _drop_anybodys_rows(self, table: str) -> None:
        """A write of nobody knows whose rows, unless they are rows that belong to nobody."""
        of_table = self._rows.get(table)
        if of_table:
            for page in [page for owner, pages in of_table.items() if owner for page in pages]:
                self._drop_page(page)

    def _drop_page(self, page: Page) -> None:
        if page in self._order:
            del self._order[page]
            self._remove(page)

    def _remove(self, page: Page) -> None:
        """What is left of a page that is in the order no more."""
        shelf = page.shelf
        for key in page.keys:
            if shelf.pages.get(key) is page:
                del shelf.pages[key]
                del shelf.values[key]
        self._count(shelf, -page.live, -page.bytes)
        page.live = page.bytes = 0
        # It is still among the expiries.
        page.keys = ()
        for tenant_id, table in page.tables:
            _take_out(self._wholes, tenant_id, table, page)
        if shelf.kind.table:
            _take_out(self._rows, shelf.tenant_id, shelf.kind.table, page)
        if not shelf.values:
            self._put_away(shelf)
        if len(self._expiries) > 1.25 * len(self._order) + PAGE:
            self._expiries = [entry for entry in self._expiries if entry[2] in self._order]
            heapq.heapify(self._expiries)

    def _put_away(self, shelf: Shelf[Any]) -> None:
        self._count(shelf, 0, -shelf.bytes)
        shelf.bytes = 0
        # Emptied dicts stay as large as they were.
        shelf.values, shelf.pages = {}, {}
        if self._shelves.get((shelf.kind.mark, shelf.tenant_id)) is shelf:
            del self._shelves[shelf.kind.mark, shelf.tenant_id]
        if shelf.kind.table:
            shelves = self._row_shelves.get((shelf.tenant_id, shelf.kind.table), {})
            shelves.pop(shelf, None)
            if not shelves:
                self._row_shelves.pop((shelf.tenant_id, shelf.kind.table), None)


_Index = dict[str, dict[int, dict[Page, None]]]
"""Pages by the table and the tenant whose writes change them."""


def _take_out(index: _Index, tenant_id: int, table: str, page: Page) -> None:
    of_table = index[table]
    pages = of_table[tenant_id]
    del pages[page]
    if not pages:
        del of_table[tenant_id]
        if not of_table:
            del index[table]
