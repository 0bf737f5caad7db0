"""What another tenant sees and changes of runs, credits and jobs: nothing; and sums that only SQL makes."""

from decimal import Decimal

import pytest
from sqlalchemy import delete, func, select, update

from persistence.errors import MissingReference, RefusedValue
from persistence.ids import PathSetId, RunId
from persistence.pages import Slice
from persistence.records import AttributionRunRecord
from persistence.repositories.credits import GROUPS, Credits
from persistence.repositories.jobs import Claim, Jobs, forget, surrender
from persistence.repositories.runs import AttributionRuns, RunFilter, RunResults
from persistence.tables import attribution_jobs, attribution_runs, credit_values, credits, path_sets, run_values
from resolvers.context import Services
from resolvers.runs.requests import run_attribution
from tests.resolvers.paths.scene import Scene, new_scene
from tests.resolvers.runs.scene import finished, state, three_currencies, wanted


@pytest.fixture
async def scene(services: Services) -> Scene:
    found = await new_scene(services)
    await three_currencies(found)
    return found


@pytest.fixture
async def other(services: Services) -> Scene:
    return await new_scene(services)


async def claim_of(scene: Scene) -> Claim:
    """A new run of the tenant, claimed."""
    async with scene.actor.services.database.write_account() as session:
        await session.execute(delete(attribution_jobs))
    await run_attribution(scene.actor.context(), wanted(scene))
    async with scene.actor.services.database.write_account() as session:
        claim = await Jobs(session).claim(60.0, [])
    assert claim is not None
    return claim


@pytest.mark.parametrize("group", GROUPS)
async def test_credits_of_another_tenants_run_are_not_there(scene: Scene, other: Scene, group: str) -> None:
    run = await finished(scene.actor, wanted(scene))
    part = Slice(group, False, 10)
    async with scene.actor.services.database.read(scene.actor.tenant_id) as session:
        assert await Credits(session).counts([run.id], group) != [0]
    async with other.actor.services.database.read(other.actor.tenant_id) as session:
        rows = Credits(session)
        assert [page.records for page in await rows.pages([run.id], part)] == [[]]
        assert await rows.counts([run.id], group) == [0]
        assert [page.records for page in await rows.moves([run.id], RunId(1), part)] == [[]]
        assert await rows.move_counts([run.id], RunId(1), group) == [0]
        assert await rows.values([(run.id, scene.placements[0])], group) == [{}]
        assert await RunResults(session).values_of([run.id]) == [[]]
        runs = AttributionRuns(session)
        assert await runs.by_ids([run.id]) == [None]
        assert (await runs.page(Slice("CREATED_AT", True, 10), RunFilter())).records == []


async def test_comparing_with_another_tenants_run_shows_ones_own_alone(scene: Scene, other: Scene) -> None:
    await three_currencies(other)
    own, theirs = await finished(other.actor, wanted(other)), await finished(scene.actor, wanted(scene))
    async with other.actor.services.database.read(other.actor.tenant_id) as session:
        [page] = await Credits(session).moves([own.id], theirs.id, Slice("PLACEMENT", False, 10))
    assert {move.id for move in page.records} == set(other.placements)
    assert {move.before for move in page.records} == {Decimal(0)}


async def test_another_tenant_changes_no_run_even_with_its_claim(scene: Scene, other: Scene) -> None:
    claim = await claim_of(scene)
    before = await state(scene.actor, claim.run_id)
    async with other.actor.services.database.write(other.actor.tenant_id) as session:
        runs = AttributionRuns(session)
        assert await runs.begin(claim) is None
        assert not await runs.note_progress(claim, Decimal("0.5"))
        assert await runs.note_path_set(claim, PathSetId(1)) is None
        assert await runs.finish(claim.run_id, "CANCELLED") is None
        await forget(session, claim.run_id)
    assert await state(scene.actor, claim.run_id) == before
    async with scene.actor.services.database.read_account() as session:
        held = select(func.count()).select_from(attribution_jobs).where(attribution_jobs.c.run_id == claim.run_id)
        assert await session.scalar(held) == 1


async def test_another_tenant_writes_no_results_into_a_run(scene: Scene, other: Scene) -> None:
    run = await run_attribution(scene.actor.context(), wanted(scene))
    row = {"placement_id": other.placements[0], "conversions": Decimal(1), "weight": None}
    with pytest.raises(MissingReference):
        async with other.actor.services.database.write(other.actor.tenant_id) as session:
            await RunResults(session).write_credits(run.id, [row])
    with pytest.raises(MissingReference):
        async with scene.actor.services.database.write(scene.actor.tenant_id) as session:
            await RunResults(session).write_credits(run.id, [row])


async def test_row_level_security_hides_results_from_statements_that_name_no_tenant(scene: Scene, other: Scene) -> None:
    await finished(scene.actor, wanted(scene))
    async with other.actor.services.database.read(other.actor.tenant_id) as session:
        for table in (attribution_runs, credits, credit_values, run_values, path_sets):
            assert await session.scalar(select(func.count()).select_from(table)) == 0


async def test_progress_never_goes_back(scene: Scene) -> None:
    claim = await claim_of(scene)
    async with scene.actor.services.database.write(scene.actor.tenant_id) as session:
        runs = AttributionRuns(session)
        assert await runs.begin(claim) is not None
        assert await runs.note_progress(claim, Decimal("0.5"))
        assert await runs.note_progress(claim, Decimal("0.25"))
    assert (await state(scene.actor, claim.run_id)).progress == Decimal("0.500")


async def test_first_path_set_noted_stays(scene: Scene) -> None:
    done = await finished(scene.actor, wanted(scene))
    again = await finished(scene.actor, wanted(scene))
    claim = await claim_of(scene)
    async with scene.actor.services.database.write(scene.actor.tenant_id) as session:
        runs = AttributionRuns(session)
        for finished_run in (done, again):
            assert finished_run.path_set_id is not None
            noted = await runs.note_path_set(claim, finished_run.path_set_id)
            assert noted is not None
            assert noted.path_set_id == done.path_set_id


async def test_ended_run_takes_no_more_writes(scene: Scene) -> None:
    claim = await claim_of(scene)
    async with scene.actor.services.database.write(scene.actor.tenant_id) as session:
        runs = AttributionRuns(session)
        ended = await runs.finish(claim.run_id, "CANCELLED")
        assert ended is not None
        assert await runs.begin(claim) is None
        assert await runs.finish(claim.run_id, "FAILED", error_code="X", error_message="X") is None
    assert await state(scene.actor, claim.run_id) == ended


async def test_job_is_surrendered_once(scene: Scene) -> None:
    claim = await claim_of(scene)
    async with scene.actor.services.database.write(scene.actor.tenant_id) as session:
        assert await surrender(session, claim)
        assert not await surrender(session, claim)


@pytest.mark.parametrize("values", [{"status": "SUCCEEDED"}, {"progress": Decimal("1.5")}, {"status": "DONE"}])
async def test_run_that_makes_no_sense_is_refused(scene: Scene, values: dict[str, object]) -> None:
    run: AttributionRunRecord = await run_attribution(scene.actor.context(), wanted(scene))
    own = (attribution_runs.c.tenant_id == scene.actor.tenant_id, attribution_runs.c.id == run.id)
    with pytest.raises(RefusedValue):
        async with scene.actor.services.database.write(scene.actor.tenant_id) as session:
            await session.execute(update(attribution_runs).where(*own).values(**values))


async def test_trial_undoes_whatever_was_written(scene: Scene) -> None:
    run = await run_attribution(scene.actor.context(), wanted(scene))
    async with scene.actor.services.database.trial(scene.actor.tenant_id) as session:
        assert await AttributionRuns(session).finish(run.id, "CANCELLED") is not None
    assert await state(scene.actor, run.id) == run
    with pytest.raises(ZeroDivisionError):
        async with scene.actor.services.database.trial(scene.actor.tenant_id) as session:
            await AttributionRuns(session).finish(run.id, "CANCELLED")
            raise ZeroDivisionError
    assert await state(scene.actor, run.id) == run


async def test_trial_sees_what_there_was_at_its_first_statement(scene: Scene) -> None:
    run = await run_attribution(scene.actor.context(), wanted(scene))
    async with scene.actor.services.database.trial(scene.actor.tenant_id) as session:
        assert await AttributionRuns(session).by_ids([run.id]) == [run]
        async with scene.actor.services.database.write(scene.actor.tenant_id) as meanwhile:
            await AttributionRuns(meanwhile).finish(run.id, "CANCELLED")
        assert await AttributionRuns(session).by_ids([run.id]) == [run]
