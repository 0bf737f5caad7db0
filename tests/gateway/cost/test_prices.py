"""Formulas are compiled once for what they depend on, and no longer used than their document."""

import gc
import weakref

import msgspec
import pytest

from gateway.cost.prices import Prices
from tests.gateway.cost.pricing import Priced, priced


@pytest.fixture
def schema() -> Priced:
    return priced("type Query { a(n: Int): T b: T } type T { t: T id: ID }")


def test_a_shape_is_compiled_once_for_all_variables(schema: Priced) -> None:
    query = "query($n: Int) { a(n: $n) { id } }"
    for n in range(5):
        schema.price(query, {"n": n})
    assert len(schema.prices) == 1


def test_steering_values_have_formulas_of_their_own_and_nonsense_does_not_fill_memory(schema: Priced) -> None:
    query = "query($s: Boolean!, $n: Int) { a(n: $n) @skip(if: $s) { id } b { id } }"
    for value in (True, False, True):
        schema.price(query, {"s": value})
    assert len(schema.prices) == 2
    for number in range(10):
        schema.price(query, {"s": number})
    assert len(schema.prices) == 3


def test_operations_of_one_document_are_priced_apart(schema: Priced) -> None:
    query = "query A { a { id } } query B { a { id t { id } } }"
    assert schema.price(query, operation="A").static == 3_000
    assert schema.price(query, operation="B").static == 5_000


def test_the_least_recently_used_formula_goes_first(schema: Priced) -> None:
    prices = Prices(schema.model, max_entries=2)
    one, two, three = (schema.document(f"{{ a(n: {n}) {{ id }} }}") for n in range(3))
    for document in (one, two, one, three):
        prices.price(document, document.operation(None), {})
    assert len(prices) == 2
    assert prices._formulas.keys() == {(one.hash, None, ()), (three.hash, None, ())}


def test_large_documents_and_many_steering_values_do_not_fill_memory(schema: Priced) -> None:
    large = schema.document("{ " + " ".join(f"a{n}: a(n: {n}) {{ id }}" for n in range(30)) + " }")
    steered = schema.document(
        "query(" + " ".join(f"$s{n}: Boolean!" for n in range(8)) + ") { "
        + " ".join(f"a{n}: a @skip(if: $s{n}) {{ id }}" for n in range(8)) + " b { id } }"
    )  # fmt: skip
    prices = Prices(schema.model, max_bytes=400_000)
    for number in range(256):
        variables = {f"s{bit}": bool(number >> bit & 1) for bit in range(8)}
        prices.price(steered, steered.operation(None), variables)
    kept = len(prices)
    assert 2 < kept < 20
    prices.price(large, large.operation(None), {})
    assert 0 < len(prices) < kept
    assert prices.price(large, large.operation(None), {})._formula is list(prices._formulas.values())[-1][0]


def test_what_steers_keeps_no_document_alive(schema: Priced) -> None:
    prices = Prices(schema.model, max_entries=1)
    first = schema.document("query($s: Boolean!) { a @skip(if: $s) { id } b { id } }")
    other = schema.document("{ b { id } }")
    prices.price(first, first.operation(None), {"s": True})
    held = weakref.ref(first.node)
    schema.documents._entries.clear()
    del first
    assert held() is not None
    prices.price(other, other.operation(None), {})
    gc.collect()
    assert held() is None


def test_a_document_that_was_parsed_anew_is_compiled_anew(schema: Priced) -> None:
    # Its nodes are others, by which execution counts.
    document = schema.document("{ a { id } }")
    [field] = document.operation(None).selection_set.selections
    again = priced("type Query { a(n: Int): T b: T } type T { t: T id: ID }").document("{ a { id } }")
    assert again.hash == document.hash
    first = schema.prices.price(document, document.operation(None), {})
    second = schema.prices.price(again, again.operation(None), {})
    assert first._formula is not second._formula
    assert second._formula.document is again.node
    assert len(schema.prices) == 1
    assert msgspec.structs.replace(document).node is document.node
    assert field in document.node.definitions[0].selection_set.selections  # type: ignore[attr-defined]  # an operation
