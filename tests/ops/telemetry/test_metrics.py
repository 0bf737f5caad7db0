"""Names and bounds of metrics."""

import re

from prometheus_client import CollectorRegistry, generate_latest

from ops.telemetry.metrics import BoundedNames, DocumentMetrics, HttpMetrics, OperationMetrics


def test_names_are_bounded() -> None:
    names = BoundedNames(limit=2)
    asked = ["a", "b", "c", "a", None, "", "x" * 101]
    assert [names.label(name) for name in asked] == ["a", "b", "other", "a", "anonymous", "anonymous", "other"]


def test_every_metric_is_a_podgraph_noun_with_a_unit() -> None:
    registry = CollectorRegistry()
    for group in (DocumentMetrics, HttpMetrics, OperationMetrics):
        group(registry)
    names = re.findall(r"^# TYPE (\S+)", generate_latest(registry).decode(), re.MULTILINE)
    assert sorted(names) == [
        "podgraph_document_entries",
        "podgraph_document_lookups_total",
        "podgraph_http_request_seconds",
        "podgraph_http_requests_in_flight",
        "podgraph_http_requests_total",
        "podgraph_operation_errors_total",
        "podgraph_operation_results_total",
        "podgraph_operation_seconds",
        "podgraph_structural_limits_total",
        "podgraph_subscriptions_open",
        "podgraph_websockets_open",
    ]
