"""The cache of documents."""

import pytest
from graphql import build_schema
from prometheus_client import CollectorRegistry

from gateway.documents.documents import SPARE_BYTES, Documents
from gateway.documents.limits import DocumentLimits
from gateway.errors import RequestRejected
from ops.telemetry.metrics import DocumentMetrics

SCHEMA = build_schema("type Query { hello(n: Int): String }")


def documents(*, max_entries: int = 10, max_bytes: int = 1_000_000) -> Documents:
    metrics = DocumentMetrics(CollectorRegistry())
    return Documents(SCHEMA, DocumentLimits(), metrics, max_entries=max_entries, max_bytes=max_bytes)


def test_same_text_is_parsed_once() -> None:
    cache = documents()
    first = cache.document("{ hello }", hide_suggestions=False)
    assert cache.document("{ hello }", hide_suggestions=True) is first
    assert first.hash == "001c3174e099bd72b729d0c0a529ba9f5a740c446e2a6e1d71b283cb84ec3065"


def test_least_recently_used_document_goes_first() -> None:
    cache = documents(max_entries=2)
    first = cache.document("{ a: hello }", hide_suggestions=False)
    second = cache.document("{ b: hello }", hide_suggestions=False)
    assert cache.document("{ a: hello }", hide_suggestions=False) is first
    cache.document("{ c: hello }", hide_suggestions=False)
    assert len(cache) == 2
    assert cache.document("{ a: hello }", hide_suggestions=False) is first
    assert cache.document("{ b: hello }", hide_suggestions=False) is not second


def test_bytes_of_text_are_bounded() -> None:
    size = len("{ hello(n: 10) }") + SPARE_BYTES
    cache = documents(max_bytes=3 * size)
    for number in range(10, 30):
        cache.document(f"{{ hello(n: {number}) }}", hide_suggestions=False)
    assert len(cache) == 3


@pytest.mark.parametrize("text", ["{", "{ nothing }", "{ hello @nothing }"])
def test_refused_texts_are_not_kept(text: str) -> None:
    cache = documents()
    with pytest.raises(RequestRejected):
        cache.document(text, hide_suggestions=True)
    assert len(cache) == 0


@pytest.mark.parametrize(
    "text",
    [
        "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }",
        "{ ...A } fragment A on Query { __schema { types { ...B } } }"
        " fragment B on __Type { fields { type { ...C } } }"
        " fragment C on __Type { fields { type { interfaces { name } } } }",
        '{ __type(name: "Query") { possibleTypes { possibleTypes { possibleTypes { name } } } } }',
    ],
)
def test_introspection_that_goes_in_circles_is_refused(text: str) -> None:
    with pytest.raises(RequestRejected) as caught:
        documents().document(text, hide_suggestions=True)
    assert caught.value.code == "INTROSPECTION_TOO_DEEP"
    assert [error.message for error in caught.value.errors] == ["Maximum introspection depth exceeded"]


@pytest.mark.parametrize("text", ["{ hello " * 900, "{ hello(n: " + "[" * 1_000 + "]" * 1_000 + ") }"])
def test_nesting_that_cannot_be_parsed_is_too_deep(text: str) -> None:
    with pytest.raises(RequestRejected) as caught:
        documents().document(text, hide_suggestions=True)
    assert caught.value.code == "DOCUMENT_TOO_DEEP"


def test_unpaired_surrogate_is_a_parse_error() -> None:
    with pytest.raises(RequestRejected) as caught:
        documents().document("{ hello } # \ud800", hide_suggestions=True)
    assert caught.value.code == "GRAPHQL_PARSE_FAILED"


def test_suggestions_are_shown_to_those_who_may_know() -> None:
    messages = []
    for hide in (False, True):
        with pytest.raises(RequestRejected) as caught:
            documents().document("{ helo }", hide_suggestions=hide)
        messages.append(caught.value.errors[0].message)
    assert messages == [
        "Cannot query field 'helo' on type 'Query'. Did you mean 'hello'?",
        "Cannot query field 'helo' on type 'Query'.",
    ]
