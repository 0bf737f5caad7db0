"""Both executors answer alike over the whole graph: generated queries on the same rows, at the same moment.

Here are some of them; `make differential` asks thousands.
"""

import os
from collections.abc import Callable
from random import Random
from typing import Final

import pytest
import pytest_asyncio

from gateway.cost.calibration.queries import QueryGenerator, QueryStyle
from resolvers.context import RequestContext, Services
from schema.build import build_schema
from tests.gateway.execution.breadth import queries_of_types
from tests.gateway.execution.by_hand import queries_by_hand, queries_of_viewers
from tests.gateway.execution.differential import Differential
from tests.gateway.execution.dressing import dressed
from tests.gateway.execution.executors import compiled, reference
from tests.gateway.execution.leftovers import LEFTOVERS
from tests.gateway.execution.plain_queries import plain_queries
from tests.gateway.execution.populated import Populated, populated_tenant
from tests.gateway.execution.reach import reachable

pytestmark = [*LEFTOVERS, pytest.mark.no_cover]

QUERIES: Final = int(os.environ.get("PODGRAPH_DIFFERENTIAL_QUERIES", "90"))
"""How many are made: half of them by hypothesis-graphql, the others by the generator of `podgraph cost calibrate`."""

STYLE: Final = QueryStyle(depth=6, fields=30, introspection=0.03, arguments=0.2)


@pytest_asyncio.fixture(scope="module")
async def tenant(services: Services) -> Populated:
    return await populated_tenant(services)


@pytest.fixture(scope="module")
def both() -> Differential[RequestContext]:
    return Differential(lambda: build_schema()._schema, reference, compiled)


def some_viewer(tenant: Populated, random: Random) -> Callable[[], RequestContext]:
    """Mostly the owner; whoever may see less makes other errors and other nulls."""
    name = random.choice(sorted(tenant.viewers)) if random.random() < 0.15 else "owner"
    return tenant.viewers[name]


async def test_queries_of_hypothesis_are_answered_alike(both: Differential[RequestContext], tenant: Populated) -> None:
    random = Random(7)  # noqa: S311  # no secret
    schema = both.reference_schema
    assert schema.query_type is not None
    fields = list(schema.query_type.fields)
    for field in fields:
        for plain in plain_queries(schema, field, count=QUERIES // 2 // len(fields) + 1, ids=("cmp_1", "no id")):
            await both.ask(dressed(schema, plain, random, tenant.values), some_viewer(tenant, random))
    print(f"\nhypothesis-graphql: {both}")
    assert min(both.compiled, both.with_rows) > both.asked // 2
    assert both.invalid < both.asked // 10


async def test_queries_of_the_calibration_are_answered_alike(
    both: Differential[RequestContext], tenant: Populated
) -> None:
    random = Random(8)  # noqa: S311  # no secret
    generator = QueryGenerator(both.reference_schema, random, tenant.values, STYLE)
    for _ in range(QUERIES // 2):
        await both.ask(generator.query(), some_viewer(tenant, random))
    print(f"\nand of the calibration: {both}")
    assert both.compiled > both.asked // 3


async def test_every_field_of_the_graph_has_a_value_that_compiled_code_gave(
    tenant: Populated, both: Differential[RequestContext]
) -> None:
    for query in queries_of_types(both.reference_schema, tenant.own):
        await both.ask(query, tenant.viewers["owner"])
    for query in queries_by_hand(tenant.ids):
        await both.ask(query, tenant.viewers["owner"])
    for query in queries_of_viewers():
        for viewer in tenant.viewers.values():
            await both.ask(query, viewer)
    print(f"\nand by hand: {both}")
    assert reachable(both.reference_schema) - both.compared == set()
