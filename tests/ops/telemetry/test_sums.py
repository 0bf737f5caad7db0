"""Counters and histograms of the event loop, as Prometheus sees them."""

import pytest
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from ops.telemetry.sums import Spreads, Sums


def test_series_are_shown_by_their_labels_in_the_units_of_the_metric() -> None:
    registry = CollectorRegistry()
    sums = Sums("points_total", "Points.", ["move"], registry=registry, unit=1_000)
    sums.of("taken").amount += 1_500
    sums.of("taken").amount += 1
    sums.of("charged")
    assert registry.get_sample_value("points_total", {"move": "taken"}) == 1.501
    assert registry.get_sample_value("points_total", {"move": "charged"}) == 0
    assert registry.get_sample_value("points_total", {"move": "refunded"}) is None
    assert b'# TYPE points_total counter\npoints_total{move="taken"} 1.501\n' in generate_latest(registry)


def test_labels_are_those_that_were_named() -> None:
    with pytest.raises(ValueError, match="points_total has the labels move, owner"):
        Sums("points_total", "Points.", ["move", "owner"], registry=CollectorRegistry()).of("taken")


def test_a_name_is_taken_once() -> None:
    registry = CollectorRegistry()
    Sums("points_total", "Points.", ["move"], registry=registry)
    with pytest.raises(ValueError, match="Duplicated"):
        Sums("points_total", "Points.", ["move"], registry=registry)


def shown(registry: CollectorRegistry) -> list[bytes]:
    """Without the times at which prometheus_client's own series began."""
    return [line for line in generate_latest(registry).splitlines() if b"_created" not in line]


def test_spreads_are_shown_as_histograms_are() -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    spreads = Spreads("wait_seconds", "Waits.", ["line"], bounds=(0.005, 0.5, 10.0), registry=ours)
    histogram = Histogram("wait_seconds", "Waits.", ["line"], buckets=(0.005, 0.5, 10.0), registry=theirs)
    for line, seconds in [("a", 0.0), ("a", 0.005), ("a", 0.0051), ("b", 0.5), ("b", 10.0), ("b", 10.5), ("b", 99.0)]:
        spreads.of(line).observe(seconds)
        histogram.labels(line).observe(seconds)
    spreads.of("nobody")
    histogram.labels("nobody")
    assert shown(ours) == shown(theirs)


def test_labels_of_spreads_are_those_that_were_named() -> None:
    with pytest.raises(ValueError, match="wait_seconds has the labels line"):
        Spreads("wait_seconds", "Waits.", ["line"], bounds=(1.0,), registry=CollectorRegistry()).of("a", "b")


def test_a_name_of_spreads_is_taken_once() -> None:
    registry = CollectorRegistry()
    Spreads("wait_seconds", "Waits.", ["line"], bounds=(1.0,), registry=registry)
    with pytest.raises(ValueError, match="Duplicated"):
        Spreads("wait_seconds", "Waits.", ["line"], bounds=(1.0,), registry=registry)
