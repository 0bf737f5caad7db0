from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.metrics.spend import Price, flown_share, spend

MARCH = datetime(2026, 3, 1, tzinfo=UTC)
APRIL = datetime(2026, 4, 1, tzinfo=UTC)


def price(pricing: str, rate_minor: int, share: Fraction = Fraction(1), **flight: date | None) -> Price:
    days = {"starts_on": None, "ends_on": None, **flight}
    return Price(pricing=pricing, rate_minor=rate_minor, currency="EUR", share=share, **days)


def test_cpm_is_the_rate_for_each_thousand_impressions() -> None:
    assert spend(price("CPM", 2_500), MARCH, APRIL, 1_234, None) == Fraction(3_085)


def test_cpa_is_the_rate_for_each_conversion_and_unknown_with_them() -> None:
    assert spend(price("CPA", 900), MARCH, APRIL, 0, Decimal("1.5")) == 1_350
    assert spend(price("CPA", 900), MARCH, APRIL, 0, None) is None


@pytest.mark.parametrize(
    ("starts_on", "ends_on", "cost"),
    [
        (date(2026, 3, 1), date(2026, 3, 31), 3_100),
        (date(2026, 3, 31), date(2026, 3, 31), 3_100),
        (date(2026, 2, 27), date(2026, 3, 2), 1_550),
        (date(2026, 3, 31), date(2026, 4, 1), 1_550),
        (date(2026, 4, 1), date(2026, 4, 30), 0),
        (date(2026, 2, 1), date(2026, 2, 28), 0),
        (date(2026, 3, 1), None, None),
        (None, date(2026, 3, 1), None),
        (date(2026, 3, 2), date(2026, 3, 1), None),
    ],
)
def test_flat_is_spread_over_the_days_of_the_flight(
    starts_on: date | None, ends_on: date | None, cost: int | None
) -> None:
    flat = price("FLAT", 3_100, starts_on=starts_on, ends_on=ends_on)
    assert spend(flat, MARCH, APRIL, 10, Decimal(10)) == cost


def test_flat_is_shared_by_the_line_items_placements() -> None:
    flat = price("FLAT", 100, Fraction(1, 3), starts_on=date(2026, 3, 1), ends_on=date(2026, 3, 1))
    assert spend(flat, MARCH, APRIL, 0, None) == Fraction(100, 3)


@given(st.integers(1, 60), st.lists(st.integers(1, 200), min_size=1, max_size=10))
def test_the_parts_of_a_flight_add_up_to_one(days: int, hours: list[int]) -> None:
    starts_on = date(2026, 3, 10)
    ends_on = starts_on + timedelta(days=days - 1)
    moments = [datetime(2026, 3, 9, 5, tzinfo=UTC)]
    for number in hours:
        moments.append(moments[-1] + timedelta(hours=number))
    moments.append(datetime(2026, 8, 1, tzinfo=UTC))
    shares = [flown_share(starts_on, ends_on, one, other) for one, other in pairwise(moments)]
    assert sum(share for share in shares if share is not None) == 1
