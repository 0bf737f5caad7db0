"""The metrics of all workers in one exposition.

Each worker's series stay apart, by the label `worker`: sums over all would fall when a worker is replaced, which
Prometheus takes for a restart of everything. The event loops count as they do alone; nothing is shared between them.
"""

from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from gateway.workers.messages import Family, Part, Sample

_LABEL = "worker"


def families(registry: CollectorRegistry) -> list[Family]:
    """What the registry holds now."""
    return [
        Family(
            metric.name, metric.documentation, metric.type, [Sample(s.name, s.labels, s.value) for s in metric.samples]
        )
        for metric in registry.collect()
    ]


def exposition(parts: Sequence[Part]) -> bytes:
    """The text that Prometheus reads; it also says which workers are there, and how often each was replaced."""
    return generate_latest(_Merged(parts))


class _Merged:
    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts

    def collect(self) -> Iterable[Metric]:
        """One family of each name, as the format demands."""
        merged: dict[str, Metric] = {}
        for part in self._parts:
            for family in part.families or ():
                metric = merged.setdefault(family.name, Metric(family.name, family.documentation, family.kind))
                for sample in family.samples:
                    metric.add_sample(sample.name, {**sample.labels, _LABEL: str(part.worker)}, sample.value)
        yield from merged.values()
        up = GaugeMetricFamily("podgraph_worker_up", "1 if the worker said what it counts.", labels=[_LABEL])
        restarts = CounterMetricFamily(
            "podgraph_worker_restarts", "Times that the worker ended unasked and was replaced.", labels=[_LABEL]
        )
        for part in self._parts:
            up.add_metric([str(part.worker)], part.families is not None)
            if part.restarts is not None:
                restarts.add_metric([str(part.worker)], part.restarts)
        yield up
        yield restarts
