"""The graph's own annotations."""

import pytest
from graphql import GraphQLInterfaceType, GraphQLObjectType, build_schema
from iso4217 import Currency

from resolvers.attribution.registry import models
from schema.annotations import AnnotationMistakes
from schema.fields import CURRENCIES
from schema.graph import Graph, build_graph
from schema.types.attribution_models import LARGEST_CHOICE


@pytest.fixture(scope="module")
def graph() -> Graph:
    return build_graph("")


def test_connections_are_as_long_as_their_page(graph: Graph) -> None:
    size = graph.annotations.list_sizes["Query.campaigns"]
    assert size.written() == (
        '@listSize(assumedSize: 25, slicingArguments: ["first", "last"], sizedFields: ["edges", "nodes"],'
        " requireOneSlicingArgument: false)"
    )
    assert "Campaign.lineItems" in graph.annotations.list_sizes
    assert graph.annotations.list_sizes["AttributionRun.credits"].slicing_arguments == ("first",)


def test_lists_with_one_object_for_each_item_of_an_argument(graph: Graph) -> None:
    sizes = graph.annotations.list_sizes
    assert sizes["Query.nodes"].slicing_arguments == ("ids",)
    assert sizes["Mutation.trackEvents"].slicing_arguments == ("events",)
    assert sizes["Mutation.trackEvents"].sized_fields == ("results",)
    assert sizes["Query.compareModels"].sized_fields == ("models",)
    assert sizes["Query.overlap"].sized_fields == ("placements",)


def test_rows_of_metrics_are_bounded_by_their_grouping(graph: Graph) -> None:
    size = graph.annotations.list_sizes["Campaign.metrics"]
    assert size.assumed_size == 1_000
    assert {one.value: one.size for one in size.assumed_for} == {
        "NONE": 1,
        "HOUR": 1000,
        "DAY": 401,
        "WEEK": 59,
        "MONTH": 15,
    }


def test_a_mutation_costs_ten_unless_it_is_said_otherwise(graph: Graph) -> None:
    assert {str(weight) for weight in graph.annotations.fields.values()} == {"10"}
    assert set(graph.annotations.fields) == {f"Mutation.{name}" for name in graph.schema.mutation_type.fields}  # type: ignore[union-attr]  # there is one
    other = build_graph('[fields]\n"Mutation.login" = "2.5"\n"Query.viewer" = "0"')
    assert str(other.annotations.fields["Mutation.login"]) == "2.5"
    assert str(other.annotations.fields["Query.viewer"]) == "0"


@pytest.mark.parametrize("field", ["Query.compareModels", "Query.removalEffect"])
def test_what_reads_all_journeys_at_once_costs_as_much_as_a_large_page(field: str) -> None:
    assert float(build_graph().annotations.fields[field]) >= 500


def test_weights_stand_where_they_belong() -> None:
    graph = build_graph("""
    [types]
    Campaign = "1.5"
    Date = "0.1"
    Pricing = "0.2"
    [arguments]
    "Query.overlap(placementIds:)" = "0.5"
    [inputFields]
    "CampaignFilterInput.search" = "3"
    """)
    found = graph.annotations
    assert {name: str(weight) for name, weight in found.types.items()} == {
        "Campaign": "1.5",
        "Date": "0.1",
        "Pricing": "0.2",
    }
    assert str(found.arguments["Query.overlap(placementIds:)"]) == "0.5"
    assert str(found.input_fields["CampaignFilterInput.search"]) == "3"


@pytest.mark.parametrize(
    ("weights", "found"),
    [
        ('[types]\nNothing = "1"', "Nothing: weights.toml names what does not exist"),
        ('[fields]\n"Campaign.nothing" = "1"', "Campaign.nothing: weights.toml names what does not exist"),
        ('[types]\nNode = "1"', "Node: weights.toml names what does not exist"),
        ('[fields]\n"Node.id" = "1"', "Node.id: @cost stands on the fields of objects, not on those of interfaces"),
        ('[types]\nCampaign = "dear"', "Campaign: the weight 'dear' is not a number"),
        ('[types]\nCampaign = "\\") @x(a: \\""', "is not a number"),
        ("[types]\nCampaign = 1", "weights.toml: Expected `str`, got `int` - at `$.types[...]`"),
        ("[kinds]", "weights.toml: Object contains unknown field `kinds`"),
        ("[types", "weights.toml: "),
    ],
)
def test_a_mistake_in_the_weights_fails_the_build(weights: str, found: str) -> None:
    with pytest.raises(AnnotationMistakes) as mistakes:
        build_graph(weights)
    assert found in str(mistakes.value)


def test_all_mistakes_in_the_weights_are_told_at_once() -> None:
    with pytest.raises(AnnotationMistakes) as mistakes:
        build_graph('[types]\nNothing = "1"\nCampaign = "dear"')
    assert [mistake.coordinate for mistake in mistakes.value.mistakes] == ["Nothing", "Campaign"]


def test_the_sdl_is_the_schema_that_is_executed(graph: Graph) -> None:
    published = build_schema(graph.sdl)
    for name, type_ in graph.schema.type_map.items():
        assert name in published.type_map
        if isinstance(type_, GraphQLInterfaceType | GraphQLObjectType):
            assert type_.fields.keys() == published.type_map[name].fields.keys()  # type: ignore[attr-defined]  # it has fields too
    assert {one.name for one in graph.schema.directives} == {one.name for one in published.directives}
    assert {"cost", "listSize", "assumedSizeFor"} <= {one.name for one in graph.schema.directives}


def test_bounds_that_the_code_does_not_enforce_are_true() -> None:
    assert len([one for one in Currency if one.exponent is not None]) <= CURRENCIES
    assert max(len(model.parameters) for model in models().values()) <= LARGEST_CHOICE
