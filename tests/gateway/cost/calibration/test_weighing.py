from collections.abc import Mapping
from decimal import Decimal
from random import Random

import pytest

from gateway.cost.calibration.weighing import (
    FEWEST,
    LEAF,
    LIGHTEST,
    Proposal,
    Sample,
    counting,
    default_weights,
    predicted,
    proposals,
    seconds_per_object,
    weighed,
)
from gateway.cost.calibration.weights_file import difference, with_weights
from gateway.cost.model import CostModel
from gateway.cost.points import ONE
from schema.graph import Graph, build_graph

RATE = 2e-5
"""Seconds of a point."""


@pytest.fixture(scope="module")
def graph() -> Graph:
    return build_graph('leaf = "0.25"\n[types]\nCampaign = "2.5"\n[fields]\n"Campaign.metrics" = "40"\n')


def samples(truth: Mapping[str, float], count: int = 200) -> list[Sample]:
    """Queries of these coordinates, in points of 20 µs after 1 ms."""
    source = Random(3)  # noqa: S311  # made-up figures
    found = []
    for _ in range(count):
        counts = {name: int(source.lognormvariate(3, 1.5)) for name in truth if source.random() < 0.6}
        found.append(Sample(counts, 0.001 + RATE * sum(truth[name] * times for name, times in counts.items())))
    return found


def test_types_and_the_fields_that_do_work_are_weighed(graph: Graph) -> None:
    weights = weighed(graph.schema, graph.annotations)
    assert weights["Campaign"] == Decimal("2.5")
    assert weights["Campaign.metrics"] == 40
    assert weights["Campaign.placements"] == 1
    assert weights["CampaignConnection.totalCount"] == weights[LEAF] == Decimal("0.25")
    assert "Campaign.name" not in weights  # read from the record
    assert "Query" not in weights
    assert not [name for name in weights if name.startswith(("Mutation", "Subscription", "__"))]
    assert default_weights(graph.schema, Decimal(0))["Campaign.metrics"] == 1


def test_counting_annotations_weigh_each_coordinate_once(graph: Graph) -> None:
    weights = weighed(graph.schema, graph.annotations)
    annotations = counting(graph.annotations, weights)
    assert annotations.list_sizes == graph.annotations.list_sizes
    model = CostModel(graph.schema, annotations)
    assert model.type_weight(graph.schema.type_map["Campaign"]) == ONE
    connection = graph.schema.type_map["CampaignConnection"]
    field = model.field(connection, "totalCount")  # type: ignore[arg-type]  # it is an object type
    assert field is not None
    assert field.weight == ONE


def test_points_are_those_of_the_counts() -> None:
    found = predicted([Sample({"A": 3, "A.b": 2, "unknown": 9}, 1.0)], {"A": Decimal("1.5"), "A.b": Decimal(10)})
    assert found == [24.5]


def test_weights_are_proposed_in_plain_objects_with_two_digits() -> None:
    moved = proposals(samples({"A": 1, "A.dear": 123, "B": 5}), dict.fromkeys(("A", "A.dear", "B"), Decimal(1)), RATE)
    after = {each.coordinate: each.after for each in moved}
    assert after.keys() == {"A.dear", "B"}
    assert after["A.dear"] == Decimal(120)
    assert 4 <= after["B"] <= 5  # types are pulled towards what they were
    assert all(each.before == 1 and each.samples > FEWEST for each in moved)


def test_weight_that_moves_little_stays() -> None:
    weights = {"A": Decimal(1), "A.dear": Decimal(110), "B": Decimal("5.5")}
    assert proposals(samples({"A": 1, "A.dear": 123, "B": 5}), weights, RATE) == []


def test_nothing_is_proposed_for_what_few_queries_meet() -> None:
    rare = [Sample({"A": 10, "Rare": 10}, 1.0)] * (FEWEST - 1)
    weights = {"A": Decimal(1), "Rare": Decimal(1)}
    assert [each for each in proposals([*samples({"A": 1}), *rare], weights, RATE) if each.coordinate == "Rare"] == []
    assert proposals(rare, weights, RATE) == []


def test_weight_of_all_leaves_is_not_proposed() -> None:
    weights = {LEAF: Decimal("0.1"), "A": Decimal(1)}
    assert [each.coordinate for each in proposals(samples({LEAF: 3, "A": 1}), weights, RATE)] == []


def test_no_object_is_free_but_a_field_may_be() -> None:
    weights = {"A": Decimal(1), "Free": Decimal(1), "A.free": Decimal(1)}
    moved = proposals(samples({"A": 1, "Free": 0, "A.free": 0}), weights, RATE)
    after = {each.coordinate: each.after for each in moved}
    assert after["Free"] == LIGHTEST
    assert after["A.free"] < Decimal("0.1")


def test_file_has_the_weights_that_are_not_the_default(graph: Graph) -> None:
    text = """# Heading.

leaf = "0.2"

[types]
# Gone with its weight.
Campaign = "3"
# Two lines
# of reasons.
Money = "2"

[arguments]
"Query.overlap(placementIds:)" = "0.5"
"""
    moved = [
        Proposal("Campaign", Decimal(3), Decimal(1), 50),
        Proposal("Campaign.metrics", Decimal(1), Decimal("1.2E+2"), 50),
        Proposal("EventConnection.totalCount", Decimal(0), Decimal("0.2"), 50),
    ]
    new = with_weights(text, moved, graph.schema)
    assert (
        new
        == """# Heading.

leaf = "0.2"

[types]
# Two lines
# of reasons.
Money = "2"

[fields]
"Campaign.metrics" = "120"

[arguments]
"Query.overlap(placementIds:)" = "0.5"

[inputFields]
"""
    )
    shown = difference(text, new, "schema/weights.toml")
    assert shown.startswith("--- a/schema/weights.toml\n+++ b/schema/weights.toml\n")
    assert '-Campaign = "3"\n' in shown
    assert '+"Campaign.metrics" = "120"\n' in shown
    assert difference(new, new, "schema/weights.toml") == ""
    assert with_weights(new, [], graph.schema) == new
    assert build_graph(new).annotations.leaf == Decimal("0.2")


def test_point_is_what_an_object_of_a_large_query_takes() -> None:
    small = [Sample({"A": 1, "A.dear": 1}, 0.005)] * 7
    large = [Sample({"A": 900, "B": 100, "A.dear": 3}, 0.02), Sample({"A": 1_000}, 0.022), Sample({"A": 1_000}, 0.06)]
    assert seconds_per_object(small + large) == pytest.approx(2.2e-5)
    with pytest.raises(ValueError, match="no samples"):
        seconds_per_object([])
