"""What operations cost, in the registry."""

from prometheus_client import CollectorRegistry

from ops.telemetry.metrics import CostMetrics


def test_admissions_points_and_failovers_are_counted() -> None:
    registry = CollectorRegistry()
    metrics = CostMetrics(registry)
    metrics.admitted(152_000)
    metrics.settled(87_500, 64_500)
    metrics.refused("throttled")
    metrics.refused("too_expensive")
    metrics.overrun()
    metrics.failover()
    metrics.shared(True)
    metrics.called("take", 0.002)
    counted = {
        (sample.name, *sample.labels.values()): sample.value
        for family in registry.collect()
        for sample in family.samples
        if not sample.name.endswith(("_created", "_bucket"))
    }
    assert counted == {
        ("podgraph_cost_admissions_total", "admitted"): 1,
        ("podgraph_cost_admissions_total", "throttled"): 1,
        ("podgraph_cost_admissions_total", "too_expensive"): 1,
        ("podgraph_cost_points_total", "taken"): 152,
        ("podgraph_cost_points_total", "charged"): 87.5,
        ("podgraph_cost_points_total", "refunded"): 64.5,
        ("podgraph_cost_overruns_total",): 1,
        ("podgraph_budget_failovers_total",): 1,
        ("podgraph_budgets_shared",): 1,
        ("podgraph_budget_seconds_count", "take"): 1,
        ("podgraph_budget_seconds_sum", "take"): 0.002,
    }
