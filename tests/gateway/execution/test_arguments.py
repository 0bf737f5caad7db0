"""Arguments: what no variable changes is converted once, and what is plain is not converted at all."""

from collections.abc import Mapping
from typing import Any, Final

import pytest
from graphql import FieldNode, GraphQLError, OperationDefinitionNode, build_schema, parse
from graphql.execution.values import VariableValues, get_variable_values

from gateway.execution.arguments import Arguments, arguments_of

SCHEMA: Final = build_schema(
    "input Span { from: Int } type Query { f(id: ID!, first: Int = 25, word: String, span: Span): Int }"
)
KEYWORDS: Final = {"id": "row_id", "first": "first", "word": "word"}


class Conversions:
    """Converts as a resolver's keywords are, and remembers what."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []

    def __call__(self, values: Mapping[str, Any]) -> dict[str, Any]:
        self.seen.append(dict(values))
        return {KEYWORDS.get(name, name): value for name, value in values.items()}


def prepared(text: str, given: Mapping[str, Any]) -> tuple[Arguments, VariableValues, Conversions]:
    [operation] = parse(text).definitions
    assert isinstance(operation, OperationDefinitionNode)
    [node] = operation.selection_set.selections
    assert isinstance(node, FieldNode)
    query = SCHEMA.query_type
    assert query is not None
    variables = get_variable_values(SCHEMA, operation.variable_definitions or (), dict(given))
    assert isinstance(variables, VariableValues)
    conversions = Conversions()
    arguments = arguments_of(query.fields["f"], node, conversions, KEYWORDS)
    conversions.seen.clear()
    return arguments, variables, conversions


def test_constants_are_converted_before() -> None:
    arguments, variables, conversions = prepared('{ f(id: "a", span: {from: 1}) }', {})
    assert arguments.values(variables) == {"row_id": "a", "first": 25, "span": {"from": 1}}
    assert conversions.seen == []


def test_plain_variables_are_taken_as_they_are() -> None:
    text = 'query ($id: ID!, $n: Int) { f(id: $id, first: $n, word: "w") }'
    arguments, variables, conversions = prepared(text, {"id": "a", "n": 3})
    assert arguments.values(variables) == {"row_id": "a", "first": 3, "word": "w"}
    assert conversions.seen == []


def test_variables_within_other_values_are_converted_each_time() -> None:
    text = "query ($id: ID!, $n: Int) { f(id: $id, span: {from: $n}) }"
    arguments, variables, conversions = prepared(text, {"id": "a", "n": 3})
    assert arguments.values(variables) == {"row_id": "a", "first": 25, "span": {"from": 3}}
    assert conversions.seen == [{"span": {"from": 3}}]


def test_what_is_not_given_is_the_default_or_left_out() -> None:
    text = "query ($id: ID!, $n: Int, $w: String) { f(id: $id, first: $n, word: $w) }"
    arguments, variables, _ = prepared(text, {"id": "a"})
    assert arguments.values(variables) == {"row_id": "a", "first": 25}


def test_null_is_a_value() -> None:
    text = "query ($id: ID!, $n: Int, $w: String) { f(id: $id, first: $n, word: $w) }"
    arguments, variables, _ = prepared(text, {"id": "a", "n": None, "w": None})
    assert arguments.values(variables) == {"row_id": "a", "first": None, "word": None}


@pytest.mark.parametrize("given", [{}, {"id": None}])
def test_what_must_be_there_is_missed(given: Mapping[str, Any]) -> None:
    arguments, variables, _ = prepared("query ($id: ID, $n: Int) { f(id: $id, first: $n) }", given)
    with pytest.raises(GraphQLError, match="id"):
        arguments.values(variables)


def test_values_of_one_operation_are_not_those_of_the_next() -> None:
    text = "query ($id: ID!) { f(id: $id) }"
    arguments, variables, _ = prepared(text, {"id": "a"})
    arguments.values(variables)
    assert arguments.values(VariableValues({}, {"id": "b"})) == {"row_id": "b", "first": 25}
    assert arguments.constant == {"first": 25}
