"""Annotations are read as the specification says, and every mistake in them is found, all at once."""

from decimal import Decimal

import pytest
from graphql import parse

from schema.annotations import AnnotationMistakes, Annotations, read_annotations
from schema.directives import DIRECTIVES, AssumedSizeFor, ListSize, Span

SOUND = """
scalar Heavy @cost(weight: "0.5")
enum Kind @cost(weight: "0.125") { CAT DOG }
input Filter { name: String @cost(weight: "-1") max: Int maxima: [Int!] deep: Filter }
interface Node { id: ID! things(first: Int): [Thing!]! }
type Thing implements Node @cost(weight: "2") {
  id: ID! @cost(weight: "0.001")
  things(first: Int @cost(weight: "3")): [Thing!]!
    @listSize(slicingArguments: ["first"], assumedSize: 5, requireOneSlicingArgument: false)
  names: [String!]!
}
type Page { things: [Thing!]! count: Int }
union Found = Page | Thing
type Query {
  page(first: Int, last: Int): Page! @listSize(
    slicingArguments: ["first", "last"], sizedFields: ["things"], assumedSize: 25, requireOneSlicingArgument: false)
  found(ids: [ID!]!): Found @listSize(slicingArguments: ["ids"], sizedFields: ["things"])
  filtered(filter: Filter!, kind: Kind! = CAT): [Thing] @listSize(slicingArguments: ["filter.deep.max"])
  kinds(kind: Kind! = CAT): [Thing] @listSize(assumedSize: 9) @assumedSizeFor(argument: "kind", value: "DOG", size: 2)
  max(n: Int! = 4, m: Int = null): [Thing] @listSize(slicingArguments: ["n"])
}
"""


def annotations(sdl: str) -> Annotations:
    return read_annotations(parse(DIRECTIVES + sdl))


def mistakes(sdl: str, directives: str = DIRECTIVES) -> list[str]:
    with pytest.raises(AnnotationMistakes) as found:
        read_annotations(parse(directives + sdl))
    return [str(mistake) for mistake in found.value.mistakes]


def test_weights_and_sizes_are_read_by_coordinate() -> None:
    # `found` may be a Thing, whose list has a size of its own.
    read = annotations(SOUND.replace("union Found = Page | Thing", "union Found = Page"))
    assert read.types == {"Heavy": Decimal("0.5"), "Kind": Decimal("0.125"), "Thing": Decimal(2)}
    assert read.fields == {"Thing.id": Decimal("0.001")}
    assert read.arguments == {"Thing.things(first:)": Decimal(3)}
    assert read.input_fields == {"Filter.name": Decimal(-1)}
    assert read.list_sizes == {
        "Thing.things": ListSize(5, ("first",), require_one_slicing_argument=False),
        "Query.page": ListSize(25, ("first", "last"), ("things",), require_one_slicing_argument=False),
        "Query.found": ListSize(slicing_arguments=("ids",), sized_fields=("things",)),
        "Query.filtered": ListSize(slicing_arguments=("filter.deep.max",)),
        "Query.kinds": ListSize(9, assumed_for=(AssumedSizeFor("kind", "DOG", 2),)),
        "Query.max": ListSize(slicing_arguments=("n",)),
    }


@pytest.mark.parametrize(
    ("type_", "size"),
    [
        ("Page", ListSize(25, ("first", "last"), ("edges", "nodes"), require_one_slicing_argument=False)),
        ("[Int]", ListSize(7, assumed_for=(AssumedSizeFor("by", "DAY", 3), AssumedSizeFor("by", "WEEK", 2)))),
        ("[Int]", ListSize(7, assumed_for=(AssumedSizeFor("by", "DAY", 3, Span("range", 60, 90)),))),
    ],
)
def test_what_is_written_is_what_is_read(type_: str, size: ListSize) -> None:
    read = annotations(f"""
      enum By {{ ALL DAY WEEK }}
      input Range {{ from: String until: String }}
      type Page {{ edges: [Int] nodes: [Int] }}
      type Query {{ page(first: Int, last: Int, by: By, range: Range): {type_} {size.written()} }}
    """)
    assert read.list_sizes == {"Query.page": size}


SMALL = "type T {{ a: Int list: [Int] }} enum E {{ V }} input I {{ n: Int s: String }} type Query {{ {} }}"


@pytest.mark.parametrize(
    ("sdl", "found"),
    [
        # Weights.
        ('type Query @cost(weight: "x") { a: Int }', ["Query: the weight 'x' is not a number"]),
        ('type Query @cost(weight: "nan") { a: Int }', ["Query: the weight 'nan' is not a number"]),
        ('type Query { a: Int @cost(weight: "") }', ["Query.a: the weight '' is not a number"]),
        ('type Query { a: Int @cost(weight: "Infinity") }', ["Query.a: the weight 'Infinity' is not a number"]),
        ('type Query { a: Int @cost(weight: "1.0005") }', ["Query.a: the weight 1.0005 has more than three decimals"]),
        ('type Query { a: Int @cost(weight: "1e7") }', ["Query.a: the weight 1e7 is beyond 1,000,000"]),
        ('type Query @cost(weight: "-1") { a: Int }', ["Query: the weight -1 of a type is negative"]),
        ('scalar S @cost(weight: "-1") type Query { a: S }', ["S: the weight -1 of a type is negative"]),
        (
            "type Query { a: Int @cost }",
            ["Argument '@cost(weight:)' of type 'String!' is required, but it was not provided."],
        ),
        (
            'type Query { a: Int @cost(weight: "1") @cost(weight: "1") }',
            ["The directive '@cost' can only be used once at this location."],
        ),
        # Where they stand.
        (
            'interface I @cost(weight: "1") { a: Int } type Query { a: Int }',
            ["I: @cost has no meaning on a definition of interface"],
        ),
        (
            'union U @cost(weight: "1") = Query type Query { a: Int }',
            ["U: @cost has no meaning on a definition of union"],
        ),
        (
            'input I @cost(weight: "1") { a: Int } type Query { a: Int }',
            ["I: @cost has no meaning on a definition of input object"],
        ),
        (
            'interface I { a: Int @cost(weight: "1") } type Query { a: Int }',
            ["I.a: @cost stands on the fields of objects, not on those of interfaces"],
        ),
        (
            'interface I { a(b: Int @cost(weight: "1")): Int } type Query { a: Int }',
            ["I.a(b:): @cost stands on the fields of objects, not on those of interfaces"],
        ),
        (
            "type T @listSize(assumedSize: 1) { a: Int } type Query { a: Int }",
            ["T: @listSize has no meaning on a definition of object"],
        ),
        ('enum E { A @cost(weight: "1") } type Query { a: Int }', ["E.A: @cost has no meaning on a value"]),
        (
            "type Query { a(b: Int @listSize(assumedSize: 1)): Int }",
            ["Query.a(b:): @listSize has a meaning on fields alone"],
        ),
        (
            "input I { a: Int @listSize(assumedSize: 1) } type Query { a: Int }",
            ["I.a: @listSize has a meaning on fields alone"],
        ),
        # Sizes.
        (
            SMALL.format("a: Int @listSize(assumedSize: 1)"),
            ["Query.a: @listSize is on a field that is no list and names no sizedFields"],
        ),
        (SMALL.format("a: [T] @listSize"), ["Query.a: @listSize says neither assumedSize nor slicingArguments"]),
        (SMALL.format("a: [T] @listSize(assumedSize: -1)"), ["Query.a: assumedSize is not between 0 and 1,000,000"]),
        (
            SMALL.format('a(n: Int!): [T] @listSize(slicingArguments: ["m"])'),
            ["Query.a: the slicing argument 'm' does not exist"],
        ),
        (
            SMALL.format('a(n: String!): [T] @listSize(slicingArguments: ["n"])'),
            ["Query.a: the slicing argument 'n' is neither an Int nor a list"],
        ),
        (
            SMALL.format('a(n: I!): [T] @listSize(slicingArguments: ["n.m"])'),
            ["Query.a: the slicing argument 'n.m' does not exist"],
        ),
        (
            SMALL.format('a(n: I!): [T] @listSize(slicingArguments: ["n.s"])'),
            ["Query.a: the slicing argument 'n.s' is neither an Int nor a list"],
        ),
        (
            SMALL.format('a(n: Int!): [T] @listSize(slicingArguments: ["n.m"])'),
            ["Query.a: the slicing argument 'n.m' does not exist"],
        ),
        (
            SMALL.format('a(n: Int!): [T] @listSize(slicingArguments: ["n", "n"])'),
            ["Query.a: the slicing argument 'n' is named twice"],
        ),
        (
            SMALL.format('a: T @listSize(assumedSize: 1, sizedFields: ["b"])'),
            ["Query.a: the sized field 'b' does not exist in T"],
        ),
        (
            SMALL.format('a: T @listSize(assumedSize: 1, sizedFields: ["a"])'),
            ["Query.a: the sized field 'a' of T is no list"],
        ),
        (
            SMALL.format('a: T @listSize(assumedSize: 1, sizedFields: ["list", "list"])'),
            ["Query.a: the sized field 'list' is named twice"],
        ),
        (
            SMALL.format('a(n: Int): [T] @listSize(slicingArguments: ["n"], assumedSize: 1)'),
            ["Query.a: assumedSize beside slicingArguments needs requireOneSlicingArgument: false"],
        ),
        (
            SMALL.format(
                'a(n: Int = 2): [T] @listSize(slicingArguments: ["n"], assumedSize: 1,'
                " requireOneSlicingArgument: false)"
            ),
            ["Query.a: assumedSize never counts beside a slicing argument with a default"],
        ),
        (
            SMALL.format('a(n: Int): [T] @listSize(slicingArguments: ["n"], requireOneSlicingArgument: false)'),
            ["Query.a: nothing bounds the list when no slicing argument is given: say assumedSize"],
        ),
        (
            SMALL.format('a(n: I): [T] @listSize(slicingArguments: ["n.n"], requireOneSlicingArgument: false)'),
            ["Query.a: nothing bounds the list when no slicing argument is given: say assumedSize"],
        ),
        # By the value of an argument.
        (
            SMALL.format('a(e: E): [Int] @assumedSizeFor(argument: "e", value: "V", size: 1)'),
            ["Query.a: @assumedSizeFor needs a @listSize beside it, for other values"],
        ),
        (
            SMALL.format(
                'a(e: E!, n: Int!): [T] @listSize(slicingArguments: ["n"]) @assumedSizeFor(argument:'
                ' "e", value: "V", size: 1)'
            ),
            ["Query.a: @assumedSizeFor needs an assumedSize, for other values"],
        ),
        (
            SMALL.format('a(e: E): [T] @listSize(assumedSize: 1) @assumedSizeFor(argument: "f", value: "V", size: 1)'),
            ["Query.a: the argument 'f' of @assumedSizeFor does not exist"],
        ),
        (
            SMALL.format(
                'a(e: Int): [T] @listSize(assumedSize: 1) @assumedSizeFor(argument: "e", value: "V", size: 1)'
            ),
            ["Query.a: the argument 'e' of @assumedSizeFor is no enumeration"],
        ),
        (
            SMALL.format('a(e: E): [T] @listSize(assumedSize: 1) @assumedSizeFor(argument: "e", value: "W", size: -1)'),
            [
                "Query.a: E has no value 'W', which @assumedSizeFor names",
                "Query.a: the size of @assumedSizeFor is not between 0 and 1,000,000",
            ],
        ),
        # Without a bound, or with two.
        (SMALL.format("a: [T]"), ["Query.a: nothing bounds this list: give it a @listSize"]),
        (SMALL.format("a: [[T!]!]!"), ["Query.a: nothing bounds this list: give it a @listSize"]),
        (
            'scalar S @cost(weight: "1") type Query { a: [S] }',
            ["Query.a: a list of scalars that cost something needs a @listSize of its own"],
        ),
        (
            'type P { list: [Query] } type Query { a: P @listSize(assumedSize: 1, sizedFields: ["list"]) b: P }',
            ["P.list: nothing bounds this list where Query.b returns it: give it a @listSize"],
        ),
        (
            (
                "type P { list: [Query] @listSize(assumedSize: 2) } type Query { a: P @listSize(assumedSize:"
                ' 1, sizedFields: ["list"]) }'
            ),
            ["P.list: its size is said twice: here, and by sizedFields of Query.a"],
        ),
        (
            (
                "interface I { id: ID } type P implements I { id: ID list: [Query] } type Query { a: P"
                ' @listSize(assumedSize: 1, sizedFields: ["list"]) b: I }'
            ),
            ["P.list: nothing bounds this list where Query.b returns it: give it a @listSize"],
        ),
        # The SDL itself.
        ("type Query { a: Zzzzzzzz }", ["Unknown type 'Zzzzzzzz'."]),
    ],
)
def test_each_mistake_is_found(sdl: str, found: list[str]) -> None:
    assert mistakes(sdl) == found


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(AnnotationMistakes, match=r"(?s)Query.a: the weight 'x'.*Query.b: nothing bounds") as found:
        annotations('type Query { a: Int @cost(weight: "x") b: [Query] }')
    assert [mistake.coordinate for mistake in found.value.mistakes] == ["Query.a", "Query.b"]


def test_directives_that_are_defined_otherwise_are_a_mistake() -> None:
    directive = "directive @cost(weight: Int!) on FIELD_DEFINITION "
    [found] = mistakes("type Query { a: Int @cost(weight: 3) }", directive)
    assert found.startswith("@cost: is not defined as it should be: directive @cost(weight: String!) on")


def test_an_sdl_without_the_directives_has_the_defaults() -> None:
    read = read_annotations(parse("type Query { a: Int }"))
    assert read == Annotations({}, {}, {}, {}, {})


def test_leaf_fields_cost_what_the_schema_says() -> None:
    assert annotations("type Query { a: Int }").leaf == 0
    assert annotations('schema @leafCost(weight: "0.25") { query: Query } type Query { a: Int }').leaf == Decimal(
        "0.25"
    )


@pytest.mark.parametrize(
    ("directive", "mistake"),
    [
        ('@leafCost(weight: "-1")', "@leafCost: the weight -1 of a type is negative"),
        ('@leafCost(weight: "x")', "@leafCost: the weight 'x' is not a number"),
    ],
)
def test_weight_of_leaf_fields_that_is_none_is_a_mistake(directive: str, mistake: str) -> None:
    assert mistakes(f"schema {directive} {{ query: Query }} type Query {{ a: Int }}") == [mistake]


@pytest.mark.parametrize(
    ("span", "mistake"),
    [
        ('range: "range"', "@assumedSizeFor needs range, seconds and rangeSeconds, or none of them"),
        ('range: "no", seconds: 1, rangeSeconds: 1', "the range 'no' of @assumedSizeFor does not exist"),
        (
            'range: "first", seconds: 1, rangeSeconds: 1',
            "the range 'first' of @assumedSizeFor has no `from` and `until`",
        ),
        ('range: "range", seconds: 0, rangeSeconds: 1', "the seconds of @assumedSizeFor are not above 0"),
    ],
)
def test_range_that_is_none_is_a_mistake(span: str, mistake: str) -> None:
    sdl = f"""
      enum By {{ DAY }}
      input Range {{ from: String until: String }}
      type Query {{
        rows(first: Int, by: By, range: Range): [Int]
          @listSize(assumedSize: 9) @assumedSizeFor(argument: "by", value: "DAY", size: 4, {span})
      }}
    """
    assert mistakes(sdl) == [f"Query.rows: {mistake}"]
