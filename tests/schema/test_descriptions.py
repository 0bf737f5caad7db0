"""The graph keeps its conventions, and each convention catches its breach."""

from collections.abc import Callable

import pytest
from graphql import GraphQLSchema, build_schema

from schema.graph import build_graph
from tests.schema import conventions


@pytest.fixture(scope="module")
def graph() -> GraphQLSchema:
    """The graph as its clients see it: built from its own SDL."""
    return build_schema(build_graph().sdl)


def test_everything_has_a_description(graph: GraphQLSchema) -> None:
    assert conventions.undescribed(graph) == []


def test_every_number_has_a_unit(graph: GraphQLSchema) -> None:
    assert conventions.unitless(graph) == []


def test_names_follow_their_conventions(graph: GraphQLSchema) -> None:
    assert conventions.misnamed(graph) == []


def test_mutations_return_a_payload_or_typed_errors(graph: GraphQLSchema) -> None:
    assert conventions.odd_mutations(graph) == []


def test_connections_are_relays(graph: GraphQLSchema) -> None:
    assert conventions.odd_connections(graph) == []


def test_nodes_are_relays(graph: GraphQLSchema) -> None:
    assert conventions.odd_nodes(graph) == []


RELAY = """
interface Node { id: ID! }
type PageInfo { hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String endCursor: String }
type Show implements Node { id: ID! }
type ShowConnection { edges: [ShowEdge!]! pageInfo: PageInfo! }
type ShowEdge { node: Show! cursor: String! }
type Query { node(id: ID!): Node nodes(ids: [ID!]!): [Node]! shows(first: Int, after: String): ShowConnection! }
interface Error { code: String! }
type StaleError implements Error { code: String! }
type CreateShowPayload { show: Show! }
union CreateShowResult = CreateShowPayload | StaleError
type Mutation { createShow: CreateShowResult! }
"""


@pytest.mark.parametrize(
    "rule",
    [conventions.misnamed, conventions.odd_mutations, conventions.odd_connections, conventions.odd_nodes],
)
def test_a_graph_in_order_has_no_breaches(rule: Callable[[GraphQLSchema], list[str]]) -> None:
    assert rule(build_schema(RELAY)) == []


@pytest.mark.parametrize(
    ("rule", "old", "new", "breaches"),
    [
        (
            conventions.misnamed,
            "type Show ",
            "input Filter { a: Int } type Show ",
            ["Filter: the name of an input ends in Input, or in Order where it sorts a list"],
        ),
        (conventions.misnamed, "type Show ", "enum E { one } type Show ", ["E.one: an enum value is UPPER_CASE"]),
        (
            conventions.misnamed,
            "show: Show!",
            "the_show: Show!",
            ["CreateShowPayload.the_show: a field or argument is named in camelCase"],
        ),
        (
            conventions.misnamed,
            "first: Int",
            "First: Int",
            ["Query.shows(First:): a field or argument is named in camelCase"],
        ),
        (conventions.misnamed, "type Show ", "type a_b { a: Int } type Show ", ["a_b: a type is named in PascalCase"]),
        (
            conventions.misnamed,
            "type Show ",
            "type OddResult { a: Int } type Show ",
            ["OddResult: only what a mutation returns is a Result"],
        ),
        (conventions.odd_mutations, "createShow:", "show:", ["Mutation.show: the name is a verb of VERBS and a noun"]),
        (
            conventions.odd_mutations,
            "createShow:",
            "create:",
            ["Mutation.create: the name is a verb of VERBS and a noun"],
        ),
        (
            conventions.odd_mutations,
            "createShow: CreateShowResult!",
            "createShow: Show!",
            ["Mutation.createShow: returns Show, not a union whose name ends in Result"],
        ),
        (
            conventions.odd_mutations,
            "CreateShowPayload | StaleError",
            "StaleError | Show",
            [
                "CreateShowResult: has 0 members whose name ends in Payload, not one",
                "CreateShowResult: its member Show is neither the Payload nor an Error",
            ],
        ),
        (
            conventions.odd_connections,
            "[ShowEdge!]!",
            "[ShowEdge]",
            ["ShowConnection: edges is [ShowEdge], not [ShowEdge!]!"],
        ),
        (conventions.odd_connections, "cursor: String!", "cursor: ID", ["ShowEdge: cursor is ID, not String!"]),
        (conventions.odd_connections, "node: Show! ", "", ["ShowEdge: has no field node"]),
        (conventions.odd_connections, "endCursor: String", "endCursor: ID", ["PageInfo: endCursor is ID, not String"]),
        (
            conventions.odd_connections,
            "(first: Int, after: String)",
            "(first: Int)",
            ["Query.shows: after is missing, not String"],
        ),
        (
            conventions.odd_connections,
            "show: Show!",
            "edges: [ShowEdge!]!",
            ["CreateShowPayload: has the fields of a connection, but not its name"],
        ),
        (conventions.odd_nodes, "Show implements Node", "Show", ["Show: has an id but does not implement Node"]),
        (conventions.odd_nodes, "nodes(ids: [ID!]!): [Node]!", "", ["Query: nodes is missing, not [Node]!"]),
    ],
)
def test_each_breach_is_found(
    rule: Callable[[GraphQLSchema], list[str]], old: str, new: str, breaches: list[str]
) -> None:
    assert rule(build_schema(RELAY.replace(old, new, 1))) == breaches


def test_a_missing_description_is_found_wherever_it_is() -> None:
    schema = build_schema("""
    directive @d(x: Int) on FIELD
    type Query { a(b: Int): E }
    input I { c: Int }
    enum E { V }
    """)
    found = conventions.undescribed(schema)
    assert sorted(found) == sorted(["Query", "Query.a", "Query.a(b:)", "I", "I.c", "E", "E.V", "@d", "@d(x:)"])


@pytest.mark.parametrize(
    ("description", "found"),
    [
        ("Length in seconds.", []),
        ("Number of episodes.", []),
        ("Conversions ÷ reach, 0 to 1.", []),
        ("Spend in minor units of the currency.", []),
        ("The length.", ["Query.a"]),
        ("Taken from the account.", ["Query.a"]),
    ],
)
def test_a_number_without_a_unit_is_found(description: str, found: list[str]) -> None:
    assert conventions.unitless(build_schema(f'type Query {{ "{description}" a: Float }}')) == found
