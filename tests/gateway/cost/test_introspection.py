"""Introspection is cheap, and its price is what the schema is large."""

import pytest
from graphql import GraphQLInterfaceType, GraphQLObjectType, get_introspection_query, parse

from gateway.cost.points import points, shown
from gateway.cost.tally import Tally
from gateway.execution.reference import CountingExecutor
from schema.graph import build_graph
from tests.gateway.cost.pricing import Priced, only_operation, priced, priced_schema

_WITH_FIELDS = GraphQLObjectType | GraphQLInterfaceType
SDL = """
type Query { a(x: Int, y: Int): Int b: Two t: U }
interface One { a: Int }
type Two implements One { a: Int b(z: In): Int c: Int d: E }
input In { x: Int y: Int z: Int w: Int v: Int }
enum E { V1 V2 V3 V4 V5 V6 V7 }
union U = Query | Two
"""
GRAPHIQL = get_introspection_query(
    descriptions=True,
    specified_by_url=True,
    directive_is_repeatable=True,
    schema_description=True,
    input_value_deprecation=True,
)


@pytest.fixture(scope="module")
def small() -> Priced:
    return priced(SDL)


@pytest.fixture(scope="module")
def graph() -> Priced:
    built = build_graph()
    return priced_schema(built.schema, built.annotations)


def counted(schema: Priced, query: str) -> Tally:
    tally = Tally()
    executor = CountingExecutor.build(schema.schema, schema.document(query).node)
    assert isinstance(executor, CountingExecutor)
    executor.begin(tally)
    assert executor.execute_operation().errors is None  # type: ignore[union-attr]  # nothing in it is awaited
    return tally


def objects(schema: Priced, query: str) -> int:
    """What a query costs beside its root, in hundredths of a point: a number of objects."""
    return (schema.price(query).static - points(1)) // 10


def test_lists_are_as_long_as_they_are(small: Priced) -> None:
    types = len(small.schema.type_map)
    assert objects(small, "{ __schema { types { name } } }") == 1 + types
    directives = small.schema.directives
    assert objects(small, "{ __schema { directives { name args { name } } } }") == (
        1 + len(directives) + sum(len(one.args) for one in directives)
    )


@pytest.mark.parametrize(
    "query",
    [
        "{ __schema { types { name fields(includeDeprecated: true) { name args { name } } } } }",
        (
            "{ __schema { types { inputFields { name } enumValues { name } interfaces { name } possibleTypes"
            " { name } } } }"
        ),
        "{ __schema { types { f: fields(includeDeprecated: true) { args { name type { name } } type { kind } } } } }",
        "{ __schema { directives { args { name type { name } } } } }",
    ],
)
def test_all_of_a_kind_costs_exactly_what_there_is(small: Priced, query: str) -> None:
    price = small.price(query)
    assert price.actual(counted(small, query)) == price.static


def test_one_type_is_priced_as_the_largest(small: Priced) -> None:
    for query in ('{ __type(name: "E") { fields { name } } }', "{ __schema { queryType { fields { name } } } }"):
        before = objects(small, query.replace("fields { name }", "name"))
        with_fields = max(len(one.fields) for one in small.schema.type_map.values() if isinstance(one, _WITH_FIELDS))
        assert objects(small, query) == before + with_fields


@pytest.mark.parametrize("schema", ["small", "graph"])
def test_the_standard_query_is_priced_near_its_truth(schema: str, request: pytest.FixtureRequest) -> None:
    found: Priced = request.getfixturevalue(schema)
    price = found.price(GRAPHIQL)
    actual = price.actual(counted(found, GRAPHIQL))
    # Each type may be wrapped nine times; hardly any is more than three.
    assert actual <= price.static <= 8 * actual


def test_graphiql_may_introspect_on_the_smallest_plan(graph: Priced) -> None:
    assert shown(graph.price(GRAPHIQL).static) < 500
    assert sum(one.subtotal for one in graph.price(GRAPHIQL).bill().lines) == graph.price(GRAPHIQL).static


def test_introspection_in_circles_explodes(graph: Priced) -> None:
    inner = "name"
    for _ in range(6):
        inner = f"fields {{ type {{ {inner} }} }}"
    # Validation refuses it too, and is left out here.
    node = parse(f"{{ __schema {{ types {{ {inner} }} }} }}")
    formula = graph.model.formula(node, only_operation(node), {})
    assert formula.static({}) > points(10**9)


def test_the_name_of_a_type_is_free(small: Priced) -> None:
    assert small.cost("{ __typename a }") == 1
