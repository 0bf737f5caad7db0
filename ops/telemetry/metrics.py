"""Prometheus metrics of the edge, each group built on a registry that is passed in.

Names are podgraph_<noun>_<unit>. Labels are bounded: routes, codes and kinds are enumerations, operation names go
through `BoundedNames`, and a tenant id is never a label. What every request counts or times is a `Sums` or `Spreads`.
"""

from collections import Counter as Tally
from collections.abc import Iterable
from functools import cache
from typing import Final, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from ops.telemetry.sums import Spreads, Sums

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
        lookups = Sums(
            "podgraph_document_lookups_total", "Look-ups of the document cache.", ["outcome"], registry=registry
        )
        self.hits, self.misses = lookups.of("hit"), lookups.of("miss")
        self.entries = Gauge("podgraph_document_entries", "Documents in the cache.", registry=registry)


class PersistedMetrics:
    """Automatic persisted queries."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.lookups = Counter(
            "podgraph_persisted_query_lookups_total",
            "Hashes sent without their text, by where the text was: process, redis, miss.",
            ["outcome"],
            registry=registry,
        )
        self.failures = Counter(
            "podgraph_persisted_query_redis_failures_total",
            "Times that Redis did not answer; the process then does without it for a second.",
            registry=registry,
        )


class ClientMetrics:
    """The programs that ask, by the names they give themselves."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._names = BoundedNames(100)
        self._operations = Sums(
            "podgraph_client_operations_total", "Operations that were run.", ["client"], registry=registry
        )
        self._untrusted = Counter(
            "podgraph_untrusted_documents_total",
            "Texts that nobody has registered, by what became of them: run, refused.",
            ["client", "outcome"],
            registry=registry,
        )
        self.usage_lost = Counter(
            "podgraph_usage_lost_total",
            "Uses of elements of the schema that were dropped because the database was away for too long.",
            registry=registry,
        )

    def count_operation(self, client: str) -> None:
        self._operations.of(self._names.label(client)).amount += 1

    def count_untrusted(self, client: str, outcome: str) -> None:
        self._untrusted.labels(self._names.label(client), outcome).inc()


class OperationMetrics:
    """GraphQL operations, whatever transport they came by."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.names = BoundedNames()
        self._seconds = Spreads(
            "podgraph_operation_seconds",
            "Time from the request's parse to its result; of a subscription, time of one event.",
            ["kind", "name"],
            bounds=SECONDS,
            registry=registry,
        )
        self._results = Sums(
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
        self.structural_limits = Counter(
            "podgraph_structural_limits_total",
            "Requests and documents refused by their size or form, by the limit that they met.",
            ["limit"],
            registry=registry,
        )
        self._codes = BoundedNames(100)

    def took(self, kind: str, name: str, seconds: float) -> None:
        """One operation; `name` is a label of `names`."""
        self._seconds.of(kind, name).observe(seconds)

    def count_result(self, kind: str, outcome: Literal["ok", "partial", "rejected", "failed"]) -> None:
        self._results.of(kind, outcome).amount += 1

    def count_error(self, code: object) -> None:
        """Count one error under its code; codes come from our own enumerations, the bound is a safety net."""
        self.errors.labels(self._codes.label(str(code) if code else None)).inc()


class HttpMetrics:
    """HTTP requests and WebSocket connections."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Sums(
            "podgraph_http_requests_total",
            "HTTP requests answered.",
            ["method", "route", "status"],
            registry=registry,
        )
        self._seconds = Spreads(
            "podgraph_http_request_seconds",
            "Time from the first byte of the request's head to the last byte of the response.",
            ["method", "route"],
            bounds=SECONDS,
            registry=registry,
        )
        self._in_flight = 0
        Gauge("podgraph_http_requests_in_flight", "HTTP requests being answered.", registry=registry).set_function(
            lambda: self._in_flight
        )
        self.websockets = Gauge("podgraph_websockets_open", "WebSocket connections being served.", registry=registry)

    def begin(self) -> None:
        """A request has come."""
        self._in_flight += 1

    def end(self, method: str, route: str, status: str, seconds: float) -> None:
        """It is answered, or given up."""
        self._in_flight -= 1
        self._requests.of(method, route, status).amount += 1
        self._seconds.of(method, route).observe(seconds)


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


class ExecutionMetrics:
    """How operations are executed: compiled, begun compiled and abandoned, or by the reference executor alone."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.operations = Sums(
            "podgraph_executions_total", "Operations executed, by the way it was done.", ["way"], registry=registry
        )
        self.plans = Gauge("podgraph_execution_plans", "Plans of operations that are kept.", registry=registry)


class CostMetrics:
    """What operations cost, and the budgets that it is taken from. Amounts are given in thousandths of a point."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._admissions = Sums(
            "podgraph_cost_admissions_total",
            "Priced operations: admitted, throttled (the budget was too low) or too_expensive (for any budget).",
            ["outcome"],
            registry=registry,
        )
        moved = Sums(
            "podgraph_cost_points_total",
            "Points: taken on admission; of these charged for what was executed, and refunded.",
            ["move"],
            registry=registry,
            unit=1_000,
        )
        self._admitted = self._admissions.of("admitted")
        self._taken, self._charged, self._refunded = map(moved.of, ("taken", "charged", "refunded"))
        self._overruns = Counter(
            "podgraph_cost_overruns_total",
            "Operations that executed more than their price said: a list is longer than the schema declares.",
            registry=registry,
        )
        self._failovers = Counter(
            "podgraph_budget_failovers_total",
            "Times that Redis was lost and this process kept its share of the budgets itself.",
            registry=registry,
        )
        self._shared = Gauge(
            "podgraph_budgets_shared",
            "1 while the budgets are those of all processes; 0 while this one keeps its share itself.",
            registry=registry,
        )
        self._seconds = cache(
            Histogram(
                "podgraph_budget_seconds",
                "Time of one call to the budgets: take, settle or levels.",
                ["call"],
                buckets=SECONDS,
                registry=registry,
            ).labels
        )

    def admitted(self, requested: int) -> None:
        self._admitted.amount += 1
        self._taken.amount += requested

    def refused(self, outcome: Literal["throttled", "too_expensive"]) -> None:
        self._admissions.of(outcome).amount += 1

    def settled(self, actual: int, refunded: int) -> None:
        self._charged.amount += actual
        self._refunded.amount += refunded

    def overrun(self) -> None:
        self._overruns.inc()

    def failover(self) -> None:
        self._failovers.inc()

    def shared(self, yes: bool) -> None:
        self._shared.set(yes)

    def called(self, call: Literal["take", "settle", "levels"], seconds: float) -> None:
        self._seconds(call).observe(seconds)


class ReplicaMetrics:
    """The servers of the database, by host, port and database, and the reads on replicas."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._healthy = Gauge(
            "podgraph_database_server_healthy", "1 while the server is used.", ["server"], registry=registry
        )
        self._lag = Gauge(
            "podgraph_database_replica_lag_seconds",
            "Since when the primary has had what the replica does not show yet; 0 for the primary.",
            ["server"],
            registry=registry,
        )
        self._reads = Sums(
            "podgraph_database_reads_total",
            "Sessions that only read, by where: replica, primary (none was new enough), degraded (no primary).",
            ["where"],
            registry=registry,
        )
        self._on_replica, self._on_primary, self._degraded = map(self._reads.of, ("replica", "primary", "degraded"))
        self._retries = Counter(
            "podgraph_database_read_retries_total",
            "Statements that failed on a replica and were sent elsewhere, by the replica.",
            ["server"],
            registry=registry,
        )
        self._ejections = Counter(
            "podgraph_database_ejections_total",
            "Times that a server was no longer used: it was lost, or lagged too far behind.",
            ["server"],
            registry=registry,
        )

    def note(self, server: str, *, healthy: bool, lag_seconds: float) -> None:
        self._healthy.labels(server).set(healthy)
        self._lag.labels(server).set(lag_seconds)

    def count_read(self, where: Literal["replica", "primary", "degraded"]) -> None:
        """Only where there are replicas."""
        match where:
            case "replica":
                self._on_replica.amount += 1
            case "primary":
                self._on_primary.amount += 1
            case "degraded":
                self._degraded.amount += 1

    def count_retry(self, server: str) -> None:
        self._retries.labels(server).inc()

    def count_ejection(self, server: str) -> None:
        self._ejections.labels(server).inc()
