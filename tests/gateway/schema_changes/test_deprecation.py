"""The deprecation policy: what may go, when, and what must be said before."""

from datetime import date

import pytest
from graphql import build_schema

from gateway.schema_changes.change import Severity
from gateway.schema_changes.classification import changes_between
from gateway.schema_changes.deprecation import Violation, expired_deprecations, removal_date, violations
from gateway.schema_changes.elements import Coordinate, elements
from tests.gateway.schema_changes.samples import QUERY, RICH, TODAY, differences

BREAKING, DANGEROUS, SAFE = Severity.BREAKING, Severity.DANGEROUS, Severity.SAFE


def breaches(before: str, after: str) -> tuple[Violation, ...]:
    return violations(elements(build_schema(before)), elements(build_schema(after)), TODAY)


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
