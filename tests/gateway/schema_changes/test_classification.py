"""Every kind of change is judged and found."""

import pytest
from graphql import build_schema
from graphql.utilities.find_schema_changes import BreakingChangeType, DangerousChangeType, SafeChangeType

from gateway.schema_changes.change import Severity
from gateway.schema_changes.classification import changes_between, place
from gateway.schema_changes.elements import UnreadableSchema, elements, schema_from
from tests.gateway.schema_changes.samples import QUERY, RICH, differences

BREAKING, DANGEROUS, SAFE = Severity.BREAKING, Severity.DANGEROUS, Severity.SAFE

# (before, after, severity, kind, coordinate): each pair of schemas differs in this one change.
KINDS = [
    (QUERY + "type T { a: Int }", QUERY, DANGEROUS, "TYPE_REMOVED", "T"),
    (QUERY + "type T { a: Int }", QUERY + "input T { b: Int }", BREAKING, "TYPE_CHANGED_KIND", "T"),
    (
        QUERY + "type T { a: Int } type S { a: Int } union U = T | S",
        QUERY + "type T { a: Int } type S { a: Int } union U = T",
        BREAKING,
        "TYPE_REMOVED_FROM_UNION",
        "U",
    ),
    (QUERY + "enum E { V W }", QUERY + "enum E { V }", BREAKING, "VALUE_REMOVED_FROM_ENUM", "E.W"),
    (QUERY + "input I { a: Int }", QUERY + "input I { a: Int b: Int! }", BREAKING, "REQUIRED_INPUT_FIELD_ADDED", "I.b"),
    (
        QUERY + "interface N { a: Int } type T implements N { a: Int }",
        QUERY + "interface N { a: Int } type T { a: Int }",
        BREAKING,
        "IMPLEMENTED_INTERFACE_REMOVED",
        "T",
    ),
    ("type Query { a: Int b: Int }", QUERY, BREAKING, "FIELD_REMOVED", "Query.b"),
    (QUERY + "input I { a: Int b: Int }", QUERY + "input I { a: Int }", BREAKING, "FIELD_REMOVED", "I.b"),
    ("type Query { a: Int! }", QUERY, BREAKING, "FIELD_CHANGED_KIND", "Query.a"),
    (QUERY + "input I { a: Int }", QUERY + "input I { a: Int! }", BREAKING, "FIELD_CHANGED_KIND", "I.a"),
    (QUERY, "type Query { a(x: Int!): Int }", BREAKING, "REQUIRED_ARG_ADDED", "Query.a(x:)"),
    ("type Query { a(x: Int): Int }", QUERY, BREAKING, "ARG_REMOVED", "Query.a(x:)"),
    (
        "type Query { a(x: Int): Int }",
        "type Query { a(x: [Int]): Int }",
        BREAKING,
        "ARG_CHANGED_KIND",
        "Query.a(x:)",
    ),
    (QUERY + "directive @d on FIELD", QUERY, BREAKING, "DIRECTIVE_REMOVED", "@d"),
    (
        QUERY + "directive @d(x: Int) on FIELD",
        QUERY + "directive @d on FIELD",
        BREAKING,
        "DIRECTIVE_ARG_REMOVED",
        "@d(x:)",
    ),
    (
        QUERY + "directive @d on FIELD",
        QUERY + "directive @d(x: Int!) on FIELD",
        BREAKING,
        "REQUIRED_DIRECTIVE_ARG_ADDED",
        "@d(x:)",
    ),
    (
        QUERY + "directive @d repeatable on FIELD",
        QUERY + "directive @d on FIELD",
        BREAKING,
        "DIRECTIVE_REPEATABLE_REMOVED",
        "@d",
    ),
    (
        QUERY + "directive @d on FIELD | QUERY",
        QUERY + "directive @d on FIELD",
        BREAKING,
        "DIRECTIVE_LOCATION_REMOVED",
        "@d",
    ),
    (
        QUERY + "directive @d(x: Int) on FIELD",
        QUERY + "directive @d(x: [Int]) on FIELD",
        BREAKING,
        "ARG_CHANGED_KIND",
        "@d(x:)",
    ),
    (QUERY + "enum E { V }", QUERY + "enum E { V W }", DANGEROUS, "VALUE_ADDED_TO_ENUM", "E.W"),
    (
        QUERY + "type T { a: Int } type S { a: Int } union U = T",
        QUERY + "type T { a: Int } type S { a: Int } union U = T | S",
        DANGEROUS,
        "TYPE_ADDED_TO_UNION",
        "U",
    ),
    (QUERY + "input I { a: Int }", QUERY + "input I { a: Int b: Int }", DANGEROUS, "OPTIONAL_INPUT_FIELD_ADDED", "I.b"),
    (QUERY, "type Query { a(x: Int): Int }", DANGEROUS, "OPTIONAL_ARG_ADDED", "Query.a(x:)"),
    (
        QUERY + "interface N { a: Int } type T { a: Int }",
        QUERY + "interface N { a: Int } type T implements N { a: Int }",
        DANGEROUS,
        "IMPLEMENTED_INTERFACE_ADDED",
        "T",
    ),
    (
        'type Query { a(x: String = "@o"): Int }',
        'type Query { a(x: String = "@n"): Int }',
        DANGEROUS,
        "ARG_DEFAULT_VALUE_CHANGE",
        "Query.a(x:)",
    ),
    (
        "type Query { a(x: Int = 1): Int }",
        "type Query { a(x: Int): Int }",
        DANGEROUS,
        "ARG_DEFAULT_VALUE_CHANGE",
        "Query.a(x:)",
    ),
    (
        QUERY + "input I { a: Int = 1 }",
        QUERY + "input I { a: Int = 2 }",
        DANGEROUS,
        "INPUT_FIELD_DEFAULT_VALUE_CHANGE",
        "I.a",
    ),
    (
        QUERY + "input I { a: Int = 1 }",
        QUERY + "input I { a: Int }",
        DANGEROUS,
        "INPUT_FIELD_DEFAULT_VALUE_CHANGE",
        "I.a",
    ),
    (QUERY, QUERY + "type T { a: Int }", SAFE, "TYPE_ADDED", "T"),
    (QUERY, QUERY + "directive @d on FIELD", SAFE, "DIRECTIVE_ADDED", "@d"),
    (QUERY, "type Query { a: Int b: Int }", SAFE, "FIELD_ADDED", "Query.b"),
    (
        QUERY + "directive @d on FIELD",
        QUERY + "directive @d repeatable on FIELD",
        SAFE,
        "DIRECTIVE_REPEATABLE_ADDED",
        "@d",
    ),
    (
        QUERY + "directive @d on FIELD",
        QUERY + "directive @d on FIELD | QUERY",
        SAFE,
        "DIRECTIVE_LOCATION_ADDED",
        "@d",
    ),
    (
        QUERY + "directive @d on FIELD",
        QUERY + "directive @d(x: Int) on FIELD",
        SAFE,
        "OPTIONAL_DIRECTIVE_ARG_ADDED",
        "@d(x:)",
    ),
    (QUERY, "type Query { a: Int! }", SAFE, "FIELD_CHANGED_KIND_SAFE", "Query.a"),
    (
        "type Query { a(x: Int!): Int }",
        "type Query { a(x: Int): Int }",
        SAFE,
        "ARG_CHANGED_KIND_SAFE",
        "Query.a(x:)",
    ),
    (
        "type Query { a(x: Int): Int }",
        "type Query { a(x: Int = 1): Int }",
        SAFE,
        "ARG_DEFAULT_VALUE_ADDED",
        "Query.a(x:)",
    ),
    (QUERY + "input I { a: Int }", QUERY + "input I { a: Int = 1 }", SAFE, "INPUT_FIELD_DEFAULT_VALUE_ADDED", "I.a"),
    ('type Query { "A." a: Int }', 'type Query { "B." a: Int }', SAFE, "DESCRIPTION_CHANGED", "Query.a"),
    (
        QUERY + 'directive @d("A." x: Int) on FIELD',
        QUERY + 'directive @d("B." x: Int) on FIELD',
        SAFE,
        "DESCRIPTION_CHANGED",
        "@d(x:)",
    ),
    (
        "type Query { a(x: Int! = 1): Int }",
        "type Query { a(x: Int = 1): Int }",
        SAFE,
        "TYPE_RELAXED",
        "Query.a(x:)",
    ),
    (QUERY, 'type Query { a: Int @deprecated(reason: "Old.") }', SAFE, "DEPRECATION_ADDED", "Query.a"),
    ('type Query { a: Int @deprecated(reason: "Old.") }', QUERY, SAFE, "DEPRECATION_REMOVED", "Query.a"),
    (
        QUERY + 'enum E { V @deprecated(reason: "Old.") }',
        QUERY + 'enum E { V @deprecated(reason: "Older.") }',
        SAFE,
        "DEPRECATION_CHANGED",
        "E.V",
    ),
    (
        'directive @cost(weight: String!) on FIELD_DEFINITION type Query { a: Int @cost(weight: "1") }',
        'directive @cost(weight: String!) on FIELD_DEFINITION type Query { a: Int @cost(weight: "2") }',
        DANGEROUS,
        "APPLIED_DIRECTIVE_CHANGED",
        "Query.a",
    ),
    (
        "directive @tag on FIELD_DEFINITION type Query { a: Int }",
        "directive @tag on FIELD_DEFINITION type Query { a: Int @tag }",
        SAFE,
        "APPLIED_DIRECTIVE_CHANGED",
        "Query.a",
    ),
    (
        QUERY + 'scalar S @specifiedBy(url: "urn:a")',
        QUERY + 'scalar S @specifiedBy(url: "urn:b")',
        DANGEROUS,
        "SPECIFIED_BY_CHANGED",
        "S",
    ),
    (QUERY + "input I { a: Int }", QUERY + "input I @oneOf { a: Int }", BREAKING, "ONE_OF_ADDED", "I"),
    (QUERY + "input I @oneOf { a: Int }", QUERY + "input I { a: Int }", SAFE, "ONE_OF_REMOVED", "I"),
    (
        "schema { query: Query mutation: M } type Query { a: Int } type M { a: Int }",
        "schema { query: Query } type Query { a: Int } type M { a: Int }",
        BREAKING,
        "ROOT_REMOVED",
        "M",
    ),
    (
        "schema { query: Query } type Query { a: Int } type M { a: Int }",
        "schema { query: Query mutation: M } type Query { a: Int } type M { a: Int }",
        SAFE,
        "ROOT_ADDED",
        "M",
    ),
    (
        "schema { query: Query } type Query { a: Int } type Root { a: Int }",
        "schema { query: Root } type Query { a: Int } type Root { a: Int }",
        BREAKING,
        "ROOT_CHANGED",
        "Root",
    ),
]


@pytest.mark.parametrize(("before", "after", "severity", "kind", "coordinate"), KINDS)
def test_each_kind_of_change_is_judged_and_located(
    before: str, after: str, severity: Severity, kind: str, coordinate: str
) -> None:
    assert differences(before, after) == [(severity, kind, coordinate)]


def test_every_kind_of_graphql_core_has_an_example() -> None:
    known = {kind.name for group in (BreakingChangeType, DangerousChangeType, SafeChangeType) for kind in group}
    assert known - {kind for _, _, _, kind, _ in KINDS} == set()


def test_a_sentence_of_unknown_form_has_no_place() -> None:
    assert place("Something else happened.") is None


def test_equal_schemas_have_no_changes() -> None:
    assert differences(RICH, RICH) == []


@pytest.mark.parametrize("line", range(1, RICH.count("\n") + 1))
def test_no_removed_line_goes_unreported(line: int) -> None:
    lines = RICH.splitlines()
    try:
        current = schema_from("\n".join(lines[: line - 1] + lines[line:]), "the rest")
    except UnreadableSchema:
        return  # the line cannot go alone
    baseline = build_schema(RICH)
    changes = changes_between(baseline, current)
    known = elements(baseline).keys() | elements(current).keys()
    assert changes
    assert [change.coordinate for change in changes if change.coordinate not in known] == []


def test_the_worst_changes_come_first() -> None:
    found = differences(
        'type Query { a: Int b(x: Int = 1): Int "A." c: Int }', 'type Query { b(x: Int = 2): Int "C." c: Int }'
    )
    assert found == [
        (BREAKING, "FIELD_REMOVED", "Query.a"),
        (DANGEROUS, "ARG_DEFAULT_VALUE_CHANGE", "Query.b(x:)"),
        (SAFE, "DESCRIPTION_CHANGED", "Query.c"),
    ]
