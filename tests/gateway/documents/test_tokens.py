"""The count before the parse is the parser's own, and no text makes it slow."""

import time
from random import Random

import pytest
from graphql import get_introspection_query, parse
from hypothesis import given
from hypothesis import strategies as st

from gateway.documents.limits import DocumentLimits, structure
from gateway.documents.tokens import check_tokens
from gateway.errors import RequestRejected
from resolvers.billing.plans import DocumentBounds

PARTS = (
    "a",
    "b: a",
    'a(x: 1, y: [-1.5e+3 2], z: {k: "v", n: {m: $v}})',
    'a(s: "quote \\" : @ ( { # and \\\\")',
    'a(s: """block \\""" : @ " "" { ( # """)',
    "... on T @a(b: 1) { c @d }",
    "...F",
    '# : @ ( " """\n a',
    ",,\ufeff a\t",
    "a @include(if: $v) { b: c }",
)


def exactly(text: str, found: DocumentBounds) -> bool:
    """Whether the text passes these bounds, and none of them one lower."""
    check_tokens(text, found)
    for name in ("tokens", "aliases", "directives"):
        lower = DocumentBounds(**{each: getattr(found, each) - (each == name) for each in found.__struct_fields__})
        if getattr(lower, name) >= 0:
            with pytest.raises(RequestRejected):
                check_tokens(text, lower)
    return True


def bounds_of(text: str) -> DocumentBounds:
    found = structure(parse(text), DocumentLimits())
    return DocumentBounds(tokens=found.tokens, depth=found.depth, aliases=found.aliases, directives=found.directives)


@given(st.integers(0, 2**32))
def test_counts_are_those_of_the_parser(seed: int) -> None:
    random = Random(seed)  # noqa: S311  # a test's choice
    chosen = [random.choice(PARTS) for _ in range(random.randint(1, 20))]
    text = "query Q($v: Boolean = true @a) @q { " + " ".join(chosen) + " } fragment F on T @f { a }"
    assert exactly(text, bounds_of(text))


def test_counts_of_introspection_are_those_of_the_parser() -> None:
    assert exactly(get_introspection_query(), bounds_of(get_introspection_query()))


@pytest.mark.parametrize(
    "text",
    ['{ a(b: "', '{ a(b: """', "{ a ? b }", '{ a(b: "\n") }', "{ a(b: 'c') }", "{ é }", "{ a \x00 }", '{ "\\'],
)
def test_count_ends_where_no_token_begins(text: str) -> None:
    check_tokens(text + " a" * 100, DocumentBounds(tokens=20, depth=1, aliases=1, directives=1))


@pytest.mark.parametrize(
    "unit",
    ['"', '\\"', '"\\', '"""', '""" \\', "#", "-", "1e", ".", "..", "\ufeff", "a:", "@", "(", "{a", '"a" ', "é"],
)
def test_no_text_makes_it_slow(unit: str) -> None:
    text = ("{ a(b: " + unit * 262_144)[:262_144]
    roomy = DocumentBounds(tokens=10**6, depth=1, aliases=10**6, directives=10**6)
    started = time.thread_time()
    check_tokens(text, roomy)
    assert time.thread_time() - started < 1
