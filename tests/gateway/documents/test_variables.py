"""Variables are coerced as graphql-core coerces them, on the short way too."""

from collections.abc import Mapping
from typing import Any, Final

import pytest
from graphql import GraphQLSchema, OperationDefinitionNode, build_schema, parse
from graphql.execution.values import get_variable_values
from hypothesis import given
from hypothesis import strategies as st

from gateway.documents.variables import DeclaredVariables

SCHEMA: Final[GraphQLSchema] = build_schema(
    "type Query { x: Int } enum Colour { RED } input Shape { colour: Colour = RED, size: Int! } scalar Odd"
)
TYPES: Final = ("String", "ID", "Int", "Float", "Boolean", "Colour", "Shape", "Odd")
VALUES: Final[tuple[Any, ...]] = (
    *("", "a", "RED", "é\U0001f600", "1", 0, 1, -(2**31), 2**31 - 1, 2**31, -(2**31) - 1, 2**70, True, False, None),
    *(0.5, 1.0, -0.0, 1e300, float("inf"), float("nan"), ["a"], [], {}, {"size": 1}, {"size": 2, "colour": "RED"}),
)
NOT_GIVEN: Final = "not given"


def operation(declared: str) -> OperationDefinitionNode:
    [node] = parse(f"query ({declared}) {{ x }}").definitions
    assert isinstance(node, OperationDefinitionNode)
    return node


def as_graphql_core(node: OperationDefinitionNode, values: Mapping[str, Any]) -> str | None:
    found = get_variable_values(SCHEMA, node.variable_definitions or (), dict(values))
    return None if isinstance(found, list) else _shown(found)


def _shown(found: Any) -> str:
    """NaN is no equal of itself, and 1 is one of True and of 1.0."""
    return repr(
        (found.coerced, {name: (source.signature.name, source.value) for name, source in found.sources.items()})
    )


@pytest.mark.parametrize("kind", [*TYPES, *(f"{name}!" for name in TYPES), "[Int!]", "[String]!"])
@pytest.mark.parametrize("value", [*VALUES, NOT_GIVEN], ids=repr)
def test_each_value_of_each_type(kind: str, value: Any) -> None:
    node = operation(f"$v: {kind}")
    values = {} if value is NOT_GIVEN else {"v": value, "other": 1}
    found = DeclaredVariables(SCHEMA, node).values(values)
    assert (None if found is None else _shown(found)) == as_graphql_core(node, values)


@given(
    given_values=st.dictionaries(st.sampled_from("abc"), st.sampled_from(VALUES)),
    declared=st.sampled_from(
        ["$a: Int = 7, $b: String", "$a: ID!, $b: Boolean = true, $c: Float", "$a: Int, $b: Colour = RED"]
    ),
)
def test_several_with_defaults(given_values: dict[str, Any], declared: str) -> None:
    node = operation(declared)
    found = DeclaredVariables(SCHEMA, node).values(given_values)
    assert (None if found is None else _shown(found)) == as_graphql_core(node, given_values)


def test_operation_without_variables_has_none() -> None:
    [node] = parse("{ x }").definitions
    assert isinstance(node, OperationDefinitionNode)
    found = DeclaredVariables(SCHEMA, node).values({"v": 1})
    assert found is not None
    assert (found.coerced, found.sources) == ({}, {})
