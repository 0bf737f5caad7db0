"""What a run computes and stores, read from the rows."""

from decimal import Decimal

import pytest
from sqlalchemy import func, select

from persistence.ids import RunId
from persistence.records import RunValueRecord
from persistence.repositories.runs import RunResults
from persistence.tables import path_sets
from resolvers.attribution.registry import models
from resolvers.context import Services
from resolvers.runs.requests import run_attribution
from tests.resolvers.paths.scene import DAY, MICROSECOND, NOON, Scene, new_scene
from tests.resolvers.runs.scene import (
    again,
    credited,
    credited_values,
    finished,
    runner,
    state,
    three_currencies,
    wanted,
)


@pytest.fixture
async def scene(services: Services) -> Scene:
    return await new_scene(services)


async def values_of(scene: Scene, run_id: RunId) -> list[RunValueRecord]:
    async with scene.actor.services.database.read(scene.actor.tenant_id) as session:
        [values] = await RunResults(session).values_of([run_id])
    return values


async def test_linear_run_divides_conversions_and_each_currency(scene: Scene) -> None:
    await three_currencies(scene)
    run = await finished(scene.actor, wanted(scene))
    one, two, three = scene.placements
    assert (run.status, run.progress, run.error_code) == ("SUCCEEDED", Decimal(1), None)
    assert run.started_at is not None
    assert run.finished_at is not None
    assert await credited(scene.actor, run) == {
        one: Decimal("1.166666666667"),
        two: Decimal("3.000000000000"),
        three: Decimal("1.833333333333"),
    }
    values = await credited_values(scene.actor, run)
    assert values[one, "JPY"] == 0
    assert values[two, "JPY"] == 777
    assert values[one, "EUR"] == Decimal("333.333333333334")
    assert values[two, "EUR"] == Decimal("6999.333333333333")
    assert values[three, "EUR"] == Decimal("3666.333333333333")
    assert values[one, "USD"] == 1_250


@pytest.mark.parametrize("model", list(models()))
async def test_stored_credits_sum_to_the_last_digit(scene: Scene, model: str) -> None:
    await three_currencies(scene)
    run = await finished(scene.actor, wanted(scene, model))
    assert sum((await credited(scene.actor, run)).values()) == 6
    values = await credited_values(scene.actor, run)
    sums = {
        currency: sum(value for (_, own), value in values.items() if own == currency)
        for currency in ("EUR", "USD", "JPY")
    }
    assert sums == {"EUR": 10_999, "USD": 2_501, "JPY": 777}
    totals = {value.currency: [value.attributed, value.unattributed] for value in await values_of(scene, run.id)}
    assert totals == {
        "EUR": [Decimal(10_999), Decimal(0)],
        "USD": [Decimal(2_501), Decimal(50_000)],
        "JPY": [Decimal(777), Decimal(0)],
    }


async def test_same_events_give_the_same_hashes(scene: Scene) -> None:
    await three_currencies(scene)
    first, second = [await finished(scene.actor, wanted(scene, "MARKOV")) for _ in range(2)]
    assert first.id != second.id
    assert first.path_set_id != second.path_set_id
    assert first.result_hash == second.result_hash
    assert await path_set_hash(scene, first.path_set_id) == await path_set_hash(scene, second.path_set_id)


@pytest.mark.parametrize("model", ["LINEAR", "FIRST_TOUCH"])
async def test_one_more_touch_changes_both_hashes(scene: Scene, model: str) -> None:
    await three_currencies(scene)
    before = await finished(scene.actor, wanted(scene, model))
    await scene.store(scene.touch(NOON - DAY + MICROSECOND, household=3, placement_id=scene.placements[1]))
    after = await finished(scene.actor, wanted(scene, model))
    assert before.result_hash != after.result_hash
    assert await path_set_hash(scene, before.path_set_id) != await path_set_hash(scene, after.path_set_id)


async def test_a_parameter_changes_the_result_hash_alone(scene: Scene) -> None:
    await three_currencies(scene)
    week = await finished(scene.actor, wanted(scene, "TIME_DECAY"))
    day = await finished(scene.actor, again(week, "TIME_DECAY", {"halfLifeHours": "24"}))
    assert day.path_set_id == week.path_set_id
    assert day.result_hash != week.result_hash


async def test_another_model_over_the_same_paths_sees_no_later_event(scene: Scene) -> None:
    await three_currencies(scene)
    first = await finished(scene.actor, wanted(scene, "LINEAR"))
    await scene.store(scene.conversion(NOON, household=3))
    second = await finished(scene.actor, again(first, "LINEAR"))
    assert second.path_set_id == first.path_set_id
    assert second.result_hash == first.result_hash
    assert (second.starts_at, second.ends_at) == (first.starts_at, first.ends_at)


async def test_campaigns_placements_alone_are_credited(services: Services, scene: Scene) -> None:
    await three_currencies(scene)
    other = await new_scene(services)
    asked = wanted(scene, advertiser_id=None, campaign_id=scene.campaign_id)
    run = await finished(scene.actor, asked)
    assert (run.advertiser_id, run.campaign_id) == (scene.advertiser_id, scene.campaign_id)
    assert set(await credited(scene.actor, run)) == set(scene.placements)
    assert other.placements[0] not in await credited(scene.actor, run)


@pytest.mark.parametrize("model", list(models()))
async def test_nothing_to_divide_is_a_success_without_credits(scene: Scene, model: str) -> None:
    run = await finished(scene.actor, wanted(scene, model))
    assert run.status == "SUCCEEDED"
    assert await credited(scene.actor, run) == {}
    assert await values_of(scene, run.id) == []


@pytest.mark.parametrize("model", list(models()))
async def test_conversions_without_a_touch_are_nobodys(scene: Scene, model: str) -> None:
    await scene.store(scene.conversion(NOON, value_minor=5, currency="EUR"), scene.conversion(NOON, household=2))
    run = await finished(scene.actor, wanted(scene, model))
    assert run.status == "SUCCEEDED"
    assert await credited(scene.actor, run) == {}
    [value] = await values_of(scene, run.id)
    assert value == RunValueRecord(run.id, "EUR", Decimal(0), Decimal(5))


async def test_a_finished_run_is_not_computed_again(scene: Scene) -> None:
    await three_currencies(scene)
    run = await finished(scene.actor, wanted(scene))
    before = await credited(scene.actor, run)
    assert not await runner(scene.actor.services).work_once()
    assert await state(scene.actor, run.id) == run
    assert await credited(scene.actor, run) == before


async def test_a_run_that_was_frozen_goes_on_from_there(scene: Scene) -> None:
    await three_currencies(scene)
    first = await finished(scene.actor, wanted(scene))
    run = await run_attribution(scene.actor.context(), again(first, "LAST_TOUCH"))
    counted = select(func.count()).select_from(path_sets).where(path_sets.c.tenant_id == scene.actor.tenant_id)
    assert await runner(scene.actor.services).work_once()
    assert (await state(scene.actor, run.id)).status == "SUCCEEDED"
    async with scene.actor.services.database.read(scene.actor.tenant_id) as session:
        assert await session.scalar(counted) == 1


async def path_set_hash(scene: Scene, path_set_id: int | None) -> str:
    statement = select(path_sets.c.hash).where(
        path_sets.c.tenant_id == scene.actor.tenant_id, path_sets.c.id == path_set_id
    )
    async with scene.actor.services.database.read(scene.actor.tenant_id) as session:
        return str(await session.scalar(statement))
