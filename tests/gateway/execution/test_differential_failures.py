"""Both executors answer alike where resolvers fail, give null where they must not, or give what no type takes.

Here are some of the queries; `make differential` asks thousands.
"""

import os
from random import Random
from typing import Final

import pytest

from gateway.cost.calibration.queries import QueryGenerator, QueryStyle
from resolvers.context import Services
from tests.gateway.execution.differential import Differential
from tests.gateway.execution.executors import compiled, reference
from tests.gateway.execution.leftovers import LEFTOVERS
from tests.gateway.execution.reach import reachable
from tests.gateway.execution.wild_world import WildContext, wild_schema

pytestmark = [*LEFTOVERS, pytest.mark.no_cover]

QUERIES: Final = int(os.environ.get("PODGRAPH_DIFFERENTIAL_QUERIES", "160"))
STYLE: Final = QueryStyle(depth=4, fields=14, arguments=0.5)
WILDNESS: Final = (0, 0, 1, 4)
"""How often in a hundred times a resolver does not do what it should, by turns."""


@pytest.mark.parametrize("seed", [1, 2])
async def test_failures_are_answered_alike(services: Services, seed: int) -> None:
    both: Differential[WildContext] = Differential(wild_schema, reference, compiled)
    random = Random(seed)  # noqa: S311  # no secret
    generator = QueryGenerator(both.reference_schema, random, style=STYLE)
    for number in range(QUERIES // 2):

        def context(seed: int = number, wild: int = WILDNESS[number % len(WILDNESS)]) -> WildContext:
            return WildContext(services, seed, wild)

        await both.ask(generator.query(), context)
    print(f"\nfailures: {both}, of {len(reachable(both.reference_schema))}")
    assert both.invalid == 0
    assert both.asked // 4 < both.compiled < both.asked * 3 // 4
