"""Allocation to the last digit, and sums that neither overflow nor round."""

from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.attribution.exact import (
    UNIT,
    allocated,
    decimal,
    decimal_text,
    evenly_allocated,
    proportional,
    rounded,
    shares,
)
from resolvers.attribution.sums import Sums

WEIGHTS = st.lists(st.integers(0, 10**30), min_size=1, max_size=20).filter(any)


def test_remainders_go_to_the_largest_and_of_equals_to_the_first() -> None:
    assert allocated(10, [1, 1, 1]) == [4, 3, 3]
    assert allocated(11, [1, 1, 1]) == [4, 4, 3]
    assert allocated(10, [1, 2, 4]) == [1, 3, 6]
    assert allocated(1, [0, 3, 0, 3]) == [0, 1, 0, 0]


@given(st.integers(0, 10**30), WEIGHTS)
def test_parts_sum_to_the_total_and_are_the_exact_share_rounded_up_or_down(total: int, weights: list[int]) -> None:
    parts = allocated(total, weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        exact = Fraction(total * weight, sum(weights))
        assert exact - 1 < part < exact + 1
        assert part >= 0
        assert part == 0 or weight > 0


@given(st.integers(0, 10**30), WEIGHTS)
def test_who_weighs_more_gets_no_less(total: int, weights: list[int]) -> None:
    pairs = sorted(zip(weights, allocated(total, weights), strict=True))
    for (lighter, less), (heavier, more) in pairwise(pairs):
        assert lighter == heavier or less <= more


def test_nothing_is_allocated_to_nobody_and_something_cannot_be() -> None:
    assert allocated(0, []) == []
    assert allocated(0, [0, 0]) == [0, 0]
    with pytest.raises(ValueError, match="nobody to allocate 3 to"):
        allocated(3, [0, 0])


@given(st.integers(0, 10**30), st.integers(1, 50))
def test_equal_weights_are_allocated_to_evenly(total: int, count: int) -> None:
    assert evenly_allocated(total, count) == allocated(total, [7] * count)


@pytest.mark.parametrize(
    ("units", "text"),
    [(0, "0"), (1, "0.000000000001"), (UNIT // 4, "0.25"), (UNIT, "1"), (10 * UNIT, "10"), (105 * UNIT // 10, "10.5")],
)
def test_text_has_neither_an_exponent_nor_zeros_at_its_end(units: int, text: str) -> None:
    assert decimal_text(units) == text
    assert Decimal(text) == decimal(units)


def test_decimals_are_exact_whatever_the_context() -> None:
    with localcontext(prec=3):
        assert str(decimal(123_456_789_012_345_678_901_234)) == "123456789012.345678901234"
        assert rounded(Fraction(2, 3)) == Decimal("0.666666666667")
        assert rounded(0.5) == Decimal("0.500000000000")


def test_integers_are_in_the_proportions_of_fractions_and_doubles() -> None:
    assert proportional([Fraction(1, 2), Fraction(1, 3), Fraction(0)]) == [3, 2, 0]
    assert proportional([0.75, 0.5]) == [3, 2]


def test_shares_of_nothing_are_equal() -> None:
    assert shares([0.0, 0.0, 0.0]) == [Decimal("0.333333333334"), Decimal("0.333333333333"), Decimal("0.333333333333")]
    assert shares([]) == []


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2**63 - 1)), max_size=30))
def test_sums_equal_those_of_python(entries: list[tuple[int, int]]) -> None:
    sums = Sums(4)
    groups = np.array([group for group, _ in entries], np.int64)
    sums.add(groups, np.array([amount for _, amount in entries], np.int64))
    expected = [sum(amount for group, amount in entries if group == wanted) for wanted in range(4)]
    assert sums.totals().tolist() == expected


def test_sums_beyond_what_doubles_and_63_bits_hold_are_exact() -> None:
    sums = Sums(1)
    for _ in range(3):
        sums.add(np.zeros(1000, np.int64), np.full(1000, 2**63 - 1, np.int64))
    assert sums.totals().tolist() == [3000 * (2**63 - 1)]


def test_more_than_a_slice_of_amounts_is_summed() -> None:
    sums = Sums(2)
    count = (1 << 21) + 5
    sums.add(np.arange(count) % 2, np.full(count, 2**31 - 1, np.int64))
    assert sums.totals().tolist() == [(count // 2 + 1) * (2**31 - 1), count // 2 * (2**31 - 1)]
