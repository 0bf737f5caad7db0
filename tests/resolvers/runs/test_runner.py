"""Claims, leases and attempts: a run is computed once, by whoever holds it, and always ends."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import func, select, update

from cache.broadcast import Broadcast
from cache.redis import open_redis
from persistence.errors import DatabaseUnavailable
from persistence.ids import RunId, TenantId
from persistence.repositories.jobs import Claim, Jobs
from persistence.repositories.paths import PathSets
from persistence.repositories.runs import RunResults
from persistence.tables import attribution_jobs, credits, path_sets
from resolvers.attribution.paths import Credits
from resolvers.context import Services
from resolvers.errors import invalid
from resolvers.runs import running
from resolvers.runs.calculating import CalculationLost
from resolvers.runs.requests import cancel_run, run_attribution
from resolvers.runs.running import ClaimLost, Running
from resolvers.runs.states import ENDED
from tests.resolvers.paths.scene import Scene, new_scene
from tests.resolvers.runs.scene import credited, finished, runner, state, three_currencies, wanted

NEVER = 500.0
"""Longer than any test takes."""


@pytest.fixture
async def scene(services: Services) -> Scene:
    found = await new_scene(services)
    await three_currencies(found)
    return found


async def claimed(services: Services, seconds: float = NEVER) -> Claim:
    async with services.database.write_account() as session:
        claim = await Jobs(session).claim(seconds, [])
    assert claim is not None
    return claim


async def let_leases_run_out(services: Services) -> None:
    async with services.database.write_account() as session:
        await session.execute(update(attribution_jobs).values(lease_until=func.now() - func.make_interval(0, 0, 0, 1)))


def held(services: Services, claim: Claim) -> Running:
    return Running(services.database, services.broadcast, claim, lambda: 0.0, 60.0)


class Gate:
    """Stands in for the calculation: says when it is reached, and goes on when it is told to."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()
        self.calls = 0

    async def __call__(self, calculation: Any, _seconds: float) -> list[Credits]:
        self.calls += 1
        self.reached.set()
        await self.opened.wait()
        found: list[Credits] = calculation.result()
        return found


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    made = Gate()
    monkeypatch.setattr(running, "calculated", made)
    return made


async def test_no_second_process_takes_a_leased_run(services: Services, scene: Scene) -> None:
    await run_attribution(scene.actor.context(), wanted(scene))
    await claimed(services)
    assert not await runner(services).work_once()


async def test_run_of_a_process_that_died_is_taken_over_and_ends(services: Services, scene: Scene) -> None:
    run = await run_attribution(scene.actor.context(), wanted(scene))
    await claimed(services)
    await let_leases_run_out(services)
    assert await runner(services).work_once()
    assert (await state(scene.actor, run.id)).status == "SUCCEEDED"


async def test_lease_from_before_the_clock_was_set_back_is_none(services: Services, scene: Scene) -> None:
    run = await run_attribution(scene.actor.context(), wanted(scene))
    await claimed(services)
    async with services.database.write_account() as session:
        tomorrow = func.now() + func.make_interval(0, 0, 0, 1)
        await session.execute(update(attribution_jobs).values(lease_until=tomorrow))
    assert await runner(services).work_once()
    assert (await state(scene.actor, run.id)).status == "SUCCEEDED"


async def test_frozen_paths_of_a_process_that_died_are_used_again(services: Services, scene: Scene) -> None:
    run = await run_attribution(scene.actor.context(), wanted(scene))
    dying = held(services, await claimed(services))
    frozen = await dying._frozen(await dying._begun())
    await let_leases_run_out(services)
    assert await runner(services).work_once()
    ended = await state(scene.actor, run.id)
    assert (ended.status, ended.path_set_id) == ("SUCCEEDED", frozen.path_set_id)


@pytest.mark.parametrize(
    "write",
    [
        lambda run: run._begun(),
        lambda run: run._note(0.5),
        lambda run: run.fail("CODE", "Why."),
        lambda run: run.complete(),
    ],
)
async def test_who_lost_the_lease_writes_nothing(
    services: Services, scene: Scene, write: Callable[[Running], Any]
) -> None:
    run = await run_attribution(scene.actor.context(), wanted(scene))
    late = held(services, await claimed(services))
    await let_leases_run_out(services)
    await claimed(services)
    before = await state(scene.actor, run.id)
    with pytest.raises(ClaimLost):
        await write(late)
    assert await state(scene.actor, run.id) == before


async def test_result_of_a_lost_claim_is_thrown_away(services: Services, scene: Scene, gate: Gate) -> None:
    run = await run_attribution(scene.actor.context(), wanted(scene))
    late = asyncio.create_task(held(services, await claimed(services)).complete())
    await gate.reached.wait()
    await let_leases_run_out(services)
    await claimed(services)
    gate.opened.set()
    with pytest.raises(ClaimLost):
        await late
    assert await credited(scene.actor, run) == {}
    assert (await state(scene.actor, run.id)).status == "RUNNING"


async def test_claim_that_was_given_back_is_none_of_the_next_ones(services: Services, scene: Scene) -> None:
    await run_attribution(scene.actor.context(), wanted(scene))
    dead = await claimed(services)
    await let_leases_run_out(services)
    second = await claimed(services)
    async with services.database.write_account() as session:
        await Jobs(session).release(second)
        assert not await Jobs(session).renew(dead, NEVER)
    third = await claimed(services)
    assert (dead.attempt, second.attempt, third.attempt) == (1, 2, 2)
    async with services.database.write_account() as session:
        await Jobs(session).release(dead)
        assert await Jobs(session).renew(third, NEVER)


async def test_lease_that_ran_out_is_still_good_while_nobody_else_has_it(services: Services, scene: Scene) -> None:
    run = await run_attribution(scene.actor.context(), wanted(scene))
    slow = held(services, await claimed(services))
    await let_leases_run_out(services)
    await slow.complete()
    assert (await state(scene.actor, run.id)).status == "SUCCEEDED"


async def test_lease_is_renewed_while_the_run_is_under_way(services: Services, scene: Scene, gate: Gate) -> None:
    await run_attribution(scene.actor.context(), wanted(scene))
    work = asyncio.create_task(runner(services, lease=NEVER, renew=0.01).work_once())
    await gate.reached.wait()
    await let_leases_run_out(services)
    async with asyncio.timeout(5), services.database.read_account() as session:
        while await Jobs(session).waiting():
            await asyncio.sleep(0.01)
    gate.opened.set()
    assert await work


async def test_fourth_attempt_fails_the_run(services: Services, scene: Scene) -> None:
    run = await run_attribution(scene.actor.context(), wanted(scene))
    for _ in range(3):
        await claimed(services)
        await let_leases_run_out(services)
    assert await runner(services).work_once()
    ended = await state(scene.actor, run.id)
    assert (ended.status, ended.error_code) == ("FAILED", "ATTEMPTS_EXHAUSTED")
    assert ended.finished_at is not None
    assert not await runner(services).work_once()
    assert await credited(scene.actor, run) == {}


@pytest.mark.parametrize("error", [CalculationLost(), DatabaseUnavailable("gone"), ZeroDivisionError()])
async def test_what_may_pass_is_tried_again_and_then_given_up(
    services: Services, scene: Scene, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async def failing(*_: Any) -> None:
        raise error

    monkeypatch.setattr(running, "calculated", failing)
    run = await run_attribution(scene.actor.context(), wanted(scene))
    one = runner(services, retry=NEVER)
    for _ in range(3):
        assert await one.work_once()
        assert not await one.work_once()
        assert (await state(scene.actor, run.id)).status == "RUNNING"
        await let_leases_run_out(services)
    assert await one.work_once()
    assert (await state(scene.actor, run.id)).error_code == "ATTEMPTS_EXHAUSTED"


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (invalid("TOO_MANY_NODES", "Too many."), "TOO_MANY_NODES", "Too many."),
        (TimeoutError(), "CALCULATION_TOO_LONG", "The model took more than 600 seconds: ask for a shorter range."),
    ],
)
async def test_what_will_never_work_fails_at_once(
    services: Services, scene: Scene, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str, message: str
) -> None:
    async def failing(*_: Any) -> None:
        raise error

    monkeypatch.setattr(running, "calculated", failing)
    run = await finished(scene.actor, wanted(scene))
    assert (run.status, run.error_code, run.error_message) == ("FAILED", code, message)


async def test_more_conversions_than_fit_fail_the_run_before_they_are_frozen(
    services: Services, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "LARGEST_CONVERSIONS", 6)
    run = await finished(scene.actor, wanted(scene))
    assert (run.status, run.error_code) == ("FAILED", "TOO_MANY_CONVERSIONS")
    counted = select(func.count()).select_from(path_sets).where(path_sets.c.tenant_id == scene.actor.tenant_id)
    async with services.database.read(scene.actor.tenant_id) as session:
        assert await session.scalar(counted) == 0


async def test_credits_that_do_not_sum_are_never_written(
    services: Services, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def inexact(calculation: Any, _seconds: float) -> list[Credits]:
        [found] = calculation.result()
        return [Credits([found.conversions[0] + 1, *found.conversions[1:]], found.values)]

    monkeypatch.setattr(running, "calculated", inexact)
    run = await run_attribution(scene.actor.context(), wanted(scene))
    assert await runner(services).work_once()
    assert await credited(scene.actor, run) == {}
    assert (await state(scene.actor, run.id)).status == "RUNNING"


async def test_queued_run_that_is_cancelled_is_never_begun(services: Services, scene: Scene) -> None:
    run = await run_attribution(scene.actor.context(), wanted(scene))
    await cancel_run(scene.actor.context(), run.id)
    assert not await runner(services).work_once()
    ended = await state(scene.actor, run.id)
    assert (ended.status, ended.started_at) == ("CANCELLED", None)
    assert ended.finished_at is not None


async def test_running_run_that_is_cancelled_leaves_no_credits(services: Services, scene: Scene, gate: Gate) -> None:
    run = await run_attribution(scene.actor.context(), wanted(scene))
    work = asyncio.create_task(runner(services, renew=0.01).work_once())
    await gate.reached.wait()
    await cancel_run(scene.actor.context(), run.id)
    async with asyncio.timeout(5):
        assert await work
    assert not gate.opened.is_set()
    assert (await state(scene.actor, run.id)).status == "CANCELLED"
    assert await credited(scene.actor, run) == {}


async def test_freezing_stops_when_the_run_is_cancelled(
    services: Services, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await run_attribution(scene.actor.context(), wanted(scene))
    claim = await claimed(services)
    seconds = iter(range(0, 10_000, 10))
    work = Running(services.database, services.broadcast, claim, lambda: float(next(seconds)), 60.0)
    freeze = PathSets.freeze

    async def cancelled_meanwhile(self: PathSets, *arguments: Any) -> Any:
        await cancel_run(scene.actor.context(), run.id)
        return await freeze(self, *arguments)

    monkeypatch.setattr(PathSets, "freeze", cancelled_meanwhile)
    with pytest.raises(ClaimLost):
        await work.complete()
    counted = select(func.count()).select_from(path_sets).where(path_sets.c.tenant_id == scene.actor.tenant_id)
    async with services.database.read(scene.actor.tenant_id) as session:
        assert await session.scalar(counted) == 0


async def test_process_that_stops_in_order_gives_its_run_back(services: Services, scene: Scene, gate: Gate) -> None:
    run = await run_attribution(scene.actor.context(), wanted(scene))
    async with runner(services, lease=NEVER, poll=NEVER).working():
        await gate.reached.wait()
    assert (await state(scene.actor, run.id)).status == "RUNNING"
    gate.opened.set()
    assert await runner(services).work_once()
    assert (await state(scene.actor, run.id)).status == "SUCCEEDED"
    assert gate.calls == 2


async def test_orderly_stops_are_no_attempts(services: Services, scene: Scene, gate: Gate) -> None:
    await run_attribution(scene.actor.context(), wanted(scene))
    for _ in range(4):
        gate.reached.clear()
        async with runner(services, lease=NEVER, poll=NEVER).working():
            await gate.reached.wait()
    assert (await claimed(services)).attempt == 1


async def test_new_run_wakes_the_runner_of_its_process_at_once(services: Services, scene: Scene) -> None:
    async with runner(services, poll=NEVER).working():
        for _ in range(2):  # the first look at the queue may have come before or after the first run
            run = await run_attribution(scene.actor.context(), wanted(scene))
            async with asyncio.timeout(10):
                while (await state(scene.actor, run.id)).status not in ENDED:
                    await asyncio.sleep(0.01)


async def test_runner_of_another_process_finds_the_run_by_looking(services: Services, scene: Scene) -> None:
    redis = open_redis(None)
    other = runner(services, poll=0.01)
    other._broadcast = Broadcast(redis)
    async with other.working():
        run = await run_attribution(scene.actor.context(), wanted(scene))
        async with asyncio.timeout(10):
            while (await state(scene.actor, run.id)).status not in ENDED:
                await asyncio.sleep(0.01)
    await redis.aclose()


async def test_runner_outlives_a_database_that_goes_away(
    services: Services, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting, failures = Jobs.waiting, iter([DatabaseUnavailable("gone"), ValueError("a defect")])

    async def failing_twice(self: Jobs) -> int:
        for error in failures:
            raise error
        return await waiting(self)

    monkeypatch.setattr(Jobs, "waiting", failing_twice)
    run = await run_attribution(scene.actor.context(), wanted(scene))
    async with runner(services, poll=0.01).working(), asyncio.timeout(10):
        while (await state(scene.actor, run.id)).status not in ENDED:
            await asyncio.sleep(0.01)
    assert (await state(scene.actor, run.id)).status == "SUCCEEDED"


async def test_two_processes_compute_each_run_once(
    services: Services, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[RunId] = []
    complete = Running.complete

    async def noted(self: Running) -> None:
        begun.append(self._claim.run_id)
        await complete(self)

    monkeypatch.setattr(Running, "complete", noted)
    runs = [await run_attribution(scene.actor.context(), wanted(scene)) for _ in range(6)]

    async def all_there_are() -> None:
        one = runner(services)
        while await one.work_once():
            pass

    await asyncio.gather(all_there_are(), all_there_are())
    while await runner(services).work_once():  # one may have looked while the other's claim was being made
        pass
    assert sorted(begun) == sorted(run.id for run in runs)
    assert {(await state(scene.actor, run.id)).status for run in runs} == {"SUCCEEDED"}


async def test_tenants_take_turns(services: Services, scene: Scene) -> None:
    other, third = [await new_scene(services) for _ in range(2)]
    for _ in range(3):
        await run_attribution(scene.actor.context(), wanted(scene))
    for later in (other, other, third):
        await run_attribution(later.actor.context(), wanted(later))
    served: list[TenantId] = []
    one = runner(services)
    while await one.work_once():
        served.append(one._served[-1])
    first, second, last = (one_scene.actor.tenant_id for one_scene in (scene, other, third))
    assert served == [first, second, last, first, second, first]


async def test_tenant_with_fewest_runs_under_way_goes_first(services: Services, scene: Scene) -> None:
    other = await new_scene(services)
    for _ in range(2):
        await run_attribution(scene.actor.context(), wanted(scene))
    await run_attribution(other.actor.context(), wanted(other))
    assert [(await claimed(services)).tenant_id for _ in range(3)] == [
        scene.actor.tenant_id,
        other.actor.tenant_id,
        scene.actor.tenant_id,
    ]


async def test_metrics_tell_what_became_of_runs(services: Services, scene: Scene) -> None:
    await run_attribution(scene.actor.context(), wanted(scene))
    await run_attribution(scene.actor.context(), wanted(scene))
    registry = CollectorRegistry()
    one = runner(services, registry)
    assert await one.work_once()
    assert registry.get_sample_value("podgraph_attribution_jobs_waiting") == 2
    assert await one.work_once()
    assert not await one.work_once()
    assert registry.get_sample_value("podgraph_attribution_jobs_waiting") == 0
    assert registry.get_sample_value("podgraph_attribution_runs_total", {"outcome": "succeeded"}) == 2
    assert registry.get_sample_value("podgraph_attribution_run_seconds_count") == 2


async def test_credits_are_written_with_the_end_of_the_run_or_not_at_all(
    services: Services, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await run_attribution(scene.actor.context(), wanted(scene))

    async def cut(*_: Any, **__: Any) -> None:
        raise DatabaseUnavailable("gone")

    with monkeypatch.context() as patched:
        patched.setattr(RunResults, "write_values", cut)
        assert await runner(services, retry=0.0).work_once()
    counted = select(func.count()).select_from(credits).where(credits.c.tenant_id == scene.actor.tenant_id)
    async with services.database.read(scene.actor.tenant_id) as session:
        assert await session.scalar(counted) == 0
    assert await runner(services).work_once()
    assert (await state(scene.actor, run.id)).status == "SUCCEEDED"
