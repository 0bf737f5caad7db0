"""Plans of the graph's queries: calls, what they read, and what is left to graphql-core."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from graphql import GraphQLSchema, OperationDefinitionNode, parse
from graphql.execution.values import VariableValues

from gateway.execution import explanation
from gateway.execution.plan import Call, Choice, Column, Items, Leaves, Objects, Plan, Selection
from gateway.execution.planner import Planner, Unplanned
from persistence.projections import CURSOR
from tests.graph import schema


@pytest.fixture(scope="module")
def graph() -> GraphQLSchema:
    return schema()._schema


def planned(graph: GraphQLSchema, text: str, variables: Mapping[str, Any] | None = None) -> Plan:
    document = parse(text)
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    return Planner(graph).plan(document, operation, VariableValues({}, dict(variables or {})))


def calls(selection: Selection) -> Iterator[tuple[str, Call]]:
    for column in selection.columns:
        if isinstance(column.source, Call):
            yield ".".join(column.source.path), column.source
        for below in _selections(column):
            yield from calls(below)


def _selections(column: Column) -> tuple[Selection, ...]:
    shape = column.shape
    while isinstance(shape, Items):
        shape = shape.item
    if isinstance(shape, Leaves):
        return ()
    assert isinstance(shape, Objects)
    return shape.target.selections if isinstance(shape.target, Choice) else (shape.target,)


def reads(plan: Plan) -> dict[str, set[str] | None]:
    return {path: None if call.reads is None else set(call.reads) for path, call in calls(plan.root)}


def test_each_level_is_one_call_that_reads_what_is_selected_and_what_the_next_needs(graph: GraphQLSchema) -> None:
    plan = planned(graph, "{ placement(id: 1) { position episode { title podcast { id author } } } }")
    assert reads(plan) == {
        "placement": {"position", "episode_id"},
        "placement.episode": {"title", "podcast_id"},
        "placement.episode.podcast": {"id", "author"},
    }


def test_siblings_read_the_same_so_that_they_share_a_loader(graph: GraphQLSchema) -> None:
    plan = planned(graph, "{ a: episode(id: 1) { title } b: episode(id: 2) { number podcast { title } } }")
    assert reads(plan)["a"] == reads(plan)["b"] == {"title", "number", "podcast_id"}


def test_a_page_reads_what_is_selected_of_its_nodes(graph: GraphQLSchema) -> None:
    plan = planned(graph, "{ podcasts { nodes { title } edges { node { author } } pageInfo { hasNextPage } } }")
    assert reads(plan) == {"podcasts": {"title", "author"}}


@pytest.mark.parametrize("cursors", ["edges { cursor }", "pageInfo { endCursor }", "pageInfo { startCursor }"])
def test_a_page_of_which_cursors_are_selected_says_so(graph: GraphQLSchema, cursors: str) -> None:
    plan = planned(graph, f"{{ podcasts {{ nodes {{ title }} {cursors} }} }}")
    assert reads(plan) == {"podcasts": {"title", CURSOR}}


def test_types_that_share_a_record_are_read_together_with_what_tells_them_apart(graph: GraphQLSchema) -> None:
    plan = planned(graph, "{ events { nodes { key ... on ConversionEvent { orderId } } } }")
    assert reads(plan) == {"events": {"key", "order_id", "type"}}


def test_a_node_of_any_type_is_read_whole(graph: GraphQLSchema) -> None:
    assert reads(planned(graph, '{ node(id: "x") { id } }')) == {"node": None}


def test_a_field_that_does_not_say_what_it_reads_gets_whole_records(graph: GraphQLSchema) -> None:
    plan = planned(graph, '{ conversion(id: "x") { id path { __typename } } }')
    assert reads(plan)["conversion"] is None


def test_types_of_an_interface_share_the_selections_below(graph: GraphQLSchema) -> None:
    plan = planned(graph, "{ events { nodes { advertiser { name } } } }")
    assert [one.type_name for one in plan.selections].count("Advertiser") == 1


def test_what_is_skipped_is_not_in_the_plan(graph: GraphQLSchema) -> None:
    text = "query ($x: Boolean!) { podcasts { nodes { title episodes @skip(if: $x) { nodes { title } } } } }"
    assert set(reads(planned(graph, text, {"x": True}))) == {"podcasts"}
    assert set(reads(planned(graph, text, {"x": False}))) == {"podcasts", "podcasts.nodes.episodes"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{ __schema { types { name } } }", "__schema is introspection"),
        ('{ __type(name: "Podcast") { name } plans { name } }', "__type is introspection"),
        ("{ podcasts(first: 1.5) { nodes { id } } }", "an argument of Query.podcasts is refused"),
    ],
)
def test_what_cannot_be_planned_says_why(graph: GraphQLSchema, text: str, why: str) -> None:
    with pytest.raises(Unplanned, match=why):
        planned(graph, text)


def test_like_selections_share_one_compiled_text_whatever_their_keys_are(graph: GraphQLSchema) -> None:
    planner = Planner(graph)
    document = parse(
        "{ a: podcast(id: 1) { title } b: podcast(id: 2) { name: title } c: podcast(id: 3) { None: title } }"
    )
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    plan = planner.plan(document, operation, VariableValues({}, {}))
    texts = [one.text for one in plan.selections if one.type_name == "Podcast"]
    assert len(texts) == 3
    assert len(set(texts)) == 1


def test_a_plan_is_explained_level_by_level_with_the_keys_in_their_places(graph: GraphQLSchema) -> None:
    plan = planned(graph, '{ it: episode(id: "epi_1") { heading: title podcast { id } } }')
    assert explanation.steps(plan) == [
        "query",
        "  it: one call of Query.episode; reads podcast_id, title",
        "    podcast: one call of Episode.podcast for all; reads id",
    ]
    [podcast, episode, _] = explanation.functions(plan)
    assert podcast.splitlines()[0] == "# Podcast, at it.podcast"
    assert episode.splitlines() == [
        "# Episode, at it",
        "def build(records, column0):",
        "    rows = []",
        "    add = rows.append",
        "    for record, value1 in zip(records, column0):",
        "        value0 = record.title",
        "        if not type(value0) is str:",
        "            value0 = complete0(value0)",
        "        add({'heading': value0, 'podcast': value1})",
        "    return rows",
    ]
