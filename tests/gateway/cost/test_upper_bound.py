"""Static price ≥ actual price, for thousands of queries; and both are what a plain count gives."""

from collections.abc import Iterator
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from graphql import ExecutionResult, GraphQLError

from gateway.cost.calibration.queries import GeneratedQuery, QueryGenerator, QueryStyle
from gateway.cost.points import ONE, Points
from gateway.cost.tally import Tally
from gateway.documents.documents import Document
from gateway.execution.reference import CountingExecutor
from tests.gateway.cost.oracle import Oracle
from tests.gateway.cost.pricing import Priced, priced, unvalidated
from tests.gateway.cost.world import SDL, World, typed

pytestmark = pytest.mark.no_cover

STYLE = QueryStyle(depth=4, fields=16, objects=40, page=5, one_number=False)
COUNT = 1_600
SMALL = 150 * ONE
"""What is dearer is priced, but not executed: the price says how long that would take."""


@pytest.fixture(scope="module")
def zoo() -> Priced:
    return priced(SDL)


def drawn(zoo: Priced, seed: int, count: int) -> Iterator[tuple[GeneratedQuery, Document]]:
    generator = QueryGenerator(zoo.schema, Random(seed), style=STYLE)  # noqa: S311  # no secret
    for _ in range(count):
        query = generator.query()
        yield query, unvalidated(query.text, typed(query))


def executed(
    zoo: Priced, query: GeneratedQuery, document: Document, world: World
) -> tuple[Tally, dict[str, Any], list[GraphQLError]]:
    tally = Tally()
    executor = CountingExecutor.build(
        zoo.schema,
        document.node,
        raw_variable_values=dict(query.variables),
        field_resolver=world.resolve,
        type_resolver=world.type_of,
    )
    assert isinstance(executor, CountingExecutor), executor
    executor.begin(tally)
    result = executor.execute_operation()
    assert isinstance(result, ExecutionResult), result
    return tally, result.data or {}, list(result.errors or [])


def points_of(amount: Decimal) -> Points:
    return Points(int(amount * ONE))


@pytest.mark.parametrize(("seed", "full"), [(1, 0.2), (2, 1.0)])
def test_static_and_actual_prices_are_those_of_a_plain_count(zoo: Priced, seed: int, full: float) -> None:
    world = World(zoo.annotations, Random(seed), failing=0, full=full)  # noqa: S311  # no secret
    equal = tried = 0
    for query, document in drawn(zoo, seed, COUNT // 2):
        price = zoo.prices.price(document, document.operation(None), query.variables)
        oracle = Oracle(zoo.schema, zoo.annotations, document.node, query.variables)
        assert price.static == points_of(oracle.static()), query
        assert sum(line.subtotal for line in price.bill().lines) == price.static, query
        if price.static > SMALL:
            continue
        tried += 1
        tally, data, errors = executed(zoo, query, document, world)
        assert not errors, (query, errors)
        actual = price.actual(tally)
        assert actual == points_of(oracle.actual(data)), query
        assert actual <= price.static, query
        equal += actual == price.static
        assert sum(line.subtotal for line in price.bill(tally).lines) == price.static, query
        assert sum(line.actual_subtotal or 0 for line in price.bill(tally).lines) == actual, query
    assert tried > COUNT // 8
    # The bound is not just above everything: where every list is full, some queries come to it.
    assert equal > tried // 20


def test_errors_and_nulls_never_cost_more_than_the_static_price(zoo: Priced) -> None:
    world = World(zoo.annotations, Random(3), failing=0.1, full=0.5)  # noqa: S311  # no secret
    failed = 0
    for query, document in drawn(zoo, 3, COUNT // 2):
        price = zoo.prices.price(document, document.operation(None), query.variables)
        if price.static > SMALL:
            continue
        tally, _, errors = executed(zoo, query, document, world)
        failed += bool(errors)
        assert 0 < price.actual(tally) <= price.static, query
    assert failed > COUNT // 16
