"""Counters of the event loop, as Prometheus sees them."""

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from ops.telemetry.sums import Sums


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
