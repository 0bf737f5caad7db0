"""The figures of `podgraph bench cost`, and the command itself against a server of its own."""

import math

import pytest

from ops.bench.cost import Measured, correlation, decades, outliers
from ops.bench.decades import Spread, decade
from ops.bench.ranks import spearman


def queries(*pairs: tuple[float, float]) -> list[Measured]:
    return [Measured(f"q{place}", charged, charged, seconds) for place, (charged, seconds) in enumerate(pairs)]


def test_ranks_are_correlated_whatever_the_values_are() -> None:
    assert spearman([1, 2, 3, 4], [10, 100, 1_000, 10_000]) == pytest.approx(1)
    assert spearman([1, 2, 3, 4], [4, 3, 2, 1]) == pytest.approx(-1)
    # 1 - 6 Σd² ÷ (n (n² - 1)) of ranks (1, 2, 3, 4, 5) and (2, 1, 4, 3, 5)
    assert spearman([1, 2, 3, 4, 5], [20, 10, 40, 30, 50]) == pytest.approx(0.8)


def test_equal_values_share_the_mean_of_their_ranks() -> None:
    # Pearson's of (1.5, 1.5, 3, 4) and (1, 2, 3, 4): 4.5 ÷ √(4.5 × 5)
    assert spearman([7, 7, 8, 9], [1, 2, 3, 4]) == pytest.approx(4.5 / math.sqrt(4.5 * 5))


@pytest.mark.parametrize(("one", "other"), [([1, 2], [1, 2]), ([5, 5, 5], [1, 2, 3])])
def test_where_nothing_can_be_ordered_there_is_no_correlation(one: list[float], other: list[float]) -> None:
    assert math.isnan(spearman(one, other))


@pytest.mark.parametrize(
    ("cost", "least"), [(0, 1), (0.5, 1), (9.99, 1), (10, 10), (99, 10), (1_000, 1_000), (5e6, 10_000)]
)
def test_costs_belong_to_decades(cost: float, least: int) -> None:
    assert decade(cost) == least


def test_spread_takes_as_many_of_each_decade() -> None:
    spread = Spread(10)
    assert [spread.takes(5) for _ in range(3)] == [True, True, False]
    assert all(spread.takes(cost) for cost in (10, 20, 100, 200, 1_000, 2_000, 10_000))
    assert not spread.full
    assert spread.takes(20_000)
    assert spread.full
    assert not spread.takes(1)


def test_each_decade_has_a_correlation_and_a_median() -> None:
    found = decades(queries((1, 0.1), (2, 0.3), (3, 0.2), (20, 1.0)))
    assert [(each.least, each.queries, each.seconds) for each in found] == [(1, 3, 0.2), (10, 1, 1.0)]
    assert found[0].correlation == pytest.approx(0.5)


def test_outliers_are_the_queries_whose_ranks_differ_most() -> None:
    found = queries((1, 9.0), (2, 0.1), (3, 0.2), (4, 0.3))
    assert correlation(found) == pytest.approx(-0.2)
    [(worst, apart)] = outliers(found, 1)
    assert (worst.text, apart) == ("q0", 0.75)
