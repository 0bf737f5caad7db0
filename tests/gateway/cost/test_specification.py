"""The worked examples of the GraphQL Cost Directives specification, with its own numbers.

https://ibm.github.io/graphql-specs/cost-spec.html; each test names the section its facts are from.
"""

from decimal import Decimal
from typing import Any

import pytest

from gateway.cost.bill import Bill
from gateway.cost.points import ONE
from gateway.cost.prices import Price
from gateway.cost.tally import Tally
from tests.gateway.cost.pricing import Priced, priced

USERS = """
type User { name: String age: Int @cost(weight: "2.0") }
type Query { users(max: Int): [User] @listSize(slicingArguments: ["max"]) }
"""
PRODUCTS = """
input Filter { approx: Approximate %s }
enum Approximate { YES }
type Product { name: String }
type Query {
  topProducts(filter: Filter @cost(weight: "15.0")): [String] @cost(weight: "5.0") @listSize(assumedSize: 10)
  mostPopularProduct(approx: Approximate @cost(weight: "-3.0")): Product @cost(weight: "5.0")
}
"""
FILMS = """
type Film { title: String }
type FilmEdge { cursor: ID node: Film }
type PageInfo { hasNextPage: Boolean }
type FilmConnection { edges: [FilmEdge] pageInfo: PageInfo }
type Query {
  films(first: Int, after: ID, last: Int, before: ID): FilmConnection
    @listSize(slicingArguments: ["first", "last"], sizedFields: ["edges"])
}
"""


def field_cost(bill: Bill, *, actual: bool = False) -> Decimal:
    """The lines of fields and arguments: their coordinates have a dot or belong to a directive."""
    return _cost(bill, actual=actual, fields=True)


def type_cost(bill: Bill, *, actual: bool = False) -> Decimal:
    return _cost(bill, actual=actual, fields=False)


def _cost(bill: Bill, *, actual: bool, fields: bool) -> Decimal:
    lines = [line for line in bill.lines if ("." in line.coordinate or "@" in line.coordinate) is fields]
    return Decimal(sum((line.actual_subtotal or 0) if actual else line.subtotal for line in lines)) / ONE


def type_counts(price: Price) -> dict[str, int]:
    return {line.coordinate: line.multiplier for line in price.bill().lines if "." not in line.coordinate}


def answered(schema: Priced, query: str, counts: dict[tuple[str, ...], Any]) -> Tally:
    """A tally of so many objects of a type at each path; the nodes are those of the query's own selections."""
    tally = Tally()
    operation = schema.document(query).operation(None)
    tally.count("Query", ())
    for path, (type_name, times) in counts.items():
        nodes: Any = [operation]
        for key in path:
            nodes = [node for one in nodes for node in one.selection_set.selections if node.name.value == key]
        tally.count(type_name, nodes, path, times)
    return tally


def test_section_3_five_users_at_most_cost_11_and_three_cost_7() -> None:
    schema = priced(USERS)
    query = "query Example { users (max: 5) { age } }"
    price = schema.price(query)
    assert field_cost(price.bill()) == Decimal(11)
    assert type_counts(price) == {"Query": 1, "User": 5}
    tally = answered(schema, query, {("users",): ("User", 3)})
    assert field_cost(price.bill(tally), actual=True) == Decimal(7)
    # Section 5.3.1.1 counts Query once and three users.
    assert type_cost(price.bill(tally), actual=True) == Decimal(4)
    assert price.actual(tally) == 11 * ONE


def test_section_5_3_2_2_arguments_add_to_their_field() -> None:
    schema = priced(PRODUCTS % "")
    assert field_cost(schema.price("{ topProducts }").bill()) == Decimal(5)
    assert field_cost(schema.price("{ topProducts(filter: {}) }").bill()) == Decimal(20)


def test_section_5_3_2_2_negative_weights_make_a_field_cheaper() -> None:
    schema = priced(PRODUCTS % "")
    assert field_cost(schema.price("{ mostPopularProduct { name } }").bill()) == Decimal(5)
    assert field_cost(schema.price("{ mostPopularProduct(approx: YES) { name } }").bill()) == Decimal(2)


def test_section_5_3_2_2_input_fields_add_to_their_argument() -> None:
    schema = priced(PRODUCTS % '@cost(weight: "-12.0")')
    assert field_cost(schema.price("{ topProducts(filter: {approx: YES}) }").bill()) == Decimal(8)


def test_section_5_3_2_2_arguments_of_directives_add_to_the_field() -> None:
    schema = priced("""
      directive @approx(tolerance: Float! @cost(weight: "-1.0")) on FIELD
      type Query { count: Int @cost(weight: "5.0") cheap: Int @cost(weight: "0.5") }
    """)
    assert field_cost(schema.price("{ count @approx(tolerance: 0.5) }").bill()) == Decimal(4)
    # A field's sum that is negative is rounded up to zero.
    assert field_cost(schema.price("{ cheap @approx(tolerance: 0.5) }").bill()) == Decimal(0)


def test_section_7_1_default_weights() -> None:
    schema = priced("""
      input In { a: Int inner: In }
      enum E { V }
      type T { s: String e: E t(in: In): T }
      type Query { t(in: In, s: String, e: E): T s: String e: E }
    """)
    assert schema.cost("{ s e }") == 1
    assert schema.cost("{ t { s e } }") == 3
    assert schema.cost('{ t(s: "x", e: V) { s } }') == 3
    assert schema.cost("{ t(in: {a: 1}) { s } }") == 4
    assert schema.cost("{ t(in: {a: 1, inner: {a: 2}}) { s } }") == 5


def test_section_7_2_an_abstract_type_weighs_what_its_dearest_member_does() -> None:
    schema = priced("""
      interface I { id: ID }
      type A implements I @cost(weight: "3") { id: ID @cost(weight: "0.5") }
      type B implements I @cost(weight: "2") { id: ID @cost(weight: "2") }
      union U = A | B
      type Query { i: I u: U }
    """)
    assert schema.cost("{ i { __typename } }") == 1 + 1 + 3
    # Fields are weighed on the concrete types: a B costs 4 with its id, an A 3.5.
    assert schema.cost("{ i { id } }") == 1 + 1 + 4
    assert schema.cost("{ u { ... on A { id } } }") == 1 + 1 + 3.5


def test_section_8_1_an_assumed_size_counts_the_values_of_a_list() -> None:
    schema = priced('scalar S @cost(weight: "1") type Query { top: [S] @listSize(assumedSize: 10) }')
    assert type_counts(schema.price("{ top }")) == {"Query": 1, "S": 10}


def test_section_8_2_a_default_of_the_schema_counts_and_of_several_slices_the_largest() -> None:
    schema = priced("""
      type User { name: String }
      type Query {
        users(max: Int! = 7): [User] @listSize(slicingArguments: ["max"])
        range(first: Int, last: Int): [User] @listSize(
          slicingArguments: ["first", "last"], assumedSize: 2, requireOneSlicingArgument: false)
      }
    """)
    assert type_counts(schema.price("{ users { name } }"))["User"] == 7
    assert type_counts(schema.price("{ users(max: 3) { name } }"))["User"] == 3
    assert type_counts(schema.price("{ range(first: 4, last: 9) { name } }"))["User"] == 9
    # Section 9.2.4: the assumed size is for queries without a slicing argument.
    assert type_counts(schema.price("{ range { name } }"))["User"] == 2


def test_section_8_3_sized_fields_take_the_size_of_the_field_above() -> None:
    price = priced(FILMS).price("{ films(first: 20) { edges { cursor node { title } } pageInfo { hasNextPage } } }")
    assert type_counts(price) == {"Query": 1, "FilmConnection": 1, "FilmEdge": 20, "Film": 20, "PageInfo": 1}
    # One films, one edges, twenty nodes, one pageInfo.
    assert field_cost(price.bill()) == Decimal(23)


@pytest.mark.parametrize("weight", ["2", "2.0", "2e0", "0.002e3"])
def test_section_7_1_a_weight_is_a_serialised_float(weight: str) -> None:
    assert priced(f'type Query {{ a: Int @cost(weight: "{weight}") }}').cost("{ a }") == 3
