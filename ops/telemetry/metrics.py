"""Prometheus metrics of the edge, each group built on a registry that is passed in.

Names are podgraph_<noun>_<unit>. Labels are bounded: routes, codes and kinds are enumerations, operation names go
through `BoundedNames`, and a tenant id is never a label.
"""

from collections import Counter as Tally
from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Bucket bounds of every duration, in seconds."""

MAX_LABEL: Final = 100
"""Characters of the longest name that becomes a label."""


OTHER: Final = "other"
"""The label of names that are too long, too many or not to be trusted."""


class BoundedNames:
    """Maps names that clients choose to a set of at most `limit` label values: first come, first named."""

    def __init__(self, limit: int = 200) -> None:
        self._limit = limit
        self._names: set[str] = set()

    def label(self, name: str | None) -> str:
        """The name itself, "anonymous" for none, or "other" once the set is full."""
        if not name:
            return "anonymous"
        if name not in self._names:
            if len(self._names) >= self._limit or len(name) > MAX_LABEL:
                return OTHER
            self._names.add(name)
        return name


class DocumentMetrics:
    """The document cache."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.lookups = Counter(
            "podgraph_document_lookups_total", "Look-ups of the document cache.", ["outcome"], registry=registry
        )
        self.entries = Gauge("podgraph_document_entries", "Documents in the cache.", registry=registry)


class OperationMetrics:
    """GraphQL operations, whatever transport they came by."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.names = BoundedNames()
        self.seconds = Histogram(
            "podgraph_operation_seconds",
            "Time from the request's parse to its result; of a subscription, time of one event.",
            ["kind", "name"],
            buckets=SECONDS,
            registry=registry,
        )
        self.results = Counter(
            "podgraph_operation_results_total",
            "Results by outcome: ok, partial (data and errors), rejected, failed.",
            ["kind", "outcome"],
            registry=registry,
        )
        self.errors = Counter(
            "podgraph_operation_errors_total", "Errors sent to clients, by code.", ["code"], registry=registry
        )
        self.subscriptions = Gauge(
            "podgraph_subscriptions_open", "Subscriptions with a client attached.", registry=registry
        )
        self._codes = BoundedNames(100)

    def count_error(self, code: object) -> None:
        """Count one error under its code; codes come from our own enumerations, the bound is a safety net."""
        self.errors.labels(self._codes.label(str(code) if code else None)).inc()


class HttpMetrics:
    """HTTP requests and WebSocket connections."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "podgraph_http_requests_total",
            "HTTP requests answered.",
            ["method", "route", "status"],
            registry=registry,
        )
        self.seconds = Histogram(
            "podgraph_http_request_seconds",
            "Time from the first byte of the request's head to the last byte of the response.",
            ["method", "route"],
            buckets=SECONDS,
            registry=registry,
        )
        self.in_flight = Gauge("podgraph_http_requests_in_flight", "HTTP requests being answered.", registry=registry)
        self.websockets = Gauge("podgraph_websockets_open", "WebSocket connections being served.", registry=registry)


class EventMetrics:
    """Events taken in, by whatever door; `types` are all that there are."""

    def __init__(self, registry: CollectorRegistry, types: Iterable[str]) -> None:
        self._types = frozenset(types)
        self.events = Counter(
            "podgraph_events_total",
            "Events by what became of them: ACCEPTED, DUPLICATE or REJECTED.",
            ["status", "type"],
            registry=registry,
        )
        self.seconds = Histogram(
            "podgraph_event_batch_seconds",
            "Time from a batch of events to its commit.",
            buckets=SECONDS,
            registry=registry,
        )

    def count(self, outcomes: Iterable[tuple[str, str | None]]) -> None:
        """Counts events by status and type; a type that is none of ours is "other"."""
        for (status, given), events in Tally(outcomes).items():
            self.events.labels(status, given if given in self._types else OTHER).inc(events)


class RunMetrics:
    """Attribution runs that this process took."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.runs = Counter(
            "podgraph_attribution_runs_total",
            "Runs taken, by what became of them: succeeded, failed, postponed (tried again later), lost (cancelled, or"
            " taken over by another process).",
            ["outcome"],
            registry=registry,
        )
        self.seconds = Histogram(
            "podgraph_attribution_run_seconds",
            "Time that a process worked on a run.",
            buckets=(*SECONDS, 60.0, 120.0, 300.0, 600.0),
            registry=registry,
        )
        self.waiting = Gauge(
            "podgraph_attribution_jobs_waiting", "Runs of all tenants that wait for a process.", registry=registry
        )
