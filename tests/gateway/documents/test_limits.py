"""The structural walk: bounds that hold, and real clients that pass."""

import time

import pytest
from graphql import get_introspection_query, parse

from gateway.documents.limits import DocumentLimits, Structure, structure
from gateway.errors import RequestRejected

LIMITS = DocumentLimits()


def code_of(text: str, limits: DocumentLimits = LIMITS) -> str:
    with pytest.raises(RequestRejected) as caught:
        structure(parse(text), limits)
    return caught.value.code


def test_fields_count_once_for_each_spread() -> None:
    text = "{ a { ...F } b { ...F } } fragment F on T { x { y } }"
    assert structure(parse(text), LIMITS) == Structure(depth=3, fields=10, introspects=False)


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
        assert structure(parse(text), LIMITS).fields == count
    else:
        assert code_of(text) == "TOO_MANY_ALIASES"


def test_directives_are_bounded_wherever_they_stand() -> None:
    text = "query ($v: Int @a @a) @a { b @a ... @a { c } ...F @a } fragment F on Q @a { d }"
    assert structure(parse(text), DocumentLimits(directives=7)).fields == 6
    assert code_of(text, DocumentLimits(directives=6)) == "TOO_MANY_DIRECTIVES"


@pytest.mark.parametrize("literal", ['"a\\u0000b"', '{k: ["\\u0000"]}'])
def test_nul_in_a_literal_is_bad_user_input(literal: str) -> None:
    assert code_of(f"{{ a(b: {literal}) }}") == "BAD_USER_INPUT"


def test_walk_of_the_largest_document_is_quick() -> None:
    text = "{ " + " ".join(f"f{n}(a: [1, 2])" for n in range(500)) + " }"
    document = parse(text)
    started = time.thread_time()
    structure(document, LIMITS)
    assert time.thread_time() - started < 0.25
