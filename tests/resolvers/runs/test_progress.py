"""Watching a run: at once, with each change, until its end; and no longer than one may."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest
from sqlalchemy import update

from persistence.ids import RunId
from persistence.tables import attribution_runs, user_sessions
from resolvers.context import RequestContext, Services
from resolvers.errors import NotFound, Unauthenticated
from resolvers.runs.news import topic
from resolvers.runs.progress import RunProgress, run_progress
from resolvers.runs.requests import cancel_run, run_attribution
from tests.resolvers.paths.scene import Scene, new_scene
from tests.resolvers.runs.scene import finished, runner, three_currencies, wanted

NEVER = 3_600.0


@pytest.fixture
async def scene(services: Services) -> Scene:
    found = await new_scene(services)
    await three_currencies(found)
    return found


async def following(events: AsyncGenerator[RunProgress, None]) -> RunProgress:
    async with asyncio.timeout(5):
        return await anext(events)


async def test_run_that_has_ended_is_shown_once(scene: Scene) -> None:
    run = await finished(scene.actor, wanted(scene))
    async with aclosing(await run_progress(scene.actor.context(), run.id)) as events:
        assert [event async for event in events] == [RunProgress(run.id)]
    assert topic(scene.actor.tenant_id, run.id) not in scene.actor.services.broadcast.topics


async def test_each_change_is_heard_and_the_end_is_the_last(services: Services, scene: Scene) -> None:
    run = await run_attribution(scene.actor.context(), wanted(scene))
    async with aclosing(await run_progress(scene.actor.context(), run.id, NEVER)) as events:
        assert await following(events) == RunProgress(run.id)
        work = asyncio.create_task(runner(services).work_once())
        async with asyncio.timeout(10):
            heard = [event async for event in events]
        await work
    assert heard
    assert set(heard) == {RunProgress(run.id)}


async def test_cancelling_ends_it(scene: Scene) -> None:
    run = await run_attribution(scene.actor.context(), wanted(scene))
    async with aclosing(await run_progress(scene.actor.context(), run.id, NEVER)) as events:
        await following(events)
        waiting = asyncio.create_task(following(events))
        await asyncio.sleep(0)
        await cancel_run(scene.actor.context(), run.id)
        assert await waiting == RunProgress(run.id)
        with pytest.raises(StopAsyncIteration):
            await following(events)


async def test_without_news_the_end_is_found_by_looking(services: Services, scene: Scene) -> None:
    run = await run_attribution(scene.actor.context(), wanted(scene))
    async with aclosing(await run_progress(scene.actor.context(), run.id, 0.01)) as events:
        await following(events)
        async with services.database.write(scene.actor.tenant_id) as session:
            own = (attribution_runs.c.tenant_id == scene.actor.tenant_id, attribution_runs.c.id == run.id)
            await session.execute(update(attribution_runs).where(*own).values(status="CANCELLED"))
        assert await following(events) == RunProgress(run.id)
        with pytest.raises(StopAsyncIteration):
            await following(events)


async def test_login_that_was_ended_hears_no_more(services: Services, scene: Scene) -> None:
    run = await run_attribution(scene.actor.context(), wanted(scene))
    async with aclosing(await run_progress(scene.actor.context(), run.id, NEVER)) as events:
        await following(events)
        async with services.database.write_account(scene.actor.user_id) as session:
            ended = update(user_sessions).where(user_sessions.c.id == scene.actor.session_id)
            await session.execute(ended.values(revoked_at=services.clock()))
        waiting = asyncio.create_task(following(events))
        await asyncio.sleep(0)
        await cancel_run(scene.actor.context(), run.id)
        with pytest.raises(Unauthenticated):
            await waiting


async def test_another_tenants_run_and_no_run_are_the_same(services: Services, scene: Scene) -> None:
    other = await new_scene(services)
    run = await run_attribution(scene.actor.context(), wanted(scene))
    for run_id in (run.id, RunId(12_345)):
        with pytest.raises(NotFound):
            await run_progress(other.actor.context(), run_id)
    with pytest.raises(Unauthenticated):
        await run_progress(RequestContext(services, None), run.id)
