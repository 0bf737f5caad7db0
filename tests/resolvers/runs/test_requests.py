"""Asking for runs and calling them off: what is refused, and who may."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from persistence.ids import AdvertiserId, CampaignId, RunId
from persistence.repositories.path_rules import PathRules
from persistence.repositories.runs import AttributionRuns
from resolvers.attribution.registry import chosen
from resolvers.context import RequestContext, Services
from resolvers.errors import Forbidden, IllegalTransition, InvalidInput, NotFound, Unauthenticated
from resolvers.policy import Role, Scope, Viewer
from resolvers.runs.requests import LARGEST_QUEUE, WantedRun, WantedScope, cancel_run, run_attribution
from tests.actors import Actor, new_member
from tests.resolvers.paths.scene import DAY, MICROSECOND, NOON, RULES, Scene, new_scene
from tests.resolvers.runs.scene import again, finished, state, wanted


@pytest.fixture
async def scene(services: Services) -> Scene:
    return await new_scene(services)


async def run_count(actor: Actor) -> int:
    async with actor.services.database.read(actor.tenant_id) as session:
        return await AttributionRuns(session).count()


async def test_new_run_waits_with_all_that_was_asked(scene: Scene) -> None:
    asked = wanted(scene, "TIME_DECAY", {"halfLifeHours": "24.0"})
    rules = PathRules("CLIENT_CONFIRMED", 3_600, 0, "OVERRIDE")
    run = await run_attribution(scene.actor.context(), msgspec.structs.replace(asked, rules=rules))
    assert (run.status, run.progress, run.path_set_id, run.started_at) == ("QUEUED", Decimal(0), None, None)
    assert (run.model, run.model_version, run.parameters) == ("TIME_DECAY", 1, '{"halfLifeHours":"24"}')
    assert (run.impressions, run.impression_window_seconds) == ("CLIENT_CONFIRMED", 3_600)
    assert (run.visit_window_seconds, run.promo_policy) == (0, "OVERRIDE")
    assert (run.starts_at, run.ends_at) == (NOON - 5 * DAY, NOON + 5 * DAY)
    assert (run.advertiser_id, run.campaign_id, run.created_by) == (scene.advertiser_id, None, scene.actor.user_id)


async def test_rules_have_defaults(scene: Scene) -> None:
    run = await run_attribution(scene.actor.context(), wanted(scene))
    assert (
        PathRules(run.impressions, run.impression_window_seconds, run.visit_window_seconds, run.promo_policy) == RULES
    )


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"advertiser_id": None}, "ONE_SCOPE_NEEDED"),
        ({"campaign_id": CampaignId(1)}, "ONE_SCOPE_NEEDED"),
        ({"starts_at": None}, "RANGE_NEEDED"),
        ({"ends_at": None}, "RANGE_NEEDED"),
        ({"starts_at": NOON + 5 * DAY}, "RANGE_EMPTY"),
        ({"starts_at": NOON + 6 * DAY}, "RANGE_EMPTY"),
        ({"starts_at": NOON + 5 * DAY - timedelta(days=400) - MICROSECOND}, "RANGE_TOO_LONG"),
        (
            {"starts_at": datetime(2999, 1, 1, tzinfo=UTC), "ends_at": datetime(2999, 1, 2, tzinfo=UTC)},
            "RANGE_IN_FUTURE",
        ),
        (
            {"starts_at": datetime(1, 1, 1, tzinfo=UTC), "ends_at": datetime(1, 1, 2, tzinfo=UTC)},
            "RANGE_OUT_OF_CALENDAR",
        ),
    ],
)
async def test_scope_that_makes_no_sense_is_refused(scene: Scene, values: dict[str, Any], code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await run_attribution(scene.actor.context(), wanted(scene, **values))
    assert refused.value.problems[0].code == code
    assert await run_count(scene.actor) == 0


async def test_longest_range_and_the_present_moment_are_allowed(scene: Scene) -> None:
    now = scene.actor.services.clock()
    run = await run_attribution(scene.actor.context(), wanted(scene, starts_at=now - timedelta(days=400), ends_at=now))
    assert run.ends_at == now


async def test_another_tenants_advertiser_campaign_and_run_are_unknown(services: Services, scene: Scene) -> None:
    other = await new_scene(services)
    theirs = await finished(other.actor, wanted(other))
    for asked in (
        wanted(scene, advertiser_id=other.advertiser_id),
        wanted(scene, advertiser_id=None, campaign_id=other.campaign_id),
        wanted(scene, advertiser_id=AdvertiserId(2**62)),
        again(theirs, "LINEAR"),
    ):
        with pytest.raises(NotFound):
            await run_attribution(scene.actor.context(), asked)
    with pytest.raises(NotFound):
        await cancel_run(scene.actor.context(), theirs.id)
    assert await run_count(scene.actor) == 0
    assert await state(other.actor, theirs.id) == theirs


async def test_another_tenants_waiting_run_cannot_be_cancelled(services: Services, scene: Scene) -> None:
    other = await new_scene(services)
    theirs = await run_attribution(other.actor.context(), wanted(other))
    with pytest.raises(NotFound):
        await cancel_run(scene.actor.context(), theirs.id)
    assert await state(other.actor, theirs.id) == theirs
    assert (await finished(other.actor, wanted(other))).status == "SUCCEEDED"
    assert (await state(other.actor, theirs.id)).status == "SUCCEEDED"


async def test_paths_of_a_run_that_has_not_succeeded_cannot_be_used(scene: Scene) -> None:
    waiting = await run_attribution(scene.actor.context(), wanted(scene))
    with pytest.raises(InvalidInput) as refused:
        await run_attribution(scene.actor.context(), again(waiting, "LINEAR"))
    assert refused.value.problems[0].code == "RUN_NOT_FINISHED"


@pytest.mark.parametrize("values", [{"rules": RULES}, {"scope": WantedScope(None, None, NOON, None)}])
async def test_paths_of_another_run_go_with_nothing_else(scene: Scene, values: dict[str, Any]) -> None:
    asked = WantedRun(WantedScope(None, None, None, None), None, RunId(1), chosen("LINEAR", None, {}))
    with pytest.raises(InvalidInput) as refused:
        await run_attribution(scene.actor.context(), msgspec.structs.replace(asked, **values))
    assert refused.value.problems[0].code == "CONFLICTING_ARGUMENTS"


async def test_a_tenant_has_a_bounded_queue_however_many_ask_at_once(services: Services, scene: Scene) -> None:
    asked = [run_attribution(scene.actor.context(), wanted(scene)) for _ in range(LARGEST_QUEUE + 3)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, InvalidInput)]
    assert [answer.problems[0].code for answer in refused] == ["TOO_MANY_RUNS"] * 3
    assert await run_count(scene.actor) == LARGEST_QUEUE
    other = await new_scene(services)
    assert (await run_attribution(other.actor.context(), wanted(other))).status == "QUEUED"


async def test_a_cancelled_run_makes_room(scene: Scene) -> None:
    runs = [await run_attribution(scene.actor.context(), wanted(scene)) for _ in range(LARGEST_QUEUE)]
    await cancel_run(scene.actor.context(), runs[0].id)
    assert (await run_attribution(scene.actor.context(), wanted(scene))).status == "QUEUED"


async def test_run_that_has_ended_cannot_be_cancelled(scene: Scene) -> None:
    run = await finished(scene.actor, wanted(scene))
    with pytest.raises(IllegalTransition):
        await cancel_run(scene.actor.context(), run.id)
    assert await state(scene.actor, run.id) == run


async def test_cancelling_twice_is_refused_the_second_time(scene: Scene) -> None:
    run = await run_attribution(scene.actor.context(), wanted(scene))
    cancelled = await cancel_run(scene.actor.context(), run.id)
    with pytest.raises(IllegalTransition):
        await cancel_run(scene.actor.context(), run.id)
    assert await state(scene.actor, run.id) == cancelled


async def test_viewers_and_strangers_change_nothing(services: Services, scene: Scene) -> None:
    run = await run_attribution(scene.actor.context(), wanted(scene))
    viewer = await new_member(services, scene.actor.tenant_id, Role.VIEWER)
    reader = RequestContext(services, Viewer(tenant_id=scene.actor.tenant_id, scopes=frozenset({Scope.READ})))
    for context, error in (
        (viewer.context(), Forbidden),
        (reader, Forbidden),
        (RequestContext(services, None), Unauthenticated),
    ):
        with pytest.raises(error):
            await run_attribution(context, wanted(scene))
        with pytest.raises(error):
            await cancel_run(context, run.id)
    assert await run_count(scene.actor) == 1
    assert await state(scene.actor, run.id) == run


async def test_an_api_key_for_attribution_may_run(services: Services, scene: Scene) -> None:
    key = Viewer(tenant_id=scene.actor.tenant_id, scopes=frozenset({Scope.ATTRIBUTION}))
    run = await run_attribution(RequestContext(services, key), wanted(scene))
    assert (run.status, run.created_by) == ("QUEUED", None)
