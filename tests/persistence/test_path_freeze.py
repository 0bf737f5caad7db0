"""Path sets: what is frozen, that the hash is of it and of nothing else, and that it is the tenant's own."""

import hashlib
import random
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from sqlalchemy import delete, func, insert, select, update

from persistence.errors import MissingReference
from persistence.records import EventRecord
from persistence.repositories.path_rules import LONGEST_PATH
from persistence.repositories.paths import CountedPath, FrozenConversions, PathSets
from persistence.tables import event_hours, events, frozen_conversions, frozen_nulls, path_sets
from resolvers.context import Services
from tests.resolvers.campaigns.scene import new_advertiser, new_campaign
from tests.resolvers.paths.oracle import expected_nulls
from tests.resolvers.paths.scene import DAY, HOUR, MICROSECOND, NOON, RULES, Scene, new_scene
from tests.resolvers.runs.scene import count_hours


class SmallPathSets(PathSets):
    """Freezes and reads in many small steps."""

    block = 3

    chunk = 3
    null_chunk = 2
    slice = 4


@pytest_asyncio.fixture
async def scene(services: Services) -> Scene:
    return await new_scene(services)


def journeys(scene: Scene) -> list[EventRecord]:
    """Ten conversions with up to four touches each, and nine households that do not convert."""
    first, second, third = scene.placements
    made = []
    for household in range(1, 11):
        at = NOON + household * HOUR
        made += [
            scene.touch(at - place * HOUR, household=household, placement_id=(first, second, third)[place % 3])
            for place in range(household % 5)
        ]
        money = {"value_minor": household, "currency": "EUR" if household % 2 else "USD"} if household % 3 else {}
        made.append(scene.conversion(at, household=household, **money))
    for household in range(11, 20):
        made += [
            scene.touch(NOON + place * HOUR, household=household, placement_id=(third, second, first)[place % 3])
            for place in range(1 + household % 3)
        ]
    return made


async def test_set_says_what_it_holds(scene: Scene) -> None:
    await scene.store(*journeys(scene))
    scope = scene.scope()
    frozen = await scene.frozen(scope)
    assert (frozen.conversions, frozen.attributed_conversions, frozen.null_journeys) == (10, 8, 9)
    assert (frozen.advertiser_id, frozen.campaign_id) == (scene.advertiser_id, None)
    assert (frozen.starts_at, frozen.ends_at) == (scope.starts_at, scope.ends_at)
    assert (frozen.impressions, frozen.promo_policy) == ("AD_DELIVERED", "FALLBACK")
    assert (frozen.impression_window_seconds, frozen.visit_window_seconds) == (30 * 86_400, 30 * 86_400)
    assert len(frozen.hash) == 64


async def test_progress_rises_to_1(scene: Scene) -> None:
    await scene.store(*journeys(scene))
    steps: list[float] = []

    async def advance(done: float) -> None:
        steps.append(done)

    async with scene.actor.services.database.snapshot(scene.actor.tenant_id) as session:
        await SmallPathSets(session).freeze(scene.scope(), advance)
    assert steps == sorted(steps)
    assert len(steps) > 4
    assert 0 < steps[0] < steps[-1] == 1


async def test_empty_range_has_an_empty_set(scene: Scene) -> None:
    frozen = await scene.frozen(scene.scope())
    assert (frozen.conversions, frozen.attributed_conversions, frozen.null_journeys) == (0, 0, 0)
    assert await scene.counted(frozen) == []


async def test_small_steps_freeze_the_same_rows(scene: Scene) -> None:
    await scene.store(*journeys(scene))
    await hours(scene, 500)
    whole, parts = await scene.frozen(scene.scope()), await scene.frozen(scene.scope(), SmallPathSets)
    assert await rows(scene, whole.id) == await rows(scene, parts.id)
    for ages in (False, True):
        at_once = await scene.counted(whole, ages=ages)
        in_blocks = await scene.counted(whole, SmallPathSets, ages=ages)
        assert totals(in_blocks) == totals(at_once)
        assert len(in_blocks) >= len(at_once)


async def test_identical_paths_are_counted_by_currency(scene: Scene) -> None:
    first, second, _ = scene.placements
    stored = []
    for household, money in enumerate([("EUR", 5), ("EUR", 7), ("USD", 7), None], start=1):
        values: dict[str, Any] = {} if money is None else {"currency": money[0], "value_minor": money[1]}
        stored += [
            scene.touch(NOON - 2 * HOUR, household=household),
            scene.touch(NOON - HOUR - MICROSECOND, household=household, placement_id=second),
            scene.conversion(household=household, **values),
        ]
    stored += [scene.touch(NOON, household=household, placement_id=second) for household in (8, 9)]
    await scene.store(*stored, scene.conversion(household=10))
    frozen = await scene.frozen(scene.scope())
    path = [first, second]
    assert await scene.counted(frozen) == [
        CountedPath([], None, None, 1, 0, 0),
        CountedPath(path, None, "EUR", 2, 12, 0),
        CountedPath(path, None, "USD", 1, 7, 0),
        CountedPath(path, None, None, 1, 0, 0),
        CountedPath([second], None, None, 0, 0, 2),
    ]
    ages = [7_200, 3_600]
    assert await scene.counted(frozen, ages=True, nulls=False) == [
        CountedPath([], [], None, 1, 0, 0),
        CountedPath(path, ages, "EUR", 2, 12, 0),
        CountedPath(path, ages, "USD", 1, 7, 0),
        CountedPath(path, ages, None, 1, 0, 0),
    ]
    assert (await scene.counted(frozen, ages=True))[-1] == CountedPath([second], [0], None, 0, 0, 2)


async def test_values_of_a_path_may_exceed_63_bits(scene: Scene) -> None:
    largest = 2**63 - 1
    await scene.store(*(scene.conversion(household=one, value_minor=largest, currency="EUR") for one in (1, 2)))
    frozen = await scene.frozen(scene.scope())
    assert await scene.counted(frozen) == [CountedPath([], None, "EUR", 2, 2 * largest, 0)]


# Null journeys


async def test_null_journeys_are_within_the_range_and_the_scope(scene: Scene) -> None:
    other = await new_campaign(scene.actor, scene.advertiser_id)
    elsewhere = await scene.placement(campaign_id=other.id)
    stranger = await new_advertiser(scene.actor, "Other")
    scope = scene.scope()
    await scene.store(
        scene.touch(scope.starts_at, household=1),
        scene.touch(scope.starts_at - MICROSECOND, household=2),
        scene.touch(scope.ends_at - MICROSECOND, household=3, placement_id=elsewhere),
        scene.touch(scope.ends_at, household=4),
        scene.event("CLIENT_CONFIRMED", NOON, household=5),
        scene.event("VISIT", NOON, household=6, placement_id=None),
        scene.touch(NOON, household=7, advertiser_id=stranger.id),
        # A conversion of the range ends it, before or after the touch; one outside of it does not, nor a stranger's.
        scene.touch(NOON, household=8),
        scene.conversion(NOON - HOUR, household=8),
        scene.touch(NOON, household=9),
        scene.conversion(scope.ends_at, household=9),
        scene.touch(NOON, household=10),
        scene.conversion(NOON, household=10, advertiser_id=stranger.id),
        scene.touch(NOON, household=11),
        scene.conversion(NOON, household=11, counted=False, order_id="o"),
    )
    first = scene.placements[0]
    nulls = [path for path in await scene.counted(await scene.frozen(scope)) if path.nulls]
    assert nulls == [CountedPath([first], None, None, 0, 0, 4), CountedPath([elsewhere], None, None, 0, 0, 1)]
    own = await scene.frozen(scene.scope(campaign_id=scene.campaign_id))
    assert own.null_journeys == 4


async def test_long_null_journeys_are_their_latest_touches(scene: Scene) -> None:
    first, second, _ = scene.placements
    early = [scene.touch(NOON, household=1) for _ in range(3)]
    late = [scene.touch(NOON + HOUR, household=1, placement_id=second) for _ in range(LONGEST_PATH - 1)]
    await scene.store(*early, *late)
    [path] = await scene.counted(await scene.frozen(scene.scope()))
    assert path.placement_ids == [first] + [second] * (LONGEST_PATH - 1)


@pytest.mark.parametrize("seed", range(2))
async def test_null_journeys_are_those_of_an_independent_computation(services: Services, seed: int) -> None:
    scene = await new_scene(services)
    chance = random.Random(seed)  # noqa: S311  # test data, the same each time
    stored = [
        scene.event(
            kind := chance.choice(["AD_DELIVERED", "AD_DELIVERED", "CLIENT_CONFIRMED", "VISIT", "LEAD"]),
            NOON + chance.randint(-12, 12) * (DAY / 2),
            # Over the whole range of households, so that every slice has some.
            household=chance.randrange(40) * (2**62 // 40),
            placement_id=None if kind == "LEAD" else chance.choice(scene.placements),
        )
        for _ in range(100)
    ]
    await scene.store(*stored)
    await hours(scene, 40)
    scope = scene.scope(rules=msgspec.structs.replace(RULES, visit_window_seconds=0))
    campaigns = dict.fromkeys(scene.placements, scene.campaign_id)
    counted = await scene.counted(await scene.frozen(scope, SmallPathSets))
    nulls = {tuple(path.placement_ids): path.nulls for path in counted if path.nulls}
    assert nulls == expected_nulls(stored, scope, campaigns)
    assert max(nulls.values()) > 1


async def test_household_slices_are_as_small_in_the_company_of_another_advertiser(scene: Scene) -> None:
    other = await new_advertiser(scene.actor, "Other")
    touches = [scene.touch(NOON, household=household, advertiser_id=other.id) for household in range(9)]
    await scene.store(scene.touch(NOON), *touches)
    await count_hours(scene)
    told: list[float] = []

    async def advance(done: float) -> None:
        told.append(done)

    async with scene.actor.services.database.snapshot(scene.actor.tenant_id) as session:
        await SmallPathSets(session).freeze(scene.scope(), advance)
    conversions, slices, end = 1, 3, 1  # ten events, four a slice
    assert len(told) == conversions + slices + end


# The hash


async def test_same_events_have_the_same_hash(scene: Scene) -> None:
    await scene.store(*journeys(scene))
    first, second = await scene.frozen(scene.scope()), await scene.frozen(scene.scope())
    assert first.id != second.id
    assert first.hash == second.hash


async def test_hash_does_not_depend_on_where_rows_lie(scene: Scene) -> None:
    stored = journeys(scene)
    await scene.store(*stored)
    before = (await scene.frozen(scene.scope())).hash
    await scene.write(delete(events).where(events.c.tenant_id == scene.actor.tenant_id))
    backwards = [msgspec.structs.asdict(event) for event in reversed(stored)]
    async with scene.actor.services.database.write(scene.actor.tenant_id) as session:
        await session.execute(insert(events), backwards)
    assert (await scene.frozen(scene.scope())).hash == before


@pytest.mark.parametrize(
    "change",
    [
        "a touch more",
        "a touch less",
        "a touch moved",
        "a touch of another placement",
        "a value",
        "a currency",
        "a conversion moved",
        "a null journey more",
        "a null touch of another placement",
    ],
)
async def test_any_change_changes_the_hash(scene: Scene, change: str) -> None:
    stored = journeys(scene)
    await scene.store(*stored)
    before = (await scene.frozen(scene.scope())).hash
    touch = next(one for one in stored if one.type == "AD_DELIVERED" and one.household == 4)
    conversion = next(one for one in stored if one.type == "PURCHASE" and one.household == 4)
    journey = next(one for one in stored if one.household == 12)
    third = scene.placements[2]
    if change == "a touch more":
        await scene.store(scene.touch(NOON + HOUR, household=4))
    elif change == "a touch less":
        await scene.write(delete(events).where(events.c.id == touch.id, events.c.tenant_id == scene.actor.tenant_id))
    elif change == "a null journey more":
        await scene.store(scene.touch(NOON, household=99))
    else:
        changes: dict[str, tuple[EventRecord, dict[str, Any]]] = {
            "a touch moved": (touch, {"occurred_at": touch.occurred_at - MICROSECOND}),
            "a touch of another placement": (touch, {"placement_id": third}),
            "a value": (conversion, {"value_minor": 12_345}),
            "a currency": (conversion, {"currency": "JPY"}),
            "a conversion moved": (conversion, {"occurred_at": conversion.occurred_at + MICROSECOND}),
            "a null touch of another placement": (journey, {"placement_id": scene.placements[0]}),
        }
        changed, values = changes[change]
        own = (events.c.id == changed.id, events.c.tenant_id == scene.actor.tenant_id)
        await scene.write(update(events).where(*own).values(**values))
    assert (await scene.frozen(scene.scope())).hash != before


@pytest.mark.parametrize(
    "values",
    [
        {"campaign_id": True},
        {"starts_at": NOON - 6 * DAY},
        {"ends_at": NOON + 6 * DAY},
        {"rules": msgspec.structs.replace(RULES, promo_policy="OVERRIDE")},
        {"rules": msgspec.structs.replace(RULES, visit_window_seconds=3_600)},
        {"rules": msgspec.structs.replace(RULES, impression_window_seconds=29 * 86_400)},
    ],
    ids=["campaign", "start", "end", "promo policy", "visit window", "impression window"],
)
async def test_scope_and_rules_are_part_of_the_hash(scene: Scene, values: dict[str, Any]) -> None:
    await scene.store(*journeys(scene))
    if "campaign_id" in values:
        values = {"campaign_id": scene.campaign_id}
    whole, other = await scene.frozen(scene.scope()), await scene.frozen(scene.scope(**values))
    assert whole.hash != other.hash
    assert (whole.conversions, whole.null_journeys) == (other.conversions, other.null_journeys)


async def test_hash_is_of_the_named_bytes(scene: Scene) -> None:
    """Computed here again, so that nobody changes what is hashed without giving it another name."""
    first, second, _ = scene.placements
    touches = [scene.touch(NOON - HOUR), scene.touch(NOON - MICROSECOND, placement_id=second)]
    conversion = scene.conversion(value_minor=5, currency="EUR")
    empty = scene.conversion(NOON + HOUR, household=2)
    await scene.store(*touches, conversion, empty, scene.touch(NOON, household=3))
    scope = scene.scope()
    said = [
        "podgraph paths 1",
        scope.advertiser_id,
        None,
        microseconds(scope.starts_at),
        microseconds(scope.ends_at),
        "AD_DELIVERED",
        2_592_000,
        2_592_000,
        "FALLBACK",
    ]
    at = microseconds(NOON)
    path = f"{first},{second}|{touches[0].id},{touches[1].id}|{at - 3_600_000_000},{at - 1}"
    chain = sha256(msgspec.json.encode(said))
    chain = sha256(
        chain
        + sha256(f"c|{conversion.id}|{at}|5|EUR|TOUCHES|{path}".encode())
        + sha256(f"c|{empty.id}|{at + 3_600_000_000}|||NONE|||".encode())
    )
    chain = sha256(chain + sha256(f"n|1|{first}".encode()))
    assert (await scene.frozen(scope)).hash == chain.hex()


# Tenants


async def test_events_of_another_tenant_are_not_frozen(scene: Scene, services: Services) -> None:
    other = await new_scene(services)
    await other.store(*journeys(other))
    before = (await scene.frozen(scene.scope())).hash
    # The other tenant's advertiser, as an id from outside would name it, is none of this tenant's.
    with pytest.raises(MissingReference):
        await scene.frozen(scene.scope(advertiser_id=other.advertiser_id))
    assert (await scene.frozen(scene.scope())).hash == before
    assert await scene.counted(await scene.frozen(scene.scope())) == []


async def test_sets_of_another_tenant_are_not_seen(scene: Scene, services: Services) -> None:
    other = await new_scene(services)
    stored = journeys(other)
    await other.store(*stored)
    theirs = await other.frozen(other.scope())
    assert await scene.counted(theirs) == []
    async with services.database.read(scene.actor.tenant_id) as session:
        assert await PathSets(session).by_ids([theirs.id]) == [None]
        assert await FrozenConversions(session).of_set(theirs.id, [one.id for one in stored]) == [None] * len(stored)
        for table in (path_sets, frozen_conversions, frozen_nulls):
            assert await session.scalar(select(func.count()).select_from(table)) == 0


def totals(paths: Sequence[CountedPath]) -> Counter[tuple[object, ...]]:
    """Conversions, values and null journeys of each path, however they were counted."""
    found: Counter[tuple[object, ...]] = Counter()
    for path in paths:
        key = (tuple(path.placement_ids), tuple(path.ages or ()), path.currency)
        found.update({(*key, "conversions"): path.conversions, (*key, "value"): path.value_minor})
        found.update({(*key, "nulls"): path.nulls})
    return found


def sha256(text: bytes) -> bytes:
    return hashlib.sha256(text).digest()


def microseconds(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // MICROSECOND


async def rows(scene: Scene, path_set_id: int) -> list[tuple[Any, ...]]:
    """What is stored of a set, but for its id."""
    conversion, journey = frozen_conversions.c, frozen_nulls.c
    statements = [
        select(*[column for column in conversion if column.name != "path_set_id"])
        .where(conversion.path_set_id == path_set_id)
        .order_by(conversion.id),
        select(journey.position, journey.placement_ids, journey.journeys)
        .where(journey.path_set_id == path_set_id)
        .order_by(journey.position),
    ]
    async with scene.actor.services.database.read(scene.actor.tenant_id) as session:
        return [row for statement in statements for row in await session.rows(statement)]


async def hours(scene: Scene, touches: int) -> None:
    """Hourly counts from which freezing learns into how many parts to divide."""
    await scene.write(
        insert(event_hours).values(
            tenant_id=scene.actor.tenant_id,
            advertiser_id=scene.advertiser_id,
            placement_id=0,
            hour=NOON,
            type="AD_DELIVERED",
            currency="",
            events=touches,
            value_minor=0,
        )
    )
