"""Models side by side and removal effects, without a run."""

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select

from persistence.ids import CampaignId, PlacementId
from persistence.repositories.path_rules import PathRules
from persistence.tables import frozen_conversions, path_sets
from resolvers.attribution.registry import chosen, models
from resolvers.context import Services
from resolvers.errors import Forbidden, InvalidInput, NotFound
from resolvers.policy import Role
from resolvers.runs import comparison
from resolvers.runs.comparison import ModelComparison, compare_models, first_rows, removal_effect
from resolvers.runs.line import Busy
from resolvers.runs.requests import WantedScope
from tests.actors import new_member
from tests.resolvers.campaigns.scene import new_campaign, new_line_item, new_placement
from tests.resolvers.paths.scene import DAY, NOON, RULES, Scene, new_scene
from tests.resolvers.runs.scene import again, credited, credited_values, finished, three_currencies, wanted

FROM, UNTIL = NOON - 5 * DAY, NOON + 5 * DAY


@pytest.fixture
async def scene(services: Services) -> Scene:
    found = await new_scene(services)
    await three_currencies(found)
    return found


async def compared(scene: Scene, *kinds: str, group: str = "PLACEMENT", **values: Any) -> ModelComparison:
    given: dict[str, Any] = {"campaign_id": scene.campaign_id, "starts_at": FROM, "ends_at": UNTIL, "rules": RULES}
    asked = [chosen(kind, None, {}) for kind in kinds or ("LINEAR", "MARKOV")]
    return await compare_models(scene.actor.context(), **{**given, **values}, models=asked, group=group)


async def removed(scene: Scene, *placements: PlacementId, **values: Any) -> Any:
    given: dict[str, Any] = {
        "advertiser_id": scene.advertiser_id,
        "campaign_id": None,
        "starts_at": FROM,
        "ends_at": UNTIL,
        **values,
    }
    return await removal_effect(scene.actor.context(), WantedScope(**given), RULES, placements)


async def stored(scene: Scene) -> int:
    """Path sets and frozen conversions of the tenant."""
    async with scene.actor.services.database.read(scene.actor.tenant_id) as session:
        return sum(
            [
                await session.scalar(select(func.count()).where(table.c.tenant_id == scene.actor.tenant_id))
                for table in (path_sets, frozen_conversions)
            ]
        )


async def test_models_give_what_runs_of_their_own_give(scene: Scene) -> None:
    kinds = list(models())
    found = await compared(scene, *kinds)
    assert await stored(scene) == 0
    run = await finished(scene.actor, wanted(scene, kinds[0], advertiser_id=None, campaign_id=scene.campaign_id))
    for place, kind in enumerate(kinds):
        run = await finished(scene.actor, again(run, kind))
        rows = {row.id: row.credits[place] for row in found.rows}
        assert {subject: row.conversions for subject, row in rows.items()} == await credited(scene.actor, run)
        assert {
            (subject, currency): value for subject, row in rows.items() for currency, value in row.values.items()
        } == await credited_values(scene.actor, run)
    async with scene.actor.services.database.read(scene.actor.tenant_id) as session:
        own = (path_sets.c.tenant_id == scene.actor.tenant_id, path_sets.c.id == run.path_set_id)
        assert await session.scalar(select(path_sets.c.hash).where(*own)) == found.path_set_hash


async def test_all_models_divide_the_same(scene: Scene) -> None:
    found = await compared(scene, "LINEAR", "SHAPLEY", "LAST_TOUCH")
    assert [choice.kind for choice in found.models] == ["LINEAR", "SHAPLEY", "LAST_TOUCH"]
    assert (found.totals.conversions, found.totals.attributed_conversions) == (7, 6)
    for place in range(3):
        assert sum(row.credits[place].conversions for row in found.rows) == 6
        assert sum(row.credits[place].values["EUR"] for row in found.rows) == 10_999
    firsts = [row.credits[0].conversions for row in found.rows]
    assert firsts == sorted(firsts, reverse=True)


async def test_groups_add_placements_up(scene: Scene) -> None:
    actor = scene.actor
    item = await new_line_item(actor, scene.campaign_id)
    other = await new_placement(actor, item.id)
    await scene.store(scene.touch(NOON, placement_id=other.id, household=9), scene.conversion(NOON, household=9))
    sizes = {
        group: [row.credits[0].conversions for row in (await compared(scene, group=group)).rows]
        for group in ("PLACEMENT", "LINE_ITEM", "CAMPAIGN", "EPISODE", "PODCAST")
    }
    assert [len(size) for size in sizes.values()] == [4, 2, 1, 2, 2]
    assert [sum(size) for size in sizes.values()] == [7] * 5
    assert sizes["LINE_ITEM"] == [6, 1]
    assert (await compared(scene, group="LINE_ITEM")).rows[1].id == item.id


async def test_rows_are_cut_where_asked(scene: Scene) -> None:
    found = await compared(scene)
    assert len(first_rows(found, None)) == found.subject_count == 3
    assert first_rows(found, 2) == found.rows[:2]
    with pytest.raises(InvalidInput):
        first_rows(found, 1_001)


@pytest.mark.parametrize(
    ("values", "kinds", "code"),
    [
        ({}, ["LINEAR"], "WRONG_NUMBER_OF_MODELS"),
        ({}, ["LINEAR"] * 11, "WRONG_NUMBER_OF_MODELS"),
        ({"starts_at": UNTIL}, [], "RANGE_EMPTY"),
        ({"starts_at": FROM - 400 * DAY}, [], "RANGE_TOO_LONG"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    scene: Scene, values: dict[str, Any], kinds: list[str], code: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await compared(scene, *kinds, **values)
    assert refused.value.problems[0].code == code


@pytest.mark.parametrize(
    ("limit", "code"), [("LARGEST_CONVERSIONS", "TOO_MANY_CONVERSIONS"), ("LARGEST_TOUCHES", "TOO_MANY_TOUCHES")]
)
async def test_more_than_a_request_may_wait_for_is_for_a_run(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, limit: str, code: str
) -> None:
    monkeypatch.setattr(comparison, limit, 6)
    for asked in (compared(scene), removed(scene, scene.placements[0])):
        with pytest.raises(InvalidInput, match="use runAttribution") as refused:
            await asked
        assert refused.value.problems[0].code == code


async def test_calculation_that_takes_too_long_is_for_a_run(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    async def slow(*_: Any) -> None:
        raise TimeoutError

    monkeypatch.setattr(comparison, "calculated", slow)
    with pytest.raises(InvalidInput) as refused:
        await compared(scene)
    assert refused.value.problems[0].code == "CALCULATION_TOO_LONG"


async def test_another_tenants_campaign_and_placements_are_unknown(services: Services, scene: Scene) -> None:
    other = await new_scene(services)
    with pytest.raises(NotFound):
        await compared(other, campaign_id=scene.campaign_id)
    with pytest.raises(NotFound):
        await compared(other, campaign_id=CampaignId(2**60))
    with pytest.raises(NotFound):
        await removed(other, scene.placements[0])
    with pytest.raises(NotFound):
        await removed(other, other.placements[0], advertiser_id=scene.advertiser_id)


async def test_viewers_do_not_calculate(services: Services, scene: Scene) -> None:
    viewer = await new_member(services, scene.actor.tenant_id, Role.VIEWER)
    asked = [chosen(kind, None, {}) for kind in ("LINEAR", "MARKOV")]
    with pytest.raises(Forbidden):
        await compare_models(viewer.context(), scene.campaign_id, FROM, UNTIL, RULES, asked, "PLACEMENT")
    with pytest.raises(Forbidden):
        scope = WantedScope(scene.advertiser_id, None, FROM, UNTIL)
        await removal_effect(viewer.context(), scope, RULES, [scene.placements[0]])


async def test_a_full_line_sends_away(services: Services, scene: Scene) -> None:
    async with services.line.place(scene.actor.tenant_id):
        services.line._present[scene.actor.tenant_id] += 1
        try:
            with pytest.raises(Busy):
                await compared(scene)
        finally:
            services.line._present[scene.actor.tenant_id] -= 1


async def test_removing_every_placement_loses_every_attributed_conversion(scene: Scene) -> None:
    found = await removed(scene, *scene.placements)
    assert (found.effect, found.conversions_lost) == (Decimal(1), Decimal(6))
    assert (found.totals.attributed_conversions, found.totals.conversions) == (6, 7)


async def test_removing_one_placement_by_hand(scene: Scene) -> None:
    """Every journey of the first placement begins with it: 3 of 5 journeys, all of which convert."""
    found = await removed(scene, scene.placements[0], campaign_id=scene.campaign_id, advertiser_id=None)
    assert found.effect == Decimal("0.5")
    assert found.conversions_lost == Decimal(3)


async def test_removing_what_nobody_heard_loses_nothing(scene: Scene) -> None:
    campaign = await new_campaign(scene.actor, scene.advertiser_id)
    silent = await new_placement(scene.actor, (await new_line_item(scene.actor, campaign.id)).id)
    found = await removed(scene, silent.id)
    assert (found.effect, found.conversions_lost) == (Decimal(0), Decimal(0))
    assert await stored(scene) == 0


async def test_journeys_that_do_not_convert_count(scene: Scene) -> None:
    one, _, three = scene.placements
    before = await removed(scene, one)
    for household in range(100, 105):
        await scene.store(
            scene.touch(NOON - DAY, household=household, placement_id=three),
            scene.touch(NOON, household=household, placement_id=one),
        )
    after = await removed(scene, one)
    assert after.path_set_hash != before.path_set_hash
    assert after.effect != before.effect


@pytest.mark.parametrize("count", [0, 101])
async def test_number_of_removed_placements_is_bounded(scene: Scene, count: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        await removed(scene, *[scene.placements[0]] * count)
    assert refused.value.problems[0].code == "WRONG_NUMBER_OF_PLACEMENTS"


async def test_rules_decide_what_is_compared(scene: Scene) -> None:
    nothing = PathRules("AD_DELIVERED", 0, 0, "IGNORE")
    found = await compared(scene, rules=nothing)
    assert (found.rows, found.totals.attributed_conversions) == ((), 0)
