"""Counters without a lock, for what every request counts.

prometheus_client's own take half a microsecond to count and one more to find by labels. Here a count is an addition to
a number: the event loop alone adds, and a scrape reads in the same loop.
"""

from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector


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
