from random import Random

import pytest

from gateway.cost.calibration.known import SIZES, known_values
from gateway.cost.calibration.measuring import Measuring, Unanswered
from gateway.cost.calibration.overhead import SMALL, OverheadMeasuring
from gateway.cost.calibration.queries import GeneratedQuery, assorted
from gateway.cost.calibration.weighing import LEAF
from gateway.cost.points import points
from resolvers.context import Services
from schema.graph import Graph, build_graph
from tests.schema.inhabited import Inhabited, inhabited_tenant


@pytest.fixture(scope="module")
def graph() -> Graph:
    return build_graph()


@pytest.fixture(scope="module")
async def tenant(services: Services) -> Inhabited:
    return await inhabited_tenant(services, "Calibrated")


def query(text: str, **variables: object) -> GeneratedQuery:
    return GeneratedQuery(text, variables)


def silent(_words: str) -> None:
    """Nobody watches."""


async def test_values_are_those_of_the_tenant(graph: Graph, tenant: Inhabited) -> None:
    values = await known_values(Measuring(graph, tenant.actor.context).ask)
    assert set(values("Query.campaign(id:)", "ID")) == {tenant.ids["cmp"]}
    assert set(values("EventFilterInput.placementIds", "ID")) == {tenant.ids["plc"]}
    assert set(values("Campaign.metrics(run:)", "ID")) == {tenant.ids["run"]}
    assert {tenant.ids["pod"], tenant.ids["cnv"]} <= set(values("Query.nodes(ids:)", "ID"))
    assert values("PlacementFilterInput.promoCode", "String") == ["CALIBRATED"]
    assert values("Query.campaigns(after:)", "String") == ()
    assert values("Query.campaigns(first:)", "Int") == SIZES
    since, until = values("EventFilterInput.from", "DateTime"), values("EventFilterInput.until", "DateTime")
    assert max(since) < min(until)


async def test_objects_and_fields_of_a_query_are_counted(graph: Graph, tenant: Inhabited) -> None:
    text = "query($no: Boolean!) { campaigns(first: 7) { totalCount nodes { name advertiser { id } }"
    text += " more: nodes @skip(if: $no) { placements { nodes { id } } } } }"
    measuring = Measuring(graph, tenant.actor.context)
    [sample] = await measuring.samples([query(text, no=True)], wanted=4, rounds=1, dearest=points(1_000), say=silent)
    assert {name: count for name, count in sample.counts.items() if count and name != "Query"} == {
        "Query.campaigns": 1,
        "CampaignConnection": 1,
        "CampaignConnection.totalCount": 1,
        "CampaignConnection.nodes": 1,
        "Campaign": 1,
        "Campaign.advertiser": 1,
        "Advertiser": 1,
        LEAF: 2,  # a name and an id
    }
    assert 0 < sample.seconds < 30


async def test_queries_that_fail_or_are_too_dear_are_no_samples(graph: Graph, tenant: Inhabited) -> None:
    failing = query('{ campaign(id: "pod_1") { name } }')
    dear = query("{ campaigns(first: 1000) { nodes { id } } }")
    fine = query("{ viewer { role } }")
    measuring = Measuring(graph, tenant.actor.context)
    found = await measuring.samples([failing, dear, fine], wanted=12, rounds=1, dearest=points(500), say=silent)
    assert [sample.counts["Viewer"] for sample in found] == [1]
    with pytest.raises(Unanswered, match="expected 'cmp_…'"):
        await measuring.ask(failing.text)


async def test_most_made_up_queries_are_answered(graph: Graph, tenant: Inhabited) -> None:
    measuring = Measuring(graph, tenant.actor.context)
    source = assorted(graph.schema, Random(1), await known_values(measuring.ask))  # noqa: S311  # no secret
    drawn = [next(source) for _ in range(40)]
    assert drawn != [next(source) for _ in range(40)]
    found = await measuring.samples(drawn, wanted=200, rounds=1, dearest=points(50_000), say=silent)
    assert 20 <= len(found) <= 40


async def test_overhead_is_the_difference_of_two_ways(graph: Graph, tenant: Inhabited) -> None:
    overhead = await OverheadMeasuring(graph, tenant.actor.context).overhead(SMALL, 20)
    assert overhead.priced > 0 < overhead.bare
    assert overhead.added == overhead.priced - overhead.bare
    assert overhead.share == overhead.added / overhead.bare
