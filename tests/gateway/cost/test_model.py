"""What users of other systems complain of, and how values of all kinds are priced."""

import math
from typing import Any

import pytest
from graphql import parse

from gateway.cost.selections import MOST_STEPS
from gateway.errors import Code, RequestRejected
from tests.gateway.cost.pricing import Priced, only_operation, priced

SDL = """
type Query {
  users(first: Int): Users @listSize(
    slicingArguments: ["first"], sizedFields: ["nodes"], assumedSize: 25, requireOneSlicingArgument: false)
  three(n: Int! = 3): [User] @listSize(slicingArguments: ["n"])
  ids(ids: [ID!]!): [User] @listSize(slicingArguments: ["ids"])
  filtered(filter: Filter): [User] @listSize(
    slicingArguments: ["filter.max"], assumedSize: 9, requireOneSlicingArgument: false)
  grid: [[User!]!]! @listSize(assumedSize: 4)
  series(by: Grain! = ALL): [User] @listSize(assumedSize: 100) @assumedSizeFor(argument: "by", value: "ALL", size: 1)
    @assumedSizeFor(argument: "by", value: "DAY", size: 31)
  pet: Pet
  tree(of: Tree): Int
  events(events: [Event!]!): Int
  loose(n: Int): [User] @listSize(slicingArguments: ["n"])
  optional(n: Int = 4): [User] @listSize(slicingArguments: ["n"])
}
type Mutation { change: User @cost(weight: "10") }
type Subscription { changed(first: Int): Users @listSize(
    slicingArguments: ["first"], sizedFields: ["nodes"], assumedSize: 25, requireOneSlicingArgument: false) }
type Users { nodes: [User!]! }
type User { id: ID! name(long: Boolean): String friend: User }
enum Grain { ALL DAY HOUR }
input Filter { max: Int = 6 }
input Tree { left: Tree right: Tree size: Int }
input Event { key: String weight: Int @cost(weight: "0.2") }
interface Pet { id: ID! }
type Cat implements Pet { id: ID! mice: [User] @listSize(assumedSize: 10) }
type Dog implements Pet { id: ID! bones: [User] @listSize(assumedSize: 20) }
"""


@pytest.fixture(scope="module")
def schema() -> Priced:
    return priced(SDL)


@pytest.mark.parametrize(
    ("variables", "nodes"),
    [
        ({"n": 100}, 100),
        ({"n": 0}, 0),
        ({}, 25),
        ({"n": None}, 25),
        ({"n": 5.0}, 5),
        # What coercion will refuse never raises here.
        ({"n": -1}, 0),
        ({"n": "100"}, 25),
        ({"n": True}, 25),
        ({"n": [1]}, 25),
        ({"n": {}}, 25),
        ({"n": 10**40}, 2**31 - 1),
        ({"n": math.inf}, 2**31 - 1),
        ({"n": math.nan}, 25),
    ],
)
def test_a_variable_is_priced_by_its_value(schema: Priced, variables: dict[str, Any], nodes: int) -> None:
    price = schema.price("query($n: Int) { users(first: $n) { nodes { id } } }", variables)
    assert price.static == (4 + nodes) * 1_000


def test_a_default_of_a_variable_counts_where_it_is_left_out_and_null_is_null(schema: Priced) -> None:
    query = "query($n: Int = 7) { users(first: $n) { nodes { id } } }"
    assert schema.cost(query) == 4 + 7
    assert schema.cost(query, n=2) == 4 + 2
    assert schema.cost(query, n=None) == 4 + 25


def test_fragments_on_types_that_exclude_each_other_cost_the_dearer_one(schema: Priced) -> None:
    cat, dog = "... on Cat { mice { id } }", "... on Dog { bones { id } }"
    assert schema.cost(f"{{ pet {{ {cat} }} }}") == 3 + 11
    assert schema.cost(f"{{ pet {{ {dog} }} }}") == 3 + 21
    assert schema.cost(f"{{ pet {{ {cat} {dog} }} }}") == 3 + 21


def test_fields_that_are_selected_twice_are_answered_and_priced_once(schema: Priced) -> None:
    once = schema.cost("{ users { nodes { id friend { id } } } }")
    twice = (
        "{ users { nodes { id } ...F ...F } users { ... on Users { nodes { friend { id } } } } }"
        " fragment F on Users { nodes { id } }"
    )
    assert schema.cost(twice) == once == 4 + 25 * 3


def test_an_alias_is_another_field(schema: Priced) -> None:
    assert schema.cost("{ a: users { nodes { id } } b: users(first: 2) { nodes { id } } }") == 1 + (3 + 25) + (3 + 2)


@pytest.mark.parametrize(
    ("steering", "cost"),
    [
        ({"no": False, "yes": True}, 2 + 1 + 28),
        ({"no": True, "yes": True}, 1 + 28),
        ({"no": False, "yes": False}, 2 + 1),
        ({"no": True, "yes": False}, 1),
        # Left out or nonsense: nothing is left out of the price.
        ({}, 2 + 1 + 28),
        ({"no": "x", "yes": 1}, 2 + 1 + 28),
    ],
)
def test_what_is_skipped_or_not_included_costs_nothing(schema: Priced, steering: dict[str, Any], cost: int) -> None:
    query = """query($no: Boolean!, $yes: Boolean!) {
      pet @skip(if: $no) { id } ... @include(if: $yes) { users { nodes { id } } } grid @include(if: false) { id } }"""
    assert schema.price(query, steering).static == cost * 1_000


def test_a_default_steers_too(schema: Priced) -> None:
    query = "query($no: Boolean! = true) { pet @skip(if: $no) { id } }"
    assert schema.cost(query) == 1
    assert schema.cost(query, no=False) == 3


@pytest.mark.parametrize(
    ("query", "variables", "users"),
    [
        ("{ three { id } }", {}, 3),
        ("query($n: Int!) { three(n: $n) { id } }", {"n": 8}, 8),
        ('{ ids(ids: ["a", "b"]) { id } }', {}, 2),
        ('{ ids(ids: "a") { id } }', {}, 1),
        ("query($ids: [ID!]!) { ids(ids: $ids) { id } }", {"ids": ["a"] * 50}, 50),
        ("query($id: ID!) { ids(ids: [$id, $id]) { id } }", {"id": "a"}, 2),
        ("{ filtered { id } }", {}, 9),
        ("{ filtered(filter: {}) { id } }", {}, 6),
        ("{ filtered(filter: {max: 2}) { id } }", {}, 2),
        ("query($f: Filter) { filtered(filter: $f) { id } }", {"f": {"max": 4}}, 4),
        ("query($f: Filter) { filtered(filter: $f) { id } }", {"f": "x"}, 9),
        ("query($m: Int) { filtered(filter: {max: $m}) { id } }", {"m": 5}, 5),
        ("query($m: Int) { filtered(filter: {max: $m}) { id } }", {}, 6),
        ("{ grid { id } }", {}, 16),
        ("{ series { id } }", {}, 1),
        ("{ series(by: DAY) { id } }", {}, 31),
        ("{ series(by: HOUR) { id } }", {}, 100),
        ("query($by: Grain!) { series(by: $by) { id } }", {"by": "DAY"}, 31),
        ("query($by: Grain! = DAY) { series(by: $by) { id } }", {}, 31),
        ("query($by: Grain!) { series(by: $by) { id } }", {"by": 5}, 100),
        # The specification has such a list endless.
        ("{ loose { id } }", {}, 1_000_000),
        ("{ optional { id } }", {}, 4),
        ("{ optional(n: null) { id } }", {}, 1_000_000),
    ],
)
def test_list_sizes(schema: Priced, query: str, variables: dict[str, Any], users: int) -> None:
    lines = schema.price(query, variables).bill().lines
    assert [line.multiplier for line in lines if line.coordinate == "User"] == [users]


@pytest.mark.parametrize("variables", [{}, {"ids": None, "by": None}])
def test_what_coercion_refuses_is_not_priced_as_a_list_that_nothing_bounds(
    schema: Priced, variables: dict[str, Any]
) -> None:
    assert schema.cost("query($ids: [ID!]!) { ids(ids: $ids) { id } }", **variables) == 2
    # With its default where it is left out.
    assert schema.cost("query($by: Grain) { series(by: $by) { id } }", **variables) == (2 if variables else 3)


def test_an_input_is_priced_by_what_is_given_not_by_its_worst_case(schema: Priced) -> None:
    query = "query($t: Tree) { tree(of: $t) }"
    assert schema.cost(query) == 1
    assert schema.cost(query, t={"size": 1}) == 2
    assert schema.cost(query, t={"left": {"left": {}}, "right": None, "unknown": {}}) == 4
    assert schema.cost("{ tree(of: {left: {}}) }") == 3


def test_a_deep_input_is_priced_without_recursion(schema: Priced) -> None:
    deep: dict[str, Any] = {}
    for _ in range(20_000):
        deep = {"left": deep}
    assert schema.cost("query($t: Tree) { tree(of: $t) }", t=deep) == 20_002


def test_each_item_of_a_list_costs_what_its_argument_weighs(schema: Priced) -> None:
    query = "query($e: [Event!]!) { events(events: $e) }"
    assert schema.cost(query, e=[{"key": "a"}, {"key": "b", "weight": 3}, None]) == 1 + 2 + 0.2
    assert schema.cost(query, e={"weight": 1}) == 1 + 1.2
    assert schema.cost(query, e=[]) == 1


def test_a_mutation_costs_what_its_field_weighs_and_a_subscription_is_priced_by_event(schema: Priced) -> None:
    assert schema.cost("mutation { change { id } }") == 1 + 10 + 1
    assert schema.cost("subscription { changed(first: 2) { nodes { id } } }") == 1 + 2 + 3


def test_a_fragment_that_doubles_at_every_level_is_compiled_and_evaluated_once(schema: Priced) -> None:
    levels = 22
    fragments = [
        f"fragment F{i} on User {{ a: friend {{ ...F{i + 1} }} b: friend {{ ...F{i + 1} }} }}" for i in range(levels)
    ]
    text = "query($n: Int) { users(first: $n) { nodes { ...F0 } } } " + " ".join(fragments)
    document = parse(text + f" fragment F{levels} on User {{ id }}")
    formula = schema.model.formula(document, only_operation(document), {})
    # 2^23 - 1 objects for each user, each with a field but the first.
    assert formula.static({"n": 1}) == (4 + 1 + 2 * (2 ** (levels + 1) - 2)) * 1_000


def test_an_operation_of_too_many_fields_for_all_its_types_is_refused(schema: Priced) -> None:
    fields = " ".join(f"a{i}: id" for i in range(MOST_STEPS // 2))
    document = parse(f"{{ pet {{ {fields} }} }}")
    with pytest.raises(RequestRejected) as refused:
        schema.model.formula(document, only_operation(document), {})
    assert refused.value.code == Code.TOO_MANY_FIELDS


def test_a_cycle_of_fragments_is_refused(schema: Priced) -> None:
    document = parse("{ users { nodes { ...F } } } fragment F on User { friend { ...F } }")
    with pytest.raises(RequestRejected) as refused:
        schema.model.formula(document, only_operation(document), {})
    assert refused.value.code == Code.TOO_MANY_FIELDS
