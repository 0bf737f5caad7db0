"""Overlap as the graph shows it, against the sets of households themselves."""

from itertools import combinations
from typing import Any

import pytest
import pytest_asyncio

from resolvers.context import Services
from tests.graph import data, run
from tests.resolvers.metrics.world import DAY, World, random_world
from tests.schema.test_campaign_statements import recorded_statements

QUERY = """
query Overlap($ids: [ID!]!, $range: MetricsRangeInput, $type: ImpressionType! = AD_DELIVERED) {
  overlap(placementIds: $ids, range: $range, impressions: $type) {
    reach
    placements { placement { id } reach exclusiveReach }
    pairs { first { id } second { id } sharedReach }
  }
}
"""


@pytest_asyncio.fixture(scope="module")
async def world(services: Services) -> World:
    return await random_world(services, seed=5)


def range_of(world: World, days: int = 24) -> dict[str, str]:
    return {"from": world.starts_at.isoformat(), "until": (world.starts_at + days * DAY).isoformat()}


async def overlap(world: World, texts: list[str], **variables: Any) -> Any:
    given = {"range": range_of(world), **variables}
    return (await data(world.actor.context(), QUERY, ids=texts, **given))["overlap"]


@pytest.mark.parametrize("type_", ["AD_DELIVERED", "CLIENT_CONFIRMED"])
@pytest.mark.parametrize("days", [24, 3])
async def test_overlap_is_what_the_sets_of_households_say(world: World, type_: str, days: int) -> None:
    # From the last to the first: the order is the client's, whatever the ids.
    chosen = list(reversed(world.placements[:12]))
    reached = {
        f"plc_{placement.id}": world.truth([placement], world.starts_at, world.starts_at + days * DAY, type_).reached
        for placement in chosen
    }
    shown = await overlap(world, list(reached), range=range_of(world, days), type=type_)
    assert shown["reach"] == len(set().union(*reached.values()))
    assert shown["placements"] == [
        {
            "placement": {"id": text},
            "reach": len(own),
            "exclusiveReach": len(own - set().union(*(other for key, other in reached.items() if key != text))),
        }
        for text, own in reached.items()
    ]
    assert shown["pairs"] == [
        {"first": {"id": one}, "second": {"id": other}, "sharedReach": len(reached[one] & reached[other])}
        for one, other in combinations(reached, 2)
    ]


async def test_a_range_without_impressions_has_zeros(world: World) -> None:
    texts = [f"plc_{placement.id}" for placement in world.placements[:2]]
    until = world.starts_at - 30 * DAY
    shown = await overlap(world, texts, range={"from": (until - DAY).isoformat(), "until": until.isoformat()})
    assert shown == {
        "reach": 0,
        "placements": [{"placement": {"id": text}, "reach": 0, "exclusiveReach": 0} for text in texts],
        "pairs": [{"first": {"id": texts[0]}, "second": {"id": texts[1]}, "sharedReach": 0}],
    }


async def test_a_placement_named_twice_counts_once(world: World) -> None:
    one, other = (f"plc_{placement.id}" for placement in world.placements[:2])
    assert await overlap(world, [one, other, one]) == await overlap(world, [one, other])


async def test_overlap_runs_three_statements(world: World) -> None:
    texts = [f"plc_{placement.id}" for placement in world.placements]
    with recorded_statements(world.actor.services.database) as statements:
        await overlap(world, texts)
    # Placements, what is kept, households.
    assert len([statement for statement in statements if "set_config" not in statement]) == 3


@pytest.mark.parametrize(
    ("texts", "code"),
    [
        ([], "TOO_FEW_PLACEMENTS"),
        (["own"], "TOO_FEW_PLACEMENTS"),
        (["own", "own"], "TOO_FEW_PLACEMENTS"),
        ([f"plc_{number}" for number in range(1, 52)], "TOO_MANY_PLACEMENTS"),
        (["own", "plc_999999999"], "NOT_FOUND"),
        (["own", "theirs"], "NOT_FOUND"),
        (["own", "cmp_1"], "WRONG_ID_TYPE"),
    ],
)
async def test_placements_that_cannot_be_compared_are_refused(
    world: World, services: Services, texts: list[str], code: str
) -> None:
    theirs = (await random_world(services, seed=6)).placements[0] if "theirs" in texts else world.placements[0]
    named = {"own": f"plc_{world.placements[0].id}", "theirs": f"plc_{theirs.id}"}
    result = await run(world.actor.context(), QUERY, ids=[named.get(text, text) for text in texts])
    assert result.errors is not None
    assert result.data is None
    original = result.errors[0].original_error
    assert code in {getattr(original, "code", None), *(p.code for p in getattr(original, "problems", ()))}


async def test_events_that_are_no_longer_kept_cannot_be_compared(world: World) -> None:
    texts = [f"plc_{placement.id}" for placement in world.placements[:2]]
    long_ago = {"from": "2015-01-01T00:00:00Z", "until": "2015-01-02T00:00:00Z"}
    result = await run(world.actor.context(), QUERY, ids=texts, range=long_ago)
    assert result.errors is not None
    [problem] = result.errors[0].original_error.problems  # type: ignore[union-attr]  # an InvalidInput
    assert (problem.code, problem.path) == ("EVENTS_NOT_KEPT", ("range", "from"))
