"""Exact sums and stable hashes, without a database."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from persistence.ids import PlacementId
from resolvers.attribution.paths import Credits, PathCounts
from resolvers.runs.calculations import ModelChoice
from resolvers.runs.decimals import exact_difference, exact_sum
from resolvers.runs.results import InexactCredits, Totals, Value, refuse_inexact, result_hash, totals

PATHS = PathCounts(
    node_count=2,
    nodes=np.array([0, 1, 0], np.int32),
    offsets=np.array([0, 2, 2, 3]),
    conversions=np.array([3, 2, 1]),
    nulls=np.array([0, 0, 0]),
    values={"USD": np.array([100, 7, 2**53]), "EUR": np.array([0, 5, 0])},
)
MODEL = ModelChoice("LINEAR", 1, {"b": "1", "a": "2"})
CREDITS = Credits([Decimal("2.5"), Decimal("1.5")], {"EUR": [Decimal(0), Decimal(0)], "USD": [Decimal(1), Decimal(2)]})
PLACEMENTS = [PlacementId(4), PlacementId(9)]
HASH = "7b41d98955ae0236f9d2597839b2d66913d7049eac903a215367c21a7ecd1c20"


def test_totals_tell_paths_from_conversions_without_one() -> None:
    whole = totals(PATHS)
    assert (whole.conversions, whole.attributed_conversions, whole.unattributed_conversions) == (6, 4, 2)
    assert whole.values == (Value("EUR", 0, 5), Value("USD", 100 + 2**53, 7))


@pytest.mark.parametrize(
    ("whole", "message"),
    [
        (Totals(5, 0, (Value("EUR", 0, 0), Value("USD", 3, 0))), "credits of conversions sum to 4.0, not to 5"),
        (Totals(4, 0, (Value("EUR", 0, 0), Value("USD", 4, 0))), "credits of USD sum to 3, not to 4"),
        (Totals(4, 0, (Value("USD", 3, 0),)), "credits in EUR, in which nothing was earned"),
        (
            Totals(4, 0, (Value("EUR", 0, 0), Value("JPY", 1, 0), Value("USD", 3, 0))),
            "credits of JPY sum to 0, not to 1",
        ),
    ],
)
def test_credits_that_do_not_sum_are_refused(whole: Totals, message: str) -> None:
    with pytest.raises(InexactCredits, match=message):
        refuse_inexact(CREDITS, whole)


def test_credits_that_sum_pass_with_more_digits_than_a_decimal_context_has() -> None:
    large = Decimal("123456789012345678901234567890.123456789012")
    rest = Decimal("0.876543210988")
    refuse_inexact(Credits([large, rest], {}), Totals(123456789012345678901234567891, 0, ()))


@given(st.lists(st.integers(-(10**50), 10**50), max_size=20), st.integers(-20, 0))
def test_sums_and_differences_keep_every_digit(units: list[int], exponent: int) -> None:
    def amount(unit: int) -> Decimal:
        return Decimal(f"{unit}e{exponent}")

    assert exact_sum(map(amount, units)) == amount(sum(units))
    assert exact_difference(amount(sum(units)), amount(units[0] if units else 0)) == amount(sum(units[1:]))


def test_hash_is_the_same_for_ever() -> None:
    assert result_hash(MODEL, "00", CREDITS, PLACEMENTS) == HASH


def test_hash_does_not_depend_on_the_order_of_parameters() -> None:
    turned = ModelChoice("LINEAR", 1, {"a": "2", "b": "1"})
    assert result_hash(turned, "00", CREDITS, PLACEMENTS) == HASH


@pytest.mark.parametrize(
    ("model", "paths", "credits", "placements"),
    [
        (ModelChoice("LAST_TOUCH", 1, MODEL.parameters), "00", CREDITS, PLACEMENTS),
        (ModelChoice("LINEAR", 2, MODEL.parameters), "00", CREDITS, PLACEMENTS),
        (ModelChoice("LINEAR", 1, {"a": "2", "b": "2"}), "00", CREDITS, PLACEMENTS),
        (MODEL, "01", CREDITS, PLACEMENTS),
        (MODEL, "00", Credits([Decimal("1.5"), Decimal("2.5")], CREDITS.values), PLACEMENTS),
        (MODEL, "00", Credits(CREDITS.conversions, CREDITS.values, [Decimal(0), Decimal(1)]), PLACEMENTS),
        (MODEL, "00", Credits(CREDITS.conversions, {"USD": CREDITS.values["USD"]}), PLACEMENTS),
        (MODEL, "00", CREDITS, [PlacementId(4), PlacementId(10)]),
    ],
)
def test_hash_changes_with_everything_that_it_is_of(
    model: ModelChoice, paths: str, credits: Credits, placements: list[PlacementId]
) -> None:
    assert result_hash(model, paths, credits, placements) != HASH
