"""The figures of `podgraph bench cost`, and its measurement over HTTP."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import httpx2
import pytest

from ops.bench.cost import Ask, Measured, correlation, decades, measured, outliers
from ops.bench.decades import Spread, decade
from ops.bench.demo_server import DemoServer
from ops.bench.processes import BenchFailed
from ops.bench.ranks import spearman
from tests.services.gateway import Gateway


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


async def asked(server: Gateway, *texts: str, wanted: int) -> list[Measured]:
    """What is measured of these queries, drawn again and again."""

    async def queries(ask: Ask) -> Iterator[tuple[str, Mapping[str, Any]]]:
        assert (await ask("{ viewer { role } }"))["viewer"] == {"role": None}
        return iter([(text, {}) for _ in range(20) for text in texts])

    headers = {"authorization": f"Bearer {server.api_key}", "content-type": "application/json"}
    async with httpx2.AsyncClient(base_url=server.url, headers=headers, timeout=30) as http:
        return await measured(DemoServer(http, {}, "", 0), queries, wanted=wanted, repetitions=2, say=lambda _: None)


async def test_queries_are_timed_and_charged_by_a_server(demo_server: Gateway) -> None:
    small, large = (
        "{ viewer { role } }",
        # An answer with a viewer in it is never kept, as none is by the servers that the bench starts.
        "{ viewer { role } campaigns(first: 40) { nodes { placements(first: 30) { nodes { id } } } } }",
    )
    found = await asked(demo_server, small, '{ campaign(id: "pod_1") { id } }', large, wanted=5)
    by_text = {each.text: each for each in found}
    assert by_text.keys() == {small, large}  # the other one has an error
    assert by_text[small].charged == by_text[small].requested
    assert 100 < by_text[large].charged < by_text[large].requested
    assert 0 < by_text[small].seconds < by_text[large].seconds < 30


async def test_too_few_answers_are_no_measurement(demo_server: Gateway) -> None:
    with pytest.raises(BenchFailed, match="only 0 of 80 queries have an answer"):
        await asked(demo_server, '{ campaign(id: "pod_1") { id } }', wanted=10)
