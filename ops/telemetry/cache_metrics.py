"""Prometheus metrics of the cache: its tiers count, and are read when Prometheus asks."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, Protocol

from prometheus_client import CollectorRegistry, Gauge, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector


class CacheLine(Protocol):
    """What a tier has counted of a kind of values, a number for each field: `cache.statistics.KindCounts`, by shape."""

    @property
    def tier(self) -> str: ...

    @property
    def kind(self) -> str: ...


class CacheMetrics(Collector):
    """The tiers of the cache, by kind; read from what they count when Prometheus asks."""

    _COUNTERS: Final = (
        ("podgraph_cache_hits", "Values that the tier had, by tier (memory, redis) and kind.", "hits"),
        ("podgraph_cache_misses", "Values that it had not; of the tier loader, values that were loaded.", "misses"),
        ("podgraph_cache_stale", "Values that it had and that had been written since; misses, too.", "stale"),
        ("podgraph_cache_errors", "Values that could not be read, and loads that failed.", "errors"),
        ("podgraph_cache_evictions", "Values that were dropped for want of room.", "evictions"),
        ("podgraph_cache_loads", "Loads: statements or more.", "loads"),
        ("podgraph_cache_load_seconds", "Time that loads took, added up.", "load_seconds"),
    )
    _GAUGES: Final = (
        ("podgraph_cache_entries", "Values in memory.", "entries"),
        ("podgraph_cache_bytes", "What they take in memory.", "bytes"),
    )

    def __init__(
        self, registry: CollectorRegistry, lines: Callable[[], Iterable[CacheLine]], trusted: Callable[[], bool]
    ) -> None:
        self._lines = lines
        Gauge(
            "podgraph_cache_trusted", "1 while this process may believe and keep cached values.", registry=registry
        ).set_function(trusted)
        registry.register(self)

    def describe(self) -> Iterable[Metric]:
        return self._families([])

    def collect(self) -> Iterable[Metric]:
        return self._families(list(self._lines()))

    def _families(self, lines: list[CacheLine]) -> Iterator[Metric]:
        families: list[tuple[CounterMetricFamily | GaugeMetricFamily, str]] = [
            *(
                (CounterMetricFamily(name, text, labels=("tier", "kind")), field)
                for name, text, field in self._COUNTERS
            ),
            *((GaugeMetricFamily(name, text, labels=("tier", "kind")), field) for name, text, field in self._GAUGES),
        ]
        for family, field in families:
            for line in lines:
                family.add_metric((line.tier, line.kind), getattr(line, field))
            yield family
