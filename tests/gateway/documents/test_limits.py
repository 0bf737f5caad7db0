"""The structural walk: bounds that hold, and real clients that pass."""

import time

import pytest
from graphql import build_schema, get_introspection_query, parse
from prometheus_client import CollectorRegistry

from gateway.documents.documents import Documents
from gateway.documents.limits import DocumentLimits, Structure, check_bounds, structure
from gateway.errors import RequestRejected
from ops.telemetry.metrics import DocumentMetrics
from resolvers.billing.plans import PLANS, DocumentBounds, PlanName

LIMITS = DocumentLimits()


def code_of(text: str, limits: DocumentLimits = LIMITS) -> str:
    with pytest.raises(RequestRejected) as caught:
        structure(parse(text), limits)
    return caught.value.code


def test_fields_count_once_for_each_spread() -> None:
    text = "{ a { ...F } b { ...F } } fragment F on T { x { y } }"
    assert structure(parse(text), DocumentLimits(fields=10)) == Structure(
        tokens=22, depth=3, aliases=0, directives=0, introspects=False
    )
    assert code_of(text, DocumentLimits(fields=9)) == "TOO_MANY_FIELDS"


def test_introspection_query_of_graphiql_fits_the_defaults() -> None:
    text = get_introspection_query(specified_by_url=True, directive_is_repeatable=True, input_value_deprecation=True)
    found = structure(parse(text, max_tokens=LIMITS.tokens), LIMITS)
    assert found.introspects
    assert found.depth <= 16


@pytest.mark.parametrize(
    ("text", "introspects"),
    [
        ("{ __typename }", False),
        ("{ alias: __schema { description } }", True),
        ('{ ...F } fragment F on Query { ... { __type(name: "A") { name } } }', True),
        ("{ __schemas }", False),
    ],
)
def test_introspection_is_seen_through_aliases_and_fragments(text: str, introspects: bool) -> None:
    assert structure(parse(text), LIMITS).introspects == introspects


@pytest.mark.parametrize(("levels", "passes"), [(24, True), (25, False)])
def test_depth_is_the_number_of_nested_fields(levels: int, passes: bool) -> None:
    text = "{ a " * levels + "}" * levels
    if passes:
        assert structure(parse(text), LIMITS).depth == levels
    else:
        assert code_of(text) == "DOCUMENT_TOO_DEEP"


def test_depth_counts_through_fragments() -> None:
    text = "{ a { ...F } } fragment F on T { b { c } }"
    assert structure(parse(text), DocumentLimits(depth=3)).depth == 3
    assert code_of(text, DocumentLimits(depth=2)) == "DOCUMENT_TOO_DEEP"


@pytest.mark.parametrize(
    "text",
    [
        "{ ...A } fragment A on Query { ...A }",
        "{ a { ...A } } fragment A on T { a { ...A } }",
        "query A { a { ...B } } fragment B on T { ... { ...C } } fragment C on T { ...B }",
    ],
)
def test_cycle_of_fragments_ends(text: str) -> None:
    assert code_of(text) == "DOCUMENT_TOO_DEEP"


def test_fragments_that_multiply_end() -> None:
    text = "{ ...F0 }" + "".join(f" fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(40))
    assert code_of(text + " fragment F40 on Query { a }") == "TOO_MANY_FIELDS"


@pytest.mark.parametrize(
    "text",
    [
        "{ " + "a " * 200 + "}",
        "{ " + "... { a } " * 200 + "}",
        "{ " + "a { b } " * 200 + "}",
        "{ "
        + " ".join(f"...F{n}" for n in range(150))
        + " }"
        + "".join(f" fragment F{n} on Query {{ a {{ b }} }}" for n in range(150)),
    ],
)
def test_repeated_fields_that_validation_would_compare_are_refused(text: str) -> None:
    assert code_of(text) == "TOO_MANY_FIELDS"


def test_component_fragments_that_repeat_ids_pass() -> None:
    names = range(30)
    text = "{ item { " + " ".join(f"...F{n}" for n in names) + " } }"
    text += "".join(f" fragment F{n} on Item {{ id name owner {{ id name }} own{n} }}" for n in names)
    assert structure(parse(text), LIMITS).depth == 3


@pytest.mark.parametrize(("count", "passes"), [(100, True), (101, False)])
def test_aliases_are_bounded(count: int, passes: bool) -> None:
    text = "{ " + " ".join(f"a{n}: b" for n in range(count)) + " }"
    if passes:
        assert structure(parse(text), LIMITS).aliases == count
    else:
        assert code_of(text) == "TOO_MANY_ALIASES"


def test_directives_are_bounded_wherever_they_stand() -> None:
    text = "query ($v: Int @a @a) @a { b @a ... @a { c } ...F @a } fragment F on Q @a { d }"
    assert structure(parse(text), DocumentLimits(directives=7)).directives == 7
    assert code_of(text, DocumentLimits(directives=6)) == "TOO_MANY_DIRECTIVES"


BOUNDS = DocumentBounds(tokens=20, depth=3, aliases=2, directives=1)


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("{ " + "a " * 17 + "}", None, ""),
        ("{ " + "a " * 18 + "}", None, ""),
        ("{ " + "a " * 19 + "}", "TOO_MANY_TOKENS", "The document has 21 tokens; the plan allows 20."),
        ("{ a { b { c } } }", None, ""),
        (
            "{ a { b { c { d } } } }",
            "DOCUMENT_TOO_DEEP",
            "The document has 4 levels of depth; the plan allows 3.",
        ),
        ("{ x: a y: a }", None, ""),
        ("{ x: a y: a z: a }", "TOO_MANY_ALIASES", "The document has 3 aliases; the plan allows 2."),
        ("{ a @a }", None, ""),
        ("{ a @a @b }", "TOO_MANY_DIRECTIVES", "The document has 2 directives; the plan allows 1."),
    ],
)
def test_bounds_of_a_plan_are_checked_with_the_structure(text: str, code: str | None, message: str) -> None:
    found = structure(parse(text), DocumentLimits())
    if code is None:
        check_bounds(found, BOUNDS)
        return
    with pytest.raises(RequestRejected) as caught:
        check_bounds(found, BOUNDS)
    assert (caught.value.code, caught.value.errors[0].message) == (code, message)


def test_no_plan_allows_more_than_everybodys_limits() -> None:
    for plan in PLANS.values():
        assert plan.bounds.tokens <= LIMITS.tokens
        assert plan.bounds.depth <= LIMITS.depth
        assert plan.bounds.aliases <= LIMITS.aliases
        assert plan.bounds.directives <= LIMITS.directives


@pytest.mark.parametrize("options", ["fewest", "all"])
def test_introspection_of_graphiql_and_of_code_generators_fits_the_smallest_plan(options: str) -> None:
    text = get_introspection_query()
    if options == "all":
        text = get_introspection_query(
            descriptions=True,
            specified_by_url=True,
            directive_is_repeatable=True,
            schema_description=True,
            input_value_deprecation=True,
            experimental_directive_deprecation=True,
            one_of=True,
        )
    documents = Documents(build_schema("type Query { a: Int }"), LIMITS, DocumentMetrics(CollectorRegistry()))
    check_bounds(documents.document(text, hide_suggestions=False).structure, PLANS[PlanName.FREE].bounds)


@pytest.mark.parametrize("literal", ['"a\\u0000b"', '{k: ["\\u0000"]}'])
def test_nul_in_a_literal_is_bad_user_input(literal: str) -> None:
    assert code_of(f"{{ a(b: {literal}) }}") == "BAD_USER_INPUT"


def test_walk_of_the_largest_document_is_quick() -> None:
    text = "{ " + " ".join(f"f{n}(a: [1, 2])" for n in range(500)) + " }"
    document = parse(text)
    started = time.thread_time()
    structure(document, LIMITS)
    assert time.thread_time() - started < 0.25
