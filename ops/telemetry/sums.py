"""Counters and histograms without a lock, for what every request counts.

prometheus_client's own take half a microsecond to count and one more to find by labels. Here a count is an addition to
a number: the event loop alone adds, and a scrape reads in the same loop.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate
from math import inf

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString


class Sum:
    """One series: whoever counts adds to `amount`, never less than 0."""

    __slots__ = ("amount",)

    def __init__(self) -> None:
        self.amount: int | float = 0


class Sums(Collector):
    """A counter of Prometheus: one `Sum` for each set of label values. `unit` is how much of an amount counts as 1."""

    def __init__(
        self, name: str, documentation: str, labels: Sequence[str], *, registry: CollectorRegistry, unit: int = 1
    ) -> None:
        self._name = name
        self._documentation = documentation
        self._labels = tuple(labels)
        self._unit = unit
        self._sums: dict[tuple[str, ...], Sum] = {}
        registry.register(self)

    def of(self, *values: str) -> Sum:
        """The series of these label values; it is shown from now on."""
        found = self._sums.get(values)
        if found is None:
            if len(values) != len(self._labels):
                raise ValueError(f"{self._name} has the labels {', '.join(self._labels)}")
            found = self._sums[values] = Sum()
        return found

    def describe(self) -> Iterable[CounterMetricFamily]:
        yield CounterMetricFamily(self._name, self._documentation, labels=self._labels)

    def collect(self) -> Iterable[CounterMetricFamily]:
        family = CounterMetricFamily(self._name, self._documentation, labels=self._labels)
        for values, one in self._sums.items():
            family.add_metric(values, one.amount / self._unit)
        yield family


class Spread:
    """One series of a histogram."""

    __slots__ = ("_bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        """Of each bucket alone; of the last one, all that is beyond the bounds."""
        self.sum = 0.0

    def observe(self, amount: float) -> None:
        """An amount that is a bucket's bound belongs to it."""
        self.counts[bisect_left(self._bounds, amount)] += 1
        self.sum += amount


class Spreads(Collector):
    """A histogram of Prometheus: one `Spread` for each set of label values; `bounds` ascend."""

    def __init__(
        self,
        name: str,
        documentation: str,
        labels: Sequence[str],
        *,
        bounds: Sequence[float],
        registry: CollectorRegistry,
    ) -> None:
        self._name = name
        self._documentation = documentation
        self._labels = tuple(labels)
        self._bounds = tuple(bounds)
        self._spreads: dict[tuple[str, ...], Spread] = {}
        registry.register(self)

    def of(self, *values: str) -> Spread:
        """The series of these label values; it is shown from now on."""
        found = self._spreads.get(values)
        if found is None:
            if len(values) != len(self._labels):
                raise ValueError(f"{self._name} has the labels {', '.join(self._labels)}")
            found = self._spreads[values] = Spread(self._bounds)
        return found

    def describe(self) -> Iterable[HistogramMetricFamily]:
        yield HistogramMetricFamily(self._name, self._documentation, labels=self._labels)

    def collect(self) -> Iterable[HistogramMetricFamily]:
        family = HistogramMetricFamily(self._name, self._documentation, labels=self._labels)
        bounds = (*self._bounds, inf)
        names: list[str] = [floatToGoString(bound) for bound in bounds]  # type: ignore[no-untyped-call]  # it has no types
        for values, one in self._spreads.items():
            family.add_metric(values, list(zip(names, accumulate(one.counts), strict=True)), one.sum)
        yield family
