"""The judgement of schema changes, on small schemas."""

from datetime import date

import pytest
from graphql import build_schema
from graphql.utilities.find_schema_changes import BreakingChangeType, DangerousChangeType, SafeChangeType

from gateway.schema_changes.change import Severity
from gateway.schema_changes.classification import changes_between, place
from gateway.schema_changes.deprecation import Violation, expired_deprecations, removal_date, violations
from gateway.schema_changes.elements import Coordinate, UnreadableSchema, elements, line_of, owner, schema_from

BREAKING, DANGEROUS, SAFE = Severity.BREAKING, Severity.DANGEROUS, Severity.SAFE
TODAY = date(2026, 6, 1)
QUERY = "type Query { a: Int } "

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

RICH = '''"""Prices."""
directive @cost(
  """Points."""
  weight: String!
) on FIELD_DEFINITION
interface Node {
  id: ID!
}
"""A show."""
type Podcast implements Node {
  id: ID!
  title(
    """Characters."""
    length: Int! = 3
  ): String @cost(weight: "2")
  explicit: Boolean @deprecated(reason: "Use rating instead; removed after 2026-01-31.")
}
type Problem {
  code: String!
}
union Result =
  | Podcast
  | Problem
enum Order {
  NEWEST
  OLDEST
}
input Filter {
  title: String = "a"
  order: Order
}
type Query {
  node(id: ID!): Node
  podcasts(filter: Filter): [Result!]!
}
'''


def differences(before: str, after: str, today: date = TODAY) -> list[tuple[Severity, str, str | None]]:
    """Severity, kind and coordinate of every change."""
    baseline, current = build_schema(before), build_schema(after)
    excuses = (expired_deprecations(elements(baseline), today),)
    return [(change.severity, change.kind, change.coordinate) for change in changes_between(baseline, current, excuses)]


def breaches(before: str, after: str) -> tuple[Violation, ...]:
    return violations(elements(build_schema(before)), elements(build_schema(after)), TODAY)


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


@pytest.mark.parametrize(
    ("today", "severity"),
    [(date(2026, 1, 30), BREAKING), (date(2026, 1, 31), BREAKING), (date(2026, 2, 1), DANGEROUS)],
)
def test_a_deprecated_field_may_go_after_its_date(today: date, severity: Severity) -> None:
    after = "\n".join(line for line in RICH.splitlines() if "explicit" not in line)
    found = differences(RICH, after, today)
    assert found[0] == (severity, "FIELD_REMOVED", "Podcast.explicit")
    # Boolean was used nowhere else; what used it was judged on its own.
    assert found[1:] == []


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (
            'type Query { a(x: Int @deprecated(reason: "Use y instead. 2026-01-01")): Int }',
            QUERY,
            "ARG_REMOVED",
        ),
        (
            QUERY + 'enum E { V W @deprecated(reason: "Use V instead. 2026-01-01") }',
            QUERY + "enum E { V }",
            "VALUE_REMOVED_FROM_ENUM",
        ),
        (
            QUERY + 'input I { a: Int b: Int @deprecated(reason: "Use a instead. 2026-01-01") }',
            QUERY + "input I { a: Int }",
            "FIELD_REMOVED",
        ),
    ],
)
def test_whatever_can_be_deprecated_may_go_after_its_date(before: str, after: str, kind: str) -> None:
    (found,) = differences(before, after)
    assert found[:2] == (DANGEROUS, kind)


def test_a_deprecation_added_with_the_removal_is_no_excuse() -> None:
    baseline = build_schema("type Query { a: Int b: Int }")
    (change,) = changes_between(baseline, build_schema(QUERY), (expired_deprecations(elements(baseline), TODAY),))
    assert (change.severity, change.excuse) == (BREAKING, None)


def test_the_excuse_says_why_a_removal_is_allowed() -> None:
    baseline = build_schema('type Query { a: Int b: Int @deprecated(reason: "Use a instead; until 2026-01-01.") }')
    (change,) = changes_between(baseline, build_schema(QUERY), (expired_deprecations(elements(baseline), TODAY),))
    assert change.excuse == "deprecated until 2026-01-01"


def test_evidence_of_another_kind_excuses_a_removal_too() -> None:
    baseline, current = build_schema("type Query { a: Int b: Int c: Int }"), build_schema(QUERY)
    unused = {Coordinate("Query.b"): "nobody has used it for 90 days"}
    found = changes_between(baseline, current, (unused.get,))
    assert [(change.coordinate, change.severity, change.excuse) for change in found] == [
        ("Query.c", BREAKING, None),
        ("Query.b", DANGEROUS, "nobody has used it for 90 days"),
    ]


def test_types_reached_only_by_excused_fields_may_go_even_when_they_refer_to_each_other() -> None:
    before = """
    type Query { a: Int old: Old @deprecated(reason: "Use a instead. 2026-01-01") }
    type Old { older: Older }
    type Older { old: Old price: Float }
    """
    assert differences(before, QUERY) == [
        (DANGEROUS, "TYPE_REMOVED", "Old"),
        (DANGEROUS, "TYPE_REMOVED", "Older"),
        (DANGEROUS, "FIELD_REMOVED", "Query.old"),
        (SAFE, "TYPE_REMOVED", "Float"),
    ]


def test_a_type_that_a_living_field_returned_may_not_go() -> None:
    before = """
    type Query { a: Int old: Old @deprecated(reason: "Use a instead. 2026-01-01") other: Old }
    type Old { a: Int }
    """
    assert differences(before, QUERY) == [
        (BREAKING, "TYPE_REMOVED", "Old"),
        (BREAKING, "FIELD_REMOVED", "Query.other"),
        (DANGEROUS, "FIELD_REMOVED", "Query.old"),
    ]


def test_a_type_behind_a_living_interface_may_not_go() -> None:
    before = """
    interface Node { id: ID! } type Query { a: Int node: Node }
    type Kept implements Node { id: ID! } type Gone implements Node { id: ID! }
    """
    after = before.replace("type Gone implements Node { id: ID! }", "")
    assert differences(before, after) == [(BREAKING, "TYPE_REMOVED", "Gone")]


def test_a_retyped_field_does_not_excuse_the_removal_of_its_type() -> None:
    before, after = "type Query { a: T } type T { a: Int }", "type Query { a: Int }"
    assert differences(before, after) == [(BREAKING, "FIELD_CHANGED_KIND", "Query.a"), (BREAKING, "TYPE_REMOVED", "T")]


def test_the_input_of_a_removed_field_goes_with_it() -> None:
    before = """
    type Query { a: Int old(filter: Filter): Int @deprecated(reason: "Use a instead. 2026-01-01") }
    input Filter { a: Int }
    """
    assert differences(before, QUERY) == [
        (DANGEROUS, "TYPE_REMOVED", "Filter"),
        (DANGEROUS, "FIELD_REMOVED", "Query.old"),
    ]


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("Use b instead; removed after 2027-01-31.", date(2027, 1, 31)),
        ("2026-01-01, or rather 2027-01-01", date(2027, 1, 1)),
        ("Use b instead; removed after 2027-02-30.", None),
        ("ticket 12027-01-31", None),
        ("No longer supported", None),
    ],
)
def test_the_removal_date_is_the_last_date_of_the_calendar_that_a_reason_names(
    reason: str, expected: date | None
) -> None:
    assert removal_date(reason) == expected


def test_a_deprecation_names_a_replacement_and_a_date() -> None:
    at = Coordinate("Query.a")
    assert breaches(QUERY, "type Query { a: Int @deprecated b: Int }") == (
        Violation(at, 'The reason of @deprecated must say what replaces it: "Use X instead".'),
        Violation(at, "The reason of @deprecated must name the date of removal as YYYY-MM-DD."),
    )
    assert breaches(QUERY, 'type Query { a: Int @deprecated(reason: "Use b instead, 2026-12-01.") b: Int }') == ()


@pytest.mark.parametrize(("removal", "allowed"), [("2026-05-31", False), ("2026-06-01", False), ("2026-06-02", True)])
def test_a_new_deprecation_gives_notice(removal: str, allowed: bool) -> None:
    after = f'type Query {{ a: Int @deprecated(reason: "Use b instead. {removal}") b: Int }}'
    assert (breaches(QUERY, after) == ()) is allowed


def test_an_overdue_deprecation_may_stand() -> None:
    overdue = 'type Query { a: Int @deprecated(reason: "Use b instead. 2026-01-01") b: Int }'
    assert breaches(overdue, overdue) == ()


def test_bringing_the_date_forward_gives_notice_again() -> None:
    later = 'type Query { a: Int @deprecated(reason: "Use b instead. 2027-01-01") b: Int }'
    (found,) = breaches(later, later.replace("2027", "2026"))
    assert found.coordinate == "Query.a"


def test_lines_are_those_of_the_name_not_of_its_description() -> None:
    lines = elements(build_schema(RICH))
    assert lines[Coordinate("Podcast")].line == 10
    assert lines[Coordinate("Podcast.title(length:)")].line == 14
    assert lines[Coordinate("@cost(weight:)")].line == 4


def test_what_is_gone_is_shown_at_the_nearest_owner_that_is_left() -> None:
    lines = elements(build_schema(RICH))
    assert line_of(Coordinate("Podcast.title(gone:)"), lines) == 12
    assert line_of(Coordinate("Podcast.gone(x:)"), lines) == 10
    assert line_of(Coordinate("Gone.field"), lines) == 1
    assert line_of(None, lines) == 1


def test_owners_lead_from_an_argument_to_its_type() -> None:
    assert owner(Coordinate("T.f(a:)")) == "T.f"
    assert owner(Coordinate("T.f")) == "T"
    assert owner(Coordinate("@d(a:)")) == "@d"
    assert owner(Coordinate("T")) is None


@pytest.mark.parametrize(
    ("sdl", "message"),
    [
        ("", "here is not a valid schema: Syntax Error: Unexpected <EOF>. (line 1)"),
        ("type Query {", "here is not a valid schema: Syntax Error: Expected Name, found <EOF>. (line 1)"),
        ("type Query { a: Nothing }", "here is not a valid schema: Unknown type 'Nothing'. Did you mean 'String'?"),
        ("type T { a: Int }", "here is not a valid schema: Query root type must be provided."),
    ],
)
def test_text_that_is_no_schema_is_one_sentence(sdl: str, message: str) -> None:
    with pytest.raises(UnreadableSchema) as refused:
        schema_from(sdl, "here")
    assert str(refused.value) == message
