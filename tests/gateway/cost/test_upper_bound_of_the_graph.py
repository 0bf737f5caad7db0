"""Static price ≥ actual price on the graph itself: generated queries are executed for a tenant that has everything."""

from random import Random

import pytest

from gateway.cost.calibration.known import known_values
from gateway.cost.calibration.queries import QueryGenerator, QueryStyle
from gateway.cost.points import points
from gateway.cost.tally import Tally
from gateway.execution.executor import Job
from gateway.execution.reference import ReferenceExecutor
from resolvers.context import RequestContext, Services
from schema.graph import build_graph
from tests.gateway.cost.pricing import Priced, priced_schema
from tests.gateway.execution.leftovers import LEFTOVERS
from tests.graph import data
from tests.schema.inhabited import inhabited_tenant

pytestmark = [*LEFTOVERS, pytest.mark.no_cover]

COUNT = 150
STYLE = QueryStyle(depth=6, fields=30, introspection=0.05)


@pytest.fixture(scope="module")
def graph() -> Priced:
    built = build_graph()
    return priced_schema(built.schema, built.annotations)


async def test_no_query_comes_to_more_than_its_price(graph: Priced, services: Services) -> None:
    tenant = await inhabited_tenant(services, "Bound")

    async def ask(query: str) -> dict:  # type: ignore[type-arg]  # JSON
        return dict(await data(tenant.actor.context(), query))

    executor: ReferenceExecutor[RequestContext] = ReferenceExecutor(graph.schema, seconds=60)
    generator = QueryGenerator(graph.schema, Random(4), await known_values(ask), STYLE)  # noqa: S311  # no secret
    objects = 0
    for _ in range(COUNT):
        query = generator.query()
        document = graph.document(query.text)
        price = graph.prices.price(document, document.operation(None), query.variables)
        tally = Tally()
        job = Job(document, None, query.variables, hide_suggestions=False, tally=tally)
        await executor.execute(job, tenant.actor.context())
        actual = price.actual(tally)
        assert points(1) <= actual <= price.static, query
        bill = price.bill(tally)
        assert sum(line.subtotal for line in bill.lines) == price.static, query
        assert sum(line.actual_subtotal or 0 for line in bill.lines) == actual, query
        objects += sum(one.times for one in tally)
    assert objects > 10 * COUNT
