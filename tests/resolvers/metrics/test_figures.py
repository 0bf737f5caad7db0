from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.metrics.figures import CurrencyFigures, Ledger, Value, figures, ratio, shown

NUMBERS = st.integers(min_value=0, max_value=10**18)


def ledger(**values: object) -> Ledger:
    known = {
        "currency": "EUR",
        "impressions": 3_000,
        "visits": 40,
        "conversions": Decimal("2.5"),
        "spend": Fraction(7_500),
        "revenue": Value(Decimal(15_000), 3),
    }
    return Ledger(**{**known, **values})  # type: ignore[arg-type]  # the test's own values


def test_every_figure_by_hand() -> None:
    assert figures(ledger()) == CurrencyFigures(
        currency="EUR",
        impressions=3_000,
        visits=40,
        conversions=Decimal("2.5"),
        spend=Decimal(7_500),
        revenue=Decimal(15_000),
        cpm=Decimal(2_500),
        cpv=Decimal("187.5"),
        cpa=Decimal(3_000),
        aov=Decimal(5_000),
        roas=Decimal(2),
    )


@pytest.mark.parametrize(
    ("values", "nulls"),
    [
        ({"impressions": 0}, {"cpm"}),
        ({"visits": 0}, {"cpv"}),
        ({"conversions": Decimal(0)}, {"cpa"}),
        ({"conversions": None}, {"conversions", "cpa"}),
        ({"spend": Fraction(0)}, {"roas"}),
        ({"spend": None}, {"spend", "cpm", "cpv", "cpa", "roas"}),
        ({"revenue": Value(Decimal(0), 0)}, {"aov"}),
        ({"revenue": Value(Decimal(5), None)}, {"aov"}),
        ({"revenue": None}, {"revenue", "aov", "roas"}),
    ],
)
def test_a_figure_without_a_denominator_is_null_and_the_others_are_not(
    values: dict[str, object], nulls: set[str]
) -> None:
    found = figures(ledger(**values))
    assert {name for name in CurrencyFigures.__struct_fields__ if getattr(found, name) is None} == nulls


def test_no_spend_is_zero_and_not_null_per_impression() -> None:
    assert figures(ledger(spend=Fraction(0))).cpm == 0


@given(NUMBERS, st.integers(min_value=1, max_value=10**18))
def test_a_ratio_is_exact_to_half_of_the_12th_decimal(above: int, below: int) -> None:
    found = ratio(above, below)
    assert found is not None
    assert found.as_tuple().exponent == -12
    assert abs(Fraction(found) - Fraction(above, below)) <= Fraction(1, 2 * 10**12)


@given(st.decimals(min_value=-(10**28), max_value=10**28, places=12))
def test_a_decimal_of_12_places_is_shown_as_it_is(number: Decimal) -> None:
    assert shown(number) == number


@pytest.mark.parametrize(("tenths", "rounded"), [(5, 0), (15, 2), (25, 2), (-5, 0), (-15, -2), (26, 3)])
def test_halves_of_the_last_decimal_go_to_the_even_one(tenths: int, rounded: int) -> None:
    assert shown(Fraction(tenths, 10**13)) == Decimal(rounded).scaleb(-12)
