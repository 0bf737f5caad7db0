"""What Prometheus sees of the cache."""

from prometheus_client import CollectorRegistry

from cache.statistics import LOADER, MEMORY, CacheStatistics
from ops.telemetry.cache_metrics import CacheMetrics


def test_counts_are_shown_by_tier_and_kind_as_they_are_when_asked() -> None:
    registry, statistics = CollectorRegistry(), CacheStatistics()
    trusted = True
    CacheMetrics(registry, statistics.snapshot, lambda: trusted)
    memory, loader = statistics.of(MEMORY, "podcasts"), statistics.of(LOADER, "podcasts")
    memory.hits, memory.misses, memory.stale, memory.errors, memory.evictions = 1, 2, 3, 4, 5
    memory.entries, memory.bytes = 6, 7
    loader.loads, loader.seconds = 8, 0.5

    def value(name: str, tier: str) -> float | None:
        return registry.get_sample_value(f"podgraph_cache_{name}", {"tier": tier, "kind": "podcasts"})

    names = ("hits_total", "misses_total", "stale_total", "errors_total", "evictions_total", "entries", "bytes")
    assert [value(name, "memory") for name in names] == [1, 2, 3, 4, 5, 6, 7]
    assert (value("loads_total", "loader"), value("load_seconds_total", "loader")) == (8, 0.5)
    assert registry.get_sample_value("podgraph_cache_trusted") == 1
    trusted = False
    memory.hits += 10
    assert value("hits_total", "memory") == 11
    assert registry.get_sample_value("podgraph_cache_trusted") == 0
