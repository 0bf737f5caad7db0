import json
import math
import random
import re
from collections.abc import Sequence
from typing import Any

import pytest
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentSpreadNode,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    build_schema,
    parse,
    validate,
)
from graphql.execution.values import get_variable_values

from gateway.cost.calibration.arguments import Values, invented
from gateway.cost.calibration.queries import GeneratedQuery, QueryGenerator, QueryStyle
from tests.graph import schema

pytestmark = pytest.mark.no_cover

SMALL = build_schema("""
  type Query { pets(first: Int, last: Int, filter: Filter): [Pet!]! pet(id: ID!): Pet
    found: [Found!]! only(one: One!): Int }
  input Filter { name: String = "x", ages: [Int!], and: [Filter!], kind: Kind! = CAT, limit: Int! }
  input One @oneOf { name: String, age: Int }
  enum Kind { CAT DOG }
  interface Pet { id: ID! friend: Pet }
  interface Named { id: ID! label(long: Boolean! = false): String }
  type Cat implements Pet & Named { id: ID! friend: Pet label(long: Boolean! = false): String lives: Int size: Int }
  type Dog implements Pet & Named { id: ID! friend: Pet label(long: Boolean! = false): String size: String }
  type Rock { id: ID! weight: Float owners(first: Int! = 2): [Pet!]! }
  union Found = Cat | Dog | Rock
""")
BRIEF = QueryStyle(depth=4, fields=10, one_number=False, introspection=0.1)
WILD = QueryStyle(depth=7, fields=60, one_number=False, introspection=0.3)


def seeded(
    schema: GraphQLSchema, values: Values = invented, style: QueryStyle | None = None, seed: int = 1
) -> QueryGenerator:
    return QueryGenerator(schema, random.Random(seed), values, style)  # noqa: S311  # no secret


def drawn(schema: GraphQLSchema, count: int, style: QueryStyle, seed: int = 1) -> list[GeneratedQuery]:
    generator = seeded(schema, style=style, seed=seed)
    return [generator.query() for _ in range(count)]


@pytest.fixture(scope="module")
def texts() -> Sequence[str]:
    return [query.text for query in drawn(SMALL, 400, WILD)]


@pytest.mark.parametrize(
    ("graph", "count", "style"),
    [("small", 400, BRIEF), ("small", 30, WILD), ("whole", 300, BRIEF), ("whole", 20, WILD)],
)
def test_every_query_is_valid_and_its_variables_fit(graph: str, count: int, style: QueryStyle) -> None:
    where = SMALL if graph == "small" else schema()._schema
    for query in drawn(where, count, style):
        document = parse(query.text)
        assert validate(where, document) == [], query.text
        [operation] = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
        given = get_variable_values(where, operation.variable_definitions or (), dict(query.variables))
        assert not isinstance(given, list), given


def test_one_seed_gives_the_same_queries() -> None:
    assert drawn(SMALL, 20, WILD, seed=7) == drawn(SMALL, 20, WILD, seed=7)
    assert drawn(SMALL, 20, WILD, seed=7) != drawn(SMALL, 20, WILD, seed=8)


@pytest.mark.parametrize(
    "feature",
    [
        r"\.\.\.F\d+",  # a named fragment
        r"(\.\.\.F\d+)\b(?s:.)*\1\b",  # spread twice
        r"\.\.\. on Cat \{",
        r"\.\.\. on Named \{",  # an interface within a union or another interface
        r"\.\.\. \{",  # no type condition
        r"a\d+: ",  # an alias
        r"@skip\(if: \$",
        r"@include\(if: (true|false)",
        r"first: \d",
        r"first: \$",
        r"first: null",
        r"\$v\d+: Int = \d+",
        r"\$v\d+: ID! = ",
        r"ages: \[",
        r"limit: \$",  # a variable inside of an input object
        r"and: \[\{",  # an input type within itself
        r"kind: (CAT|DOG)",
        r"one: \{(name|age): ",
        r"__typename",
        r"__schema",
        r"__type\(name: ",
    ],
)
def test_queries_show_all_that_graphql_has(feature: str, texts: Sequence[str]) -> None:
    assert any(re.search(feature, text) for text in texts)


def test_types_that_exclude_each_other_share_a_key_for_different_calls() -> None:
    assert any(
        len({call for calls in _calls_by_key(parse(query.text)).values() for call in calls if "long" in call}) > 1
        for query in drawn(SMALL, 300, WILD)
    )


def test_variables_are_given_or_not() -> None:
    queries = drawn(SMALL, 200, WILD)
    declared = {name for query in queries for name in re.findall(r"\$(v\d+): Int[ ,)]", query.text)}
    assert declared
    assert any(set(re.findall(r"\$(v\d+):", query.text)) - set(query.variables) for query in queries)
    assert any(query.variables for query in queries)


def test_values_come_from_whoever_knows_them() -> None:
    asked = set()

    def known(coordinate: str, type_name: str) -> Sequence[Any]:
        asked.add((coordinate, type_name))
        return ("pet_42",) if coordinate == "Query.pet(id:)" else invented(coordinate, type_name)

    generator = seeded(SMALL, known)
    queries = [generator.query() for _ in range(100)]
    assert {("Query.pet(id:)", "ID"), ("Query.pets(first:)", "Int"), ("Filter.ages", "Int")} <= asked
    given = [json.dumps(dict(query.variables)) + query.text for query in queries if "pet(" in query.text]
    assert given
    assert all("pet_42" in text for text in given)


def test_what_needs_a_value_that_nobody_knows_is_left_out() -> None:
    def known(coordinate: str, type_name: str) -> Sequence[Any]:
        return () if type_name == "ID" or coordinate == "Filter.limit" else invented(coordinate, type_name)

    generator = seeded(SMALL, known)
    text = "".join(generator.query().text for _ in range(100))
    assert "pets(" in text
    assert "pet(" not in text
    assert "filter:" not in text


def test_numbers_of_lists_within_lists_multiply_to_no_more_than_the_style_allows() -> None:
    nested = build_schema("type Query { all(first: Int!): [T!]! } type T { id: ID! all(first: Int!): [T!]! }")

    def literals(_coordinate: str, _type_name: str) -> Sequence[Any]:
        return (0, 1, 7, 50, 1_000)

    generator = seeded(nested, literals, QueryStyle(objects=1_000))
    largest = max(_product(parse(generator.query().text)) for _ in range(200))
    assert 50 <= largest <= 1_000


def _product(document: DocumentNode) -> int:
    """The greatest product of literal numbers on a path; fragments are looked at where they are defined."""

    def of(node: Any) -> int:
        numbers = [
            int(a.value.value) for a in getattr(node, "arguments", None) or () if isinstance(a.value, IntValueNode)
        ]
        selected = node.selection_set.selections if getattr(node, "selection_set", None) else ()
        return math.prod(max(number, 1) for number in numbers) * max(map(of, selected), default=1)

    return max(of(definition) for definition in document.definitions)


def _calls_by_key(document: DocumentNode) -> dict[str, set[str]]:
    """The argument texts of `label` by where it is selected, down through inline fragments."""
    found: dict[str, set[str]] = {}

    def walk(node: Any, path: str) -> None:
        for selected in node.selection_set.selections if getattr(node, "selection_set", None) else ():
            if isinstance(selected, FieldNode):
                key = f"{path}.{(selected.alias or selected.name).value}"
                if selected.name.value == "label":
                    arguments = [f"{a.name.value}: {getattr(a.value, 'value', '$')}" for a in selected.arguments or ()]
                    found.setdefault(key, set()).add(f"long({', '.join(arguments)})")
                walk(selected, key)
            elif isinstance(selected, InlineFragmentNode):
                walk(selected, path)
            else:
                assert isinstance(selected, FragmentSpreadNode)

    for definition in document.definitions:
        walk(definition, "")
    return {key: calls for key, calls in found.items() if len(calls) > 1}
