"""One run, from its claim to its result: freeze the paths, count them, calculate, write.

Whatever is written says under which claim; a claim that was lost writes nothing.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Final

import msgspec

from cache.broadcast import Broadcast
from persistence.database import Database
from persistence.ids import PathSetId, PlacementId
from persistence.records import AttributionRunRecord, PathSetRecord
from persistence.repositories.jobs import Claim, surrender
from persistence.repositories.path_freeze import Freezing, PathScope
from persistence.repositories.paths import PathSets
from persistence.repositories.runs import AttributionRuns, RunResults
from resolvers.attribution.paths import Credits, PathCounts
from resolvers.errors import invalid
from resolvers.paths.counts import path_counts
from resolvers.paths.rules import rules_of
from resolvers.runs.calculating import calculated
from resolvers.runs.calculations import CreditCalculation, ModelChoice
from resolvers.runs.news import tell_changed
from resolvers.runs.results import Totals, credit_rows, refuse_inexact, result_hash, totals, value_rows
from resolvers.runs.states import RunStatus

LARGEST_CONVERSIONS: Final = 5_000_000
LARGEST_TOUCHES: Final = 50_000_000
"""Of one run: what fits into the memory of a process."""

_FROZEN: Final = 0.7
_COUNTED: Final = 0.8
_CALCULATED: Final = 0.95
"""How far a run is after each step; freezing takes longest."""

_NOTE_SECONDS: Final = 1.0


class ClaimLost(Exception):
    """The run was cancelled, or another process has it: this one stops and writes nothing."""


class Outcome(msgspec.Struct, frozen=True):
    """What is written when a run ends well."""

    path_set: PathSetRecord
    placement_ids: list[PlacementId]
    credits: Credits
    totals: Totals


class Running:
    """A claimed run. `clock` counts seconds, from any start; `seconds` is what the calculation may take."""

    def __init__(
        self, database: Database, broadcast: Broadcast, claim: Claim, clock: Callable[[], float], seconds: float
    ) -> None:
        self._database = database
        self._broadcast = broadcast
        self._claim = claim
        self._clock = clock
        self._seconds = seconds
        self._noted_at = clock()

    async def complete(self) -> None:
        """Raises ClaimLost; InvalidInput for what will never work; anything else might work another time."""
        run = await self._begun()
        if run.path_set_id is None:
            run = await self._frozen(run)
        if run.path_set_id is None:
            raise LookupError("a frozen run has no path set")
        model = ModelChoice(run.model, run.model_version, msgspec.json.decode(run.parameters, type=dict[str, str]))
        path_set, paths, placement_ids = await self._counted(run.path_set_id, model)
        await self._note(_COUNTED)
        [credits] = await calculated(CreditCalculation((model,), paths), self._seconds)
        await self._note(_CALCULATED)
        whole = totals(paths)
        refuse_inexact(credits, whole)
        await self._write(model, Outcome(path_set, placement_ids, credits, whole))

    async def fail(self, code: str, message: str) -> None:
        """Ends the run for good. Raises ClaimLost."""
        async with self._database.write(self._claim.tenant_id) as session:
            if not await surrender(session, self._claim):
                raise ClaimLost
            values = {"error_code": code, "error_message": message}
            await AttributionRuns(session).finish(self._claim.run_id, RunStatus.FAILED, **values)
        await self._tell()

    async def _begun(self) -> AttributionRunRecord:
        async with self._database.write(self._claim.tenant_id) as session:
            run = await AttributionRuns(session).begin(self._claim)
        if run is None:
            raise ClaimLost
        await self._tell()
        return run

    async def _frozen(self, run: AttributionRunRecord) -> AttributionRunRecord:
        """A kill between the two commits leaves a path set that no run names: it takes room, and nothing else."""
        scope = PathScope(run.advertiser_id, run.campaign_id, run.starts_at, run.ends_at, rules_of(run))
        async with self._database.snapshot(self._claim.tenant_id) as session:
            await refuse_large(Freezing(session, PathSetId(0), scope), LARGEST_CONVERSIONS, LARGEST_TOUCHES)
            path_set = await PathSets(session).freeze(scope, self._note_freezing)
        async with self._database.write(self._claim.tenant_id) as session:
            noted = await AttributionRuns(session).note_path_set(self._claim, path_set.id)
        if noted is None:
            raise ClaimLost
        return noted

    async def _counted(
        self, path_set_id: PathSetId, model: ModelChoice
    ) -> tuple[PathSetRecord, PathCounts, list[PlacementId]]:
        known = model.model().model
        async with self._database.snapshot(self._claim.tenant_id) as session:
            sets = PathSets(session)
            [path_set] = await sets.by_ids([path_set_id])
            if path_set is None:
                raise LookupError("a run's path set has no row")
            counted = sets.counted(path_set_id, ages=known.needs_ages, nulls=known.needs_nulls)
            return path_set, *(await path_counts(counted))

    async def _write(self, model: ModelChoice, outcome: Outcome) -> None:
        run_id = self._claim.run_id
        found = result_hash(model, outcome.path_set.hash, outcome.credits, outcome.placement_ids)
        async with self._database.write(self._claim.tenant_id) as session:
            if not await surrender(session, self._claim):
                raise ClaimLost
            results = RunResults(session)
            await results.write_credits(run_id, credit_rows(outcome.credits, outcome.placement_ids))
            await results.write_credit_values(run_id, value_rows(outcome.credits, outcome.placement_ids))
            await results.write_values(run_id, [msgspec.structs.asdict(value) for value in outcome.totals.values])
            await AttributionRuns(session).finish(run_id, RunStatus.SUCCEEDED, progress=Decimal(1), result_hash=found)
        await self._tell()

    async def _note_freezing(self, done: float) -> None:
        if self._clock() - self._noted_at >= _NOTE_SECONDS:
            await self._note(done * _FROZEN)

    async def _note(self, progress: float) -> None:
        """Raises ClaimLost."""
        self._noted_at = self._clock()
        async with self._database.write(self._claim.tenant_id) as session:
            kept = await AttributionRuns(session).note_progress(self._claim, round(Decimal(progress), 3))
        if not kept:
            raise ClaimLost
        await self._tell()

    async def _tell(self) -> None:
        await tell_changed(self._broadcast, self._claim.tenant_id, self._claim.run_id)


async def refuse_large(scope: Freezing, conversions: int, touches: int) -> None:
    """Raises InvalidInput (TOO_MANY_CONVERSIONS, TOO_MANY_TOUCHES) for more than these, by the hours of the range."""
    found_conversions, found_touches = await scope.expected()
    if found_conversions > conversions:
        message = (
            f"At most {conversions:,} conversions at once; these hours have {found_conversions:,}: narrow the range."
        )
        raise invalid("TOO_MANY_CONVERSIONS", message, "from")
    if found_touches > touches:
        message = f"At most {touches:,} touches at once; these hours have {found_touches:,}: narrow the range."
        raise invalid("TOO_MANY_TOUCHES", message, "from")
