"""The bill: what costs how much, and the list to shrink."""

import pytest

from gateway.cost.bill import BillLine, DearestList
from gateway.cost.points import Points, points
from gateway.cost.tally import Tally
from schema.graph import build_graph
from tests.gateway.cost.pricing import Priced, priced, priced_schema

SDL = """
type Query {
  shops(first: Int, ids: [ID!] @cost(weight: "0.5"), filter: Filter): Shops! @cost(weight: "2") @listSize(
    slicingArguments: ["first"], sizedFields: ["nodes"], assumedSize: 25, requireOneSlicingArgument: false)
  found: [Found!]! @listSize(assumedSize: 3)
}
input Filter { cheap: Boolean @cost(weight: "-10") }
type Shops { nodes: [Shop!]! }
type Shop @cost(weight: "1.5") {
  id: ID! @cost(weight: "0.25")
  goods(last: Int! = 4): [Good!]! @listSize(slicingArguments: ["last"])
  all: [Good!]! @listSize(assumedSize: 50)
}
type Good { id: ID! }
union Found = Shop | Good
"""


@pytest.fixture(scope="module")
def schema() -> Priced:
    return priced(SDL)


def line(path: str, coordinate: str, multiplier: int, weight: int) -> BillLine:
    return BillLine(path, coordinate, multiplier, Points(weight), Points(multiplier * weight))


def test_lines_are_by_path_and_coordinate_dearest_first(schema: Priced) -> None:
    price = schema.price('{ all: shops(first: 10, ids: ["a", "b"]) { nodes { id goods { id } } } }')
    assert price.bill().lines == (
        line("all.nodes.goods", "Good", 40, 1_000),
        line("all.nodes", "Shop", 10, 1_500),
        line("all.nodes.goods", "Shop.goods", 10, 1_000),
        line("all.nodes.id", "Shop.id", 10, 250),
        line("all", "Query.shops", 1, 2_000),
        line("", "Query", 1, 1_000),
        line("all", "Query.shops(ids:)", 1, 1_000),
        line("all", "Shops", 1, 1_000),
        line("all.nodes", "Shops.nodes", 1, 1_000),
    )
    assert price.static == 73_500


def test_a_field_whose_arguments_make_it_cheaper_is_one_line(schema: Priced) -> None:
    price = schema.price("{ shops(filter: {cheap: true}) { __typename } }")
    assert price.bill().lines == (line("", "Query", 1, 1_000), line("shops", "Shops", 1, 1_000))


def test_the_dearest_type_is_shown_and_after_execution_the_others_too(schema: Priced) -> None:
    query = "{ found { ... on Shop { id } ... on Good { id } } }"
    price = schema.price(query)
    [field] = schema.document(query).operation(None).selection_set.selections
    tally = Tally()
    tally.count("Query", ())
    tally.count("Good", [field], ("found",), 2)  # type: ignore[list-item]  # it is a field
    assert [(one.coordinate, one.multiplier, one.actual_multiplier) for one in price.bill(tally).lines] == [
        ("Shop", 3, 0),
        ("Query", 1, 1),
        ("Query.found", 1, 1),
        ("Shop.id", 3, 0),
        ("Good", 0, 2),
    ]
    assert price.actual(tally) == points(4)
    assert {one.actual_multiplier for one in price.bill().lines} == {None}


def test_the_dearest_list_is_told_with_the_largest_size_that_fits(schema: Priced) -> None:
    query = "query($n: Int, $m: Int!) { shops(first: $n) { nodes { goods(last: $m) { id } } } }"
    price = schema.price(query, {"n": 100, "m": 2})
    # 5 points for Query, shops, Shops and nodes, without one; a shop is 1.5 + 1 + 2.
    assert price.static == points(5) + 450_000
    assert price.dearest_list(points(50)) == DearestList("shops", "first", 100, 10)
    assert price.dearest_list(Points(49_999)) == DearestList("shops", "first", 100, 9)
    assert price.dearest_list(Points(9_500)) == DearestList("shops", "first", 100, 1)


def test_a_list_of_nothing_is_no_size_that_fits(schema: Priced) -> None:
    price = schema.price("{ shops(first: 100) { nodes { goods(last: 2) { id } } } }")
    assert price.dearest_list(Points(9_499)) == DearestList("shops", "first", 100, None)
    assert price.dearest_list(points(5)) == DearestList("shops", "first", 100, None)


def test_what_fits_is_found_by_evaluation(schema: Priced) -> None:
    query = "query($n: Int) { shops(first: $n) { nodes { goods(last: 1) { id } } } }"
    for maximum in (9, 20, 77, 200):
        found = schema.price(query, {"n": 5_000}).dearest_list(points(maximum))
        assert found is not None
        assert found.largest is not None
        assert schema.price(query, {"n": found.largest}).static <= points(maximum)
        assert schema.price(query, {"n": found.largest + 1}).static > points(maximum)


def test_a_list_inside_is_dearest_where_shrinking_it_saves_most(schema: Priced) -> None:
    price = schema.price(
        "{ a: shops(first: 3) { nodes { goods(last: 900) { id } } } b: shops(first: 9) { nodes { id } } }"
    )
    # Three shops with one good each are less than one shop with 900.
    assert price.dearest_list(points(100)) == DearestList("a.nodes.goods", "last", 900, 22)
    alone = schema.price("{ found { ... on Shop { goods(last: 900) { id } } } }")
    assert alone.dearest_list(points(100)) == DearestList("found.goods", "last", 900, 30)


def test_a_page_size_that_was_left_out_counts_as_asked(schema: Priced) -> None:
    price = schema.price("{ shops { nodes { all { id } } } }")
    assert price.dearest_list(points(500)) == DearestList("shops", "first", 25, 9)


def test_no_more_than_a_page_is_ever_advised(schema: Priced) -> None:
    price = schema.price("{ shops(first: 100000) { nodes { id } } }")
    assert price.dearest_list(points(50_000)) == DearestList("shops", "first", 100_000, 1_000)


def test_an_operation_without_such_a_list_has_none(schema: Priced) -> None:
    assert schema.price("{ found { ... on Shop { all { id } } } }").dearest_list(points(1)) is None


def test_the_example_of_the_readme() -> None:
    graph = build_graph("")
    shop = priced_schema(graph.schema, graph.annotations)
    assert shop.cost("{ campaigns(first: 10) { nodes { name advertiser { name } } } }") == 34
