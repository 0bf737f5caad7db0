"""What explains single conversions: live paths, the touches of households, the reports of orders, codes and weights."""

from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest
import pytest_asyncio
from sqlalchemy import insert

from persistence.ids import EventId, RunId
from persistence.records import EventRecord
from persistence.repositories.conversion_paths import (
    LOOK_AHEAD,
    LOOK_BACK,
    MOST_REPORTS,
    MOST_TOUCHES,
    ConversionKey,
    ConversionPaths,
    HouseholdTouches,
    OrderReports,
    PromoKey,
    PromoMatch,
)
from persistence.repositories.events import OrderKey
from persistence.repositories.paths import FrozenConversions
from persistence.tables import attribution_runs, credits
from resolvers.context import Services
from tests.resolvers.campaigns.scene import new_advertiser, new_campaign
from tests.resolvers.paths.scene import DAY, HOUR, MICROSECOND, NOON, RULES, WINDOW, Scene, new_scene


@pytest_asyncio.fixture
async def scene(services: Services) -> Scene:
    return await new_scene(services)


@pytest_asyncio.fixture
async def other(services: Services) -> Scene:
    return await new_scene(services)


def key(conversion: EventRecord) -> ConversionKey:
    return ConversionKey(conversion.id, conversion.occurred_at)


@pytest.mark.parametrize("policy", ["OVERRIDE", "FALLBACK", "IGNORE"])
async def test_live_paths_are_the_frozen_ones(scene: Scene, policy: str) -> None:
    await scene.placement("SAVE", created_at=NOON - DAY)
    conversions = [
        scene.conversion(household=1, value_minor=5, currency="EUR"),
        scene.conversion(NOON + 40 * DAY, household=1),
        scene.conversion(NOON + HOUR, household=2, promo_code="SAVE"),
        scene.conversion(household=3, promo_code="SAVE"),
    ]
    touches = [scene.touch(NOON - HOUR * place, household=1 + place % 2) for place in range(6)]
    await scene.store(*conversions, *touches)
    scope = scene.scope(ends_at=NOON + 50 * DAY, rules=msgspec.structs.replace(RULES, promo_policy=policy))
    frozen = await scene.paths(scope)
    async with scene.actor.services.database.read(scene.actor.tenant_id) as session:
        live = await ConversionPaths(session).built([key(one) for one in reversed(conversions)], scope.rules)
    assert live == [frozen[one.id] for one in reversed(conversions)]


async def test_path_of_no_conversion_is_none(scene: Scene, other: Scene) -> None:
    touch, conversion, theirs = scene.touch(NOON), scene.conversion(), other.conversion()
    await scene.store(touch, conversion)
    await other.store(other.touch(NOON), theirs)
    keys = [key(touch), key(theirs), ConversionKey(conversion.id, NOON + HOUR), ConversionKey(EventId(99), NOON)]
    async with scene.actor.services.database.read(scene.actor.tenant_id) as session:
        built = await ConversionPaths(session).built(keys, RULES)
        frozen = await FrozenConversions(session).of_set((await scene.frozen(scene.scope())).id, [touch.id, 99])
    assert built == [None] * len(keys)
    assert frozen == [None, None]


async def test_touches_of_the_household_are_told_eligible_or_not(scene: Scene) -> None:
    first = scene.placements[0]
    campaign = await new_campaign(scene.actor, scene.advertiser_id)
    elsewhere = await scene.placement(campaign_id=campaign.id)
    stranger = await new_advertiser(scene.actor, "Other")
    conversion = scene.conversion()
    told = [
        scene.touch(NOON - WINDOW - LOOK_BACK),
        scene.touch(NOON - HOUR),
        scene.event("CLIENT_CONFIRMED", NOON - HOUR),
        scene.event("VISIT", NOON, placement_id=None),
        scene.touch(NOON, placement_id=elsewhere),
        scene.touch(NOON + LOOK_AHEAD),
    ]
    await scene.store(
        conversion,
        *told,
        scene.touch(NOON - WINDOW - LOOK_BACK - MICROSECOND),
        scene.touch(NOON + LOOK_AHEAD + MICROSECOND),
        scene.touch(NOON, household=2),
        scene.touch(NOON, advertiser_id=stranger.id),
        scene.event("LEAD", NOON),
    )
    async with scene.actor.services.database.read(scene.actor.tenant_id) as session:
        [found] = await ConversionPaths(session).touches([key(conversion)], RULES, scene.campaign_id)
        [whole] = await ConversionPaths(session).touches([key(conversion)], RULES, None)
    assert [touch.id for touch in found.touches] == [event.id for event in told]
    assert [touch.placement_id for touch in found.touches] == [first, first, first, None, elsewhere, first]
    assert [touch.in_scope for touch in found.touches] == [True, True, True, False, False, True]
    assert [touch.in_scope for touch in whole.touches] == [True, True, True, False, True, True]
    assert found.omitted == 0


async def test_of_too_many_touches_the_eligible_and_the_latest_are_told(scene: Scene) -> None:
    conversion = scene.conversion()
    eligible = [scene.touch(NOON - DAY + place * MICROSECOND) for place in range(5)]
    late = [
        scene.event("CLIENT_CONFIRMED", NOON - HOUR + place * timedelta(seconds=1)) for place in range(MOST_TOUCHES)
    ]
    await scene.store(conversion, *eligible, *late)
    async with scene.actor.services.database.read(scene.actor.tenant_id) as session:
        [found] = await ConversionPaths(session).touches([key(conversion)], RULES, None)
    assert [touch.id for touch in found.touches] == [event.id for event in (*eligible, *late[5:])]
    assert found.omitted == 5


async def test_touches_of_another_tenants_conversion_are_none(scene: Scene, other: Scene) -> None:
    theirs = other.conversion(NOON + HOUR)
    await other.store(theirs, other.touch(NOON))
    await scene.store(scene.touch(NOON))
    async with scene.actor.services.database.read(scene.actor.tenant_id) as session:
        found = await ConversionPaths(session).touches([key(theirs)], RULES, None)
    assert found == [HouseholdTouches([], 0)]


async def test_reports_of_an_order_begin_with_the_one_that_counts(scene: Scene, other: Scene) -> None:
    counting = scene.conversion(order_id="o", received_at=NOON + DAY)
    second = scene.conversion(NOON + 60 * DAY, order_id="o", counted=False, received_at=NOON + 2 * HOUR)
    third = scene.conversion(order_id="o", counted=False, received_at=NOON + HOUR)
    lead = scene.event("LEAD", NOON, order_id="o")
    await scene.store(counting, second, third, lead, scene.conversion(order_id="p"), scene.conversion())
    await other.store(other.conversion(order_id="o"))
    keys = [OrderKey(scene.advertiser_id, kind, "o") for kind in ("LEAD", "PURCHASE", "SIGNUP")]
    async with scene.actor.services.database.read(scene.actor.tenant_id) as session:
        found = await ConversionPaths(session).reports(keys)
        theirs = await ConversionPaths(session).reports([OrderKey(other.advertiser_id, "PURCHASE", "o")])
    assert found == [OrderReports([lead], 0), OrderReports([counting, third, second], 0), OrderReports([], 0)]
    assert theirs == [OrderReports([], 0)]


async def test_of_too_many_reports_the_first_are_told(scene: Scene) -> None:
    further = [
        scene.conversion(order_id="o", counted=False, received_at=NOON + place * HOUR) for place in range(MOST_REPORTS)
    ]
    counting = scene.conversion(order_id="o", received_at=NOON + 900 * DAY)
    await scene.store(*further, counting)
    async with scene.actor.services.database.read(scene.actor.tenant_id) as session:
        [found] = await ConversionPaths(session).reports([OrderKey(scene.advertiser_id, "PURCHASE", "o")])
    assert found == OrderReports([counting, *further[:-1]], 1)


async def test_code_matches_placements_of_the_advertiser_alone(scene: Scene, other: Scene) -> None:
    campaign = await new_campaign(scene.actor, scene.advertiser_id)
    stranger = await new_advertiser(scene.actor, "Other")
    late = await scene.placement("SAVE", created_at=NOON)
    early = await scene.placement("SAVE", created_at=NOON - DAY, campaign_id=campaign.id)
    foreign = await scene.placement(
        "SAVE", created_at=NOON, campaign_id=(await new_campaign(scene.actor, stranger.id)).id
    )
    await scene.placement("MORE")
    await other.placement("SAVE")
    keys = [
        PromoKey(advertiser, code)
        for advertiser, code in [
            (scene.advertiser_id, "SAVE"),
            (stranger.id, "SAVE"),
            (scene.advertiser_id, "NEVER"),
            (other.advertiser_id, "SAVE"),
        ]
    ]
    async with scene.actor.services.database.read(scene.actor.tenant_id) as session:
        found = await ConversionPaths(session).promo_matches(keys)
    assert found == [[PromoMatch(early, NOON - DAY), PromoMatch(late, NOON)], [PromoMatch(foreign, NOON)], [], []]


async def test_weights_are_those_of_the_run(scene: Scene, other: Scene) -> None:
    first, second, third = scene.placements
    run_id = await finished_run(scene)
    weights = {first: Decimal("0.25"), second: None}
    async with scene.actor.services.database.write(scene.actor.tenant_id) as session:
        rows = [
            {
                "tenant_id": scene.actor.tenant_id,
                "run_id": run_id,
                "placement_id": placement,
                "conversions": 1,
                "weight": weight,
            }
            for placement, weight in weights.items()
        ]
        await session.execute(insert(credits), rows)
    async with scene.actor.services.database.read(scene.actor.tenant_id) as session:
        assert await ConversionPaths(session).weights(run_id, [third, first, second, first]) == [
            None,
            Decimal("0.25"),
            None,
            Decimal("0.25"),
        ]
    async with scene.actor.services.database.read(other.actor.tenant_id) as session:
        assert await ConversionPaths(session).weights(run_id, [first]) == [None]


async def finished_run(scene: Scene) -> RunId:
    scope = scene.scope()
    values = {
        **msgspec.structs.asdict(scope.rules),
        "tenant_id": scene.actor.tenant_id,
        "advertiser_id": scope.advertiser_id,
        "starts_at": scope.starts_at,
        "ends_at": scope.ends_at,
        "model": "MARKOV",
        "model_version": 1,
        "parameters": '{"withNullPaths":"true"}',
        "status": "SUCCEEDED",
        "result_hash": "",
        "progress": 1,
    }
    async with scene.actor.services.database.write(scene.actor.tenant_id) as session:
        statement = insert(attribution_runs).values(**values).returning(attribution_runs.c.id)
        return RunId(await session.scalar(statement))
