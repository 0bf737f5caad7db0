"""Which elements of a schema operations use: never fewer than they do."""

from random import Random
from typing import Any

import pytest
from graphql import GraphQLSchema, OperationDefinitionNode, build_schema, parse, validate

from gateway.cost.calibration.queries import QueryGenerator
from gateway.documents.coordinates import Uses, uses_of, uses_of_variables
from gateway.schema_changes.elements import elements
from schema.graph import build_graph

SCHEMA = build_schema(
    """
    type Query {
      node(id: ID!): Node
      search(filter: Filter, order: Order = NEW, tags: [Tag!]): [Result!]!
      item: Item
      count(of: Int): Int!
    }
    interface Node { id: ID! related(first: Int): Node }
    type Item implements Node { id: ID! related(first: Int): Node name: String }
    type Show implements Node { id: ID! related(first: Int): Node title: String }
    union Result = Item | Show
    input Filter { name: String order: Order and: [Filter!] tag: Tag at: Moment }
    input Tag { name: String! }
    enum Order { NEW OLD }
    scalar Moment
    """
)


def operations(text: str, schema: GraphQLSchema = SCHEMA) -> list[Uses]:
    document = parse(text)
    assert validate(schema, document) == []
    return [uses_of(schema, document, d) for d in document.definitions if isinstance(d, OperationDefinitionNode)]


def used(text: str) -> set[str]:
    [uses] = operations(text)
    return set(uses.coordinates)


def test_fields_arguments_and_their_types_are_used() -> None:
    assert used("{ item { name __typename } count(of: 1) }") == {
        "Query",
        "Query.item",
        "Query.count",
        "Query.count(of:)",
        "Item",
        "Item.name",
    }


def test_field_of_an_interface_is_used_on_all_that_may_be_behind_it() -> None:
    assert used('{ node(id: "1") { related(first: 1) { __typename } } }') == {
        "Query",
        "Query.node",
        "Query.node(id:)",
        *("Node", "Item", "Show"),
        *("Node.related", "Item.related", "Show.related"),
        *("Node.related(first:)", "Item.related(first:)", "Show.related(first:)"),
    }


def test_fragments_are_used_as_what_they_are_on() -> None:
    text = "{ search { ...F ... on Show { title } ... @include(if: true) { __typename } } } fragment F on Item { name }"
    assert used(text) == {"Query", "Query.search", "Result", "Item", "Show", "Item.name", "Show.title"}


def test_fragments_that_spread_each_other_are_each_seen() -> None:
    text = """
    { item { ...A ...B } }
    fragment A on Item { id ...B } fragment B on Item { name related { ...C } } fragment C on Show { title }
    """
    assert {"Item.id", "Item.name", "Item.related", "Show.title"} <= used(text)


def test_literals_use_input_fields_and_values_of_enums() -> None:
    text = '{ search(filter: {order: OLD, and: {tag: {name: "x"}}}, order: NEW, tags: [{name: "a"}]) { __typename } }'
    assert used(text) >= {
        *("Filter", "Filter.order", "Filter.and", "Filter.tag", "Tag", "Tag.name", "Order", "Order.OLD", "Order.NEW"),
        *("Query.search(filter:)", "Query.search(order:)", "Query.search(tags:)"),
    }
    assert used(text).isdisjoint({"Filter.name", "Filter.at", "Moment"})


def test_defaults_of_variables_are_used() -> None:
    assert "Order.OLD" in used("query ($o: Order = OLD) { search(order: $o) { __typename } }")


def test_values_of_variables_use_what_they_hold() -> None:
    [uses] = operations("query ($f: Filter!, $o: Order, $n: Int) { search(filter: $f, order: $o) { __typename } "
                        "count(of: $n) }")  # fmt: skip
    assert [name for name, _ in uses.inputs] == ["f", "o"]
    variables = {"f": {"and": [{"tag": {"name": "x"}}, {"order": "OLD", "at": "now"}]}, "o": "NEW", "n": 1}
    assert uses_of_variables(uses, variables) == {
        *("Filter", "Filter.and", "Filter.tag", "Tag", "Tag.name", "Filter.order", "Order", "Order.OLD", "Order.NEW"),
        *("Filter.at", "Moment"),
    }


def test_one_value_where_a_list_may_stand_is_used() -> None:
    [uses] = operations("query ($t: [Tag!]) { search(tags: $t) { __typename } }")
    assert uses_of_variables(uses, {"t": {"name": "x"}}) == {"Tag.name"}


@pytest.mark.parametrize("value", [None, 1, "x", [], {}, {"nothing": 1}, {"order": "NONE"}, {"and": 3}, {"tag": None}])
def test_values_that_do_not_fit_are_no_defect(value: Any) -> None:
    [uses] = operations("query ($f: Filter) { search(filter: $f) { __typename } }")
    assert "Filter.name" not in uses_of_variables(uses, {"f": value})


def test_last_of_many_values_is_seen() -> None:
    [uses] = operations("query ($t: [Tag!]) { search(tags: $t) { __typename } }")
    tags: list[Any] = [{} for _ in range(49_999)]
    assert uses_of_variables(uses, {"t": [*tags, {"name": "x"}]}) == {"Tag.name"}


def test_introspection_uses_nothing_of_ours() -> None:
    assert used("{ __schema { types { name } } __typename }") == set()


@pytest.mark.no_cover
def test_every_use_in_the_graph_is_of_an_element_that_a_check_knows() -> None:
    graph = build_graph().schema
    known = elements(graph)
    generator = QueryGenerator(graph, Random(1))  # noqa: S311  # no secret
    for _ in range(200):
        query = generator.query()
        for uses in operations(query.text, graph):
            coordinates = uses.coordinates | uses_of_variables(uses, query.variables)
            assert coordinates <= known.keys()
            assert "Query" in coordinates


def test_each_operation_uses_its_own() -> None:
    first, second = operations("query A { item { id } } query B { count }")
    assert "Query.item" in first.coordinates
    assert "Query.item" not in second.coordinates
