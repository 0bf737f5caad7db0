"""Which touches lead to a conversion, each rule at its boundary; what promo codes prove; and both against an oracle."""

import random
from datetime import timedelta
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from persistence.records import EventRecord
from persistence.repositories.path_rules import LONGEST_PATH, PathRules
from resolvers.campaigns.placements import archive_placement
from resolvers.context import Services
from tests.resolvers.campaigns.scene import new_advertiser, new_campaign
from tests.resolvers.paths.oracle import expected_paths
from tests.resolvers.paths.scene import DAY, HOUR, MICROSECOND, NOON, RULES, WINDOW, Scene, new_scene


@pytest_asyncio.fixture
async def scene(services: Services) -> Scene:
    return await new_scene(services)


def rules(**values: Any) -> PathRules:
    return msgspec.structs.replace(RULES, **values)


@pytest.mark.parametrize(
    ("before", "counts"),
    [
        (timedelta(0), True),
        (MICROSECOND, True),
        (WINDOW, True),
        (WINDOW + MICROSECOND, False),
        (-MICROSECOND, False),
    ],
    ids=["same moment", "a microsecond before", "exactly the window", "a microsecond more", "a microsecond after"],
)
@pytest.mark.parametrize("kind", ["AD_DELIVERED", "VISIT"])
async def test_touch_counts_from_its_window_up_to_the_conversion(
    scene: Scene, kind: str, before: timedelta, counts: bool
) -> None:
    touch = scene.event(kind, NOON - before)
    await scene.store(touch, scene.conversion())
    assert await scene.touched() == ([touch.id] if counts else [])


async def test_kinds_have_windows_of_their_own(scene: Scene) -> None:
    near, far = scene.touch(NOON - DAY), scene.touch(NOON - 3 * DAY)
    visit, old_visit = scene.event("VISIT", NOON - 2 * DAY), scene.event("VISIT", NOON - 4 * DAY)
    await scene.store(near, far, visit, old_visit, scene.conversion())
    windows = rules(impression_window_seconds=2 * 86_400, visit_window_seconds=3 * 86_400)
    assert await scene.touched(scene.scope(rules=windows)) == [visit.id, near.id]


@pytest.mark.parametrize(
    ("window", "left"), [("impression_window_seconds", "VISIT"), ("visit_window_seconds", "AD_DELIVERED")]
)
async def test_window_of_0_excludes_its_kind_even_at_the_moment_of_the_conversion(
    scene: Scene, window: str, left: str
) -> None:
    touches = [scene.touch(NOON), scene.event("VISIT", NOON)]
    await scene.store(*touches, scene.conversion())
    kept = [touch.id for touch in touches if touch.type == left]
    assert await scene.touched(scene.scope(rules=rules(**{window: 0}))) == kept


async def test_without_any_window_nothing_is_touched(scene: Scene) -> None:
    await scene.store(scene.touch(NOON), scene.event("VISIT", NOON), scene.conversion())
    none = rules(impression_window_seconds=0, visit_window_seconds=0)
    assert await scene.touched(scene.scope(rules=none)) == []
    assert (await scene.frozen(scene.scope(rules=none))).null_journeys == 0


@pytest.mark.parametrize("chosen", ["AD_DELIVERED", "CLIENT_CONFIRMED"])
async def test_impressions_of_the_chosen_type_alone_count(scene: Scene, chosen: str) -> None:
    touches = [scene.event("AD_DELIVERED", NOON - HOUR), scene.event("CLIENT_CONFIRMED", NOON - HOUR)]
    await scene.store(*touches, scene.conversion())
    kept = [touch.id for touch in touches if touch.type == chosen]
    assert await scene.touched(scene.scope(rules=rules(impressions=chosen))) == kept


async def test_touches_of_the_same_microsecond_are_ordered_by_id(scene: Scene) -> None:
    first, second, third = scene.touch(NOON), scene.touch(NOON), scene.touch(NOON)
    conversion = scene.conversion()
    await scene.store(third, first, conversion, second)
    assert await scene.touched() == [first.id, second.id, third.id]


async def test_visit_without_a_placement_is_no_touch(scene: Scene) -> None:
    await scene.store(scene.event("VISIT", NOON - HOUR, placement_id=None), scene.conversion())
    assert await scene.touched() == []


async def test_other_households_and_advertisers_do_not_count(scene: Scene) -> None:
    other = await new_advertiser(scene.actor, "Other")
    await scene.store(
        scene.touch(NOON - HOUR, household=2),
        scene.touch(NOON - HOUR, advertiser_id=other.id),
        scene.conversion(),
    )
    assert await scene.touched() == []


async def test_campaign_has_the_touches_of_its_own_placements(scene: Scene) -> None:
    other = await new_campaign(scene.actor, scene.advertiser_id)
    elsewhere = await scene.placement(campaign_id=other.id)
    own, foreign = scene.touch(NOON - HOUR), scene.touch(NOON - DAY, placement_id=elsewhere)
    await scene.store(own, foreign, scene.conversion())
    assert await scene.touched() == [foreign.id, own.id]
    assert await scene.touched(scene.scope(campaign_id=scene.campaign_id)) == [own.id]
    assert await scene.touched(scene.scope(campaign_id=other.id)) == [foreign.id]


async def test_an_earlier_conversion_ends_nothing(scene: Scene) -> None:
    touch = scene.touch(NOON - DAY)
    first, second = scene.conversion(NOON - HOUR), scene.conversion(NOON)
    await scene.store(touch, first, second)
    paths = await scene.paths(scene.scope())
    assert [paths[one.id].touch_ids for one in (first, second)] == [[touch.id], [touch.id]]


async def test_touches_of_an_archived_placement_still_count(scene: Scene) -> None:
    placement = await scene.placement()
    await archive_placement(scene.actor.context(), placement, 1)
    touch = scene.touch(NOON - HOUR, placement_id=placement)
    await scene.store(touch, scene.conversion())
    assert await scene.touched() == [touch.id]


async def test_further_reports_of_an_order_are_no_conversions(scene: Scene) -> None:
    counting = scene.conversion(order_id="o")
    await scene.store(counting, scene.conversion(order_id="o", counted=False))
    assert list(await scene.paths(scene.scope())) == [counting.id]


async def test_range_begins_with_its_start_and_ends_before_its_end(scene: Scene) -> None:
    scope = scene.scope()
    first, last = scene.conversion(scope.starts_at), scene.conversion(scope.ends_at - MICROSECOND)
    await scene.store(first, last, scene.conversion(scope.starts_at - MICROSECOND), scene.conversion(scope.ends_at))
    assert set(await scene.paths(scope)) == {first.id, last.id}


async def test_of_too_many_touches_the_latest_make_the_path(scene: Scene) -> None:
    touches = [scene.touch(NOON - HOUR + place * MICROSECOND) for place in range(LONGEST_PATH + 2)]
    await scene.store(*touches, scene.conversion())
    assert await scene.touched() == [touch.id for touch in touches[2:]]


# Promo codes


async def test_code_decides_where_nothing_was_touched(scene: Scene) -> None:
    proven = await scene.placement("SAVE", created_at=NOON - DAY)
    conversion = scene.conversion(promo_code="SAVE", value_minor=5, currency="EUR")
    await scene.store(conversion)
    [path] = (await scene.paths(scene.scope())).values()
    assert (path.evidence, path.placement_ids, path.touch_ids, path.touched_at) == (
        "PROMO_CODE",
        [proven],
        [0],
        [NOON],
    )
    assert (path.value_minor, path.currency) == (5, "EUR")


@pytest.mark.parametrize(
    ("policy", "evidence"), [("OVERRIDE", "PROMO_CODE"), ("FALLBACK", "TOUCHES"), ("IGNORE", "TOUCHES")]
)
async def test_policy_says_whether_a_code_beats_touches(scene: Scene, policy: str, evidence: str) -> None:
    proven = await scene.placement("SAVE", created_at=NOON - DAY)
    touch = scene.touch(NOON - HOUR)
    await scene.store(touch, scene.conversion(promo_code="SAVE"))
    [path] = (await scene.paths(scene.scope(rules=rules(promo_policy=policy)))).values()
    assert path.evidence == evidence
    assert path.placement_ids == ([proven] if evidence == "PROMO_CODE" else [scene.placements[0]])


async def test_ignored_code_proves_nothing(scene: Scene) -> None:
    await scene.placement("SAVE", created_at=NOON - DAY)
    await scene.store(scene.conversion(promo_code="SAVE"))
    [path] = (await scene.paths(scene.scope(rules=rules(promo_policy="IGNORE")))).values()
    assert (path.evidence, path.placement_ids) == ("NONE", [])


async def test_of_several_placements_with_the_code_the_last_touched_is_proven(scene: Scene) -> None:
    touched_first = await scene.placement("SAVE", created_at=NOON - 3 * DAY)
    touched_last = await scene.placement("SAVE", created_at=NOON - 9 * DAY)
    await scene.placement("SAVE", created_at=NOON - DAY)
    await scene.store(
        scene.touch(NOON - 4 * HOUR, placement_id=touched_last),
        scene.touch(NOON - 3 * HOUR, placement_id=touched_first),
        scene.touch(NOON - 2 * HOUR, placement_id=touched_last),
        scene.touch(NOON - HOUR),
        scene.conversion(promo_code="SAVE"),
    )
    [path] = (await scene.paths(scene.scope(rules=rules(promo_policy="OVERRIDE")))).values()
    assert path.placement_ids == [touched_last]


async def test_of_untouched_placements_the_one_made_last_before_the_conversion_is_proven(scene: Scene) -> None:
    await scene.placement("SAVE", created_at=NOON - 3 * DAY)
    latest = await scene.placement("SAVE", created_at=NOON)
    await scene.placement("SAVE", created_at=NOON - DAY)
    await scene.placement("SAVE", created_at=NOON + MICROSECOND)
    await scene.store(scene.conversion(promo_code="SAVE"))
    [path] = (await scene.paths(scene.scope())).values()
    assert path.placement_ids == [latest]


async def test_of_placements_made_after_the_conversion_the_first_is_proven(scene: Scene) -> None:
    await scene.placement("SAVE", created_at=NOON + 2 * DAY)
    first = await scene.placement("SAVE", created_at=NOON + DAY)
    await scene.store(scene.conversion(promo_code="SAVE"))
    [path] = (await scene.paths(scene.scope())).values()
    assert path.placement_ids == [first]


async def test_code_that_a_further_report_names_counts_for_the_order(scene: Scene) -> None:
    proven = await scene.placement("SAVE", created_at=NOON - DAY)
    await scene.store(
        scene.conversion(order_id="o", value_minor=1, currency="EUR"),
        scene.conversion(NOON + 40 * DAY, order_id="o", counted=False, promo_code="SAVE"),
        scene.conversion(order_id="p"),
        scene.event("LEAD", NOON, order_id="o"),
    )
    paths = await scene.paths(scene.scope())
    assert [path.placement_ids for path in sorted(paths.values(), key=lambda path: path.id)] == [[proven], [], []]


async def test_unknown_codes_and_codes_of_others_prove_nothing(scene: Scene) -> None:
    other = await new_advertiser(scene.actor, "Other")
    await scene.placement("SAVE", campaign_id=(await new_campaign(scene.actor, other.id)).id)
    await scene.store(scene.conversion(promo_code="SAVE"), scene.conversion(promo_code="NEVER"))
    assert {path.evidence for path in (await scene.paths(scene.scope())).values()} == {"NONE"}


async def test_code_of_another_campaign_proves_nothing_for_a_campaign(scene: Scene) -> None:
    other = await new_campaign(scene.actor, scene.advertiser_id)
    proven = await scene.placement("SAVE", campaign_id=other.id)
    await scene.store(scene.conversion(promo_code="SAVE"))
    [path] = (await scene.paths(scene.scope(campaign_id=scene.campaign_id))).values()
    assert path.evidence == "NONE"
    [path] = (await scene.paths(scene.scope(campaign_id=other.id))).values()
    assert path.placement_ids == [proven]


async def test_code_of_an_archived_placement_still_proves_it(scene: Scene) -> None:
    proven = await scene.placement("SAVE")
    await archive_placement(scene.actor.context(), proven, 1)
    await scene.store(scene.conversion(promo_code="SAVE"))
    [path] = (await scene.paths(scene.scope())).values()
    assert path.placement_ids == [proven]


# All of it


@pytest.mark.parametrize("seed", range(4))
async def test_paths_are_those_of_an_independent_computation(services: Services, seed: int) -> None:
    """Random events close to every boundary, under each policy, of the advertiser and of one campaign."""
    scene = await new_scene(services)
    chance = random.Random(seed)  # noqa: S311  # test data, the same each time
    other = await new_campaign(scene.actor, scene.advertiser_id)
    stranger = await new_advertiser(scene.actor, "Other")
    made = {
        await scene.placement(code, NOON + days * DAY, campaign): (code, NOON + days * DAY, campaign)
        for code, days, campaign in [
            ("SAVE", -3, scene.campaign_id),
            ("SAVE", 1, other.id),
            ("MORE", -1, other.id),
            ("MORE", 2, scene.campaign_id),
        ]
    }
    windows = rules(impression_window_seconds=2 * 86_400, visit_window_seconds=86_400)
    stored: list[EventRecord] = []
    for _ in range(120):
        at = NOON + chance.randint(-6, 6) * (DAY / 2) + chance.choice([-1, 0, 0, 1]) * MICROSECOND
        kind = chance.choice(["AD_DELIVERED", "AD_DELIVERED", "CLIENT_CONFIRMED", "VISIT", "PURCHASE", "LEAD"])
        shared = {
            "household": chance.randint(1, 12),
            "advertiser_id": chance.choice([scene.advertiser_id] * 5 + [stranger.id]),
        }
        if kind in {"PURCHASE", "LEAD"}:
            order = chance.choice([None, "a", "b"])
            seen = any(
                (one.type, one.order_id, one.advertiser_id) == (kind, order, shared["advertiser_id"]) for one in stored
            )
            code = chance.choice([None, "SAVE", "MORE", "NEVER"])
            counted = order is None or not seen
            stored.append(scene.event(kind, at, order_id=order, promo_code=code, counted=counted, **shared))
        else:
            placement = chance.choice([*made, *scene.placements, *([None] if kind == "VISIT" else [])])
            stored.append(scene.event(kind, at, placement_id=placement, **shared))
    await scene.store(*stored)
    evidence: set[str] = set()
    for policy in ("OVERRIDE", "FALLBACK", "IGNORE"):
        for campaign_id in (None, other.id):
            scope = scene.scope(
                campaign_id=campaign_id,
                starts_at=NOON - DAY,
                ends_at=NOON + 2 * DAY,
                rules=msgspec.structs.replace(windows, promo_policy=policy),
            )
            campaigns = {
                **dict.fromkeys(scene.placements, scene.campaign_id),
                **{one: of[2] for one, of in made.items()},
            }
            expected = expected_paths(stored, scope, campaigns, {one: (of[0], of[1]) for one, of in made.items()})
            assert await scene.paths(scope) == expected
            evidence |= {path.evidence for path in expected.values()}
    assert evidence == {"TOUCHES", "PROMO_CODE", "NONE"}
