"""The models that look at one path at a time, computed by hand. WHOLE has 12 conversions and 60.00 EUR."""

from decimal import Decimal

import pytest

from resolvers.attribution.paths import Credits
from resolvers.attribution.registry import chosen
from tests.resolvers.attribution.path_sets import Journey, counted

WEEK = 7 * 86_400
WHOLE = [
    Journey((0, 1, 2, 1), conversions=3, nulls=4, value=1000, ages=(2 * WEEK, WEEK, WEEK, 0)),
    Journey((2, 0), conversions=2, value=2000, ages=(3 * WEEK, 2 * WEEK)),
    Journey((1,), conversions=7, value=3000, ages=(WEEK,)),
    Journey((2, 2, 2), conversions=0, nulls=9, ages=(3, 2, 1)),
    Journey((), conversions=5, value=777),
]


def credited(kind: str, **parameters: str) -> Credits:
    return chosen(kind, None, parameters).credits(counted(WHOLE, 4))


def digits(amounts: list[Decimal]) -> list[str]:
    return [f"{amount:f}" for amount in amounts]


@pytest.mark.parametrize(
    ("kind", "parameters", "conversions", "values"),
    [
        (
            "FIRST_TOUCH",
            {},
            ["3.000000000000", "7.000000000000", "2.000000000000"],
            ["1000.000000000000", "3000.000000000000", "2000.000000000000"],
        ),
        (
            "LAST_TOUCH",
            {},
            ["2.000000000000", "10.000000000000", "0.000000000000"],
            ["2000.000000000000", "4000.000000000000", "0.000000000000"],
        ),
        (  # 3/4 + 2/2, 3 · 2/4 + 7, 3/4 + 2/2
            "LINEAR",
            {},
            ["1.750000000000", "8.500000000000", "1.750000000000"],
            ["1250.000000000000", "3500.000000000000", "1250.000000000000"],
        ),
        (  # 3/3 + 2/2, 3/3 + 7, 3/3 + 2/2
            "SHAPLEY",
            {},
            ["2.000000000000", "8.000000000000", "2.000000000000"],
            ["1333.333333333334", "3333.333333333333", "1333.333333333333"],
        ),
        (  # 3 · 0.4 + 1, 3 · (0.1 + 0.4) + 7, 3 · 0.1 + 1
            "POSITION_BASED",
            {},
            ["2.200000000000", "8.500000000000", "1.300000000000"],
            ["1400.000000000000", "3500.000000000000", "1100.000000000000"],
        ),
        (  # 3 · 0.6 + 2 · 0.2/0.8, 3 · (0.1 + 0.2) + 7, 3 · 0.1 + 2 · 0.6/0.8
            "POSITION_BASED",
            {"firstShare": "0.6", "lastShare": "0.2"},
            ["2.300000000000", "7.900000000000", "1.800000000000"],
            ["1100.000000000000", "3300.000000000000", "1600.000000000000"],
        ),
        (  # 3 · 1/9, 2/9, 2/9, 4/9 and 2 · 1/3, 2/3 and 7, each path to 12 decimals by itself
            "TIME_DECAY",
            {},
            ["1.666666666667", "9.000000000001", "1.333333333332"],
            ["1444.444444445000", "3666.666666667000", "888.888888888000"],
        ),
    ],
)
def test_credits_are_those_computed_by_hand(
    kind: str, parameters: dict[str, str], conversions: list[str], values: list[str]
) -> None:
    credits = credited(kind, **parameters)
    assert digits(credits.conversions) == [*conversions, "0.000000000000"]
    assert digits(credits.values["EUR"]) == [*values, "0.000000000000"]
    assert credits.weights is None


def test_half_life_is_the_parameter() -> None:
    fortnights = credited("TIME_DECAY", halfLifeHours="336")
    one = chosen("TIME_DECAY", None, {"halfLifeHours": "336"}).credits(
        counted([Journey((0, 1), ages=(4 * WEEK, 0))], 2)
    )
    assert digits(one.conversions) == ["0.200000000000", "0.800000000000"]
    assert fortnights != credited("TIME_DECAY")


def test_no_position_shares_leave_all_to_those_between_and_halve_a_pair() -> None:
    paths = counted([Journey((0, 1, 2)), Journey((0, 2), conversions=3)], 3)
    credits = chosen("POSITION_BASED", None, {"firstShare": "0", "lastShare": "0"}).credits(paths)
    assert digits(credits.conversions) == ["1.500000000000", "1.000000000000", "1.500000000000"]


def test_old_touches_weigh_as_much_as_young_ones_at_the_same_distance() -> None:
    ancient = 500 * WEEK
    paths = [counted([Journey((0, 1), ages=(shift + WEEK, shift))], 2) for shift in (0, ancient)]
    young, old = (chosen("TIME_DECAY", None, {}).credits(each) for each in paths)
    assert young == old
    assert digits(old.conversions) == ["0.333333333333", "0.666666666667"]


def test_touch_of_negligible_weight_earns_nothing() -> None:
    paths = counted([Journey((0, 1), conversions=10**6, ages=(100 * WEEK, 0))], 2)
    assert digits(chosen("TIME_DECAY", None, {}).credits(paths).conversions) == [
        "0.000000000000",
        "1000000.000000000000",
    ]


def test_long_paths_divide_to_the_last_digit() -> None:
    paths = counted([Journey((0, 1, 2) * 3000, conversions=7, ages=(5,) * 9000)], 3)
    credits = chosen("TIME_DECAY", None, {}).credits(paths)
    assert sum(credits.conversions) == 7
    assert max(credits.conversions) - min(credits.conversions) < Decimal("0.00000001")
