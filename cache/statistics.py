"""What the tiers of a cache count, by kind: plain numbers, for metrics and for people."""

from collections.abc import Iterator
from typing import Final

import msgspec

MEMORY: Final = "memory"
REDIS: Final = "redis"
LOADER: Final = "loader"


class Counts:
    """Of one kind in one tier; whoever counts adds to them. Numbers of the loader: loads are `misses`."""

    __slots__ = ("bytes", "entries", "errors", "evictions", "hits", "loads", "misses", "seconds", "stale")

    def __init__(self) -> None:
        self.hits = 0
        self.misses = 0
        self.stale = 0
        """Found, but older than the last write; a miss, too."""
        self.errors = 0
        self.evictions = 0
        self.loads = 0
        self.seconds = 0.0
        """That loads took."""
        self.entries = 0
        self.bytes = 0


class KindCounts(msgspec.Struct, frozen=True):
    """One line of a snapshot."""

    tier: str
    kind: str
    hits: int
    misses: int
    stale: int
    errors: int
    evictions: int
    loads: int
    load_seconds: float
    entries: int
    bytes: int


class CacheStatistics:
    """Kinds have few names, so this is bounded."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], Counts] = {}

    def of(self, tier: str, kind: str) -> Counts:
        found = self._counts.get((tier, kind))
        if found is None:
            found = self._counts[tier, kind] = Counts()
        return found

    def snapshot(self) -> list[KindCounts]:
        return list(self._lines())

    def _lines(self) -> Iterator[KindCounts]:
        for (tier, kind), counts in sorted(self._counts.items()):
            yield KindCounts(
                tier=tier,
                kind=kind,
                hits=counts.hits,
                misses=counts.misses,
                stale=counts.stale,
                errors=counts.errors,
                evictions=counts.evictions,
                loads=counts.loads,
                load_seconds=counts.seconds,
                entries=counts.entries,
                bytes=counts.bytes,
            )
