"""Runs over the events of `tests.resolvers.paths.scene`."""

import time
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from prometheus_client import CollectorRegistry
from sqlalchemy import delete, func, insert, select

from ops.telemetry.metrics import RunMetrics
from persistence.ids import RunId
from persistence.records import AttributionRunRecord
from persistence.repositories.runs import AttributionRuns
from persistence.tables import credit_values, credits, event_hours, events
from resolvers.attribution.registry import chosen
from resolvers.context import Services
from resolvers.runs.requests import WantedRun, WantedScope, run_attribution
from resolvers.runs.runner import Runner, RunnerTimes
from resolvers.runs.states import ENDED
from tests.actors import Actor
from tests.resolvers.paths.scene import DAY, NOON, Scene


def wanted(
    scene: Scene, model: str = "LINEAR", parameters: Mapping[str, str] | None = None, **values: Any
) -> WantedRun:
    """Ten days with NOON in the middle, of the whole advertiser."""
    given: dict[str, Any] = {
        "advertiser_id": scene.advertiser_id,
        "campaign_id": None,
        "starts_at": NOON - 5 * DAY,
        "ends_at": NOON + 5 * DAY,
        **values,
    }
    return WantedRun(WantedScope(**given), None, None, chosen(model, None, parameters or {}))


def again(run: AttributionRunRecord, model: str, parameters: Mapping[str, str] | None = None) -> WantedRun:
    """Over the same frozen paths."""
    return WantedRun(WantedScope(None, None, None, None), None, run.id, chosen(model, None, parameters or {}))


def runner(services: Services, registry: CollectorRegistry | None = None, **times: float) -> Runner:
    return Runner(
        services.database,
        services.broadcast,
        RunMetrics(registry or CollectorRegistry()),
        time.monotonic,
        RunnerTimes(**times),  # type: ignore[arg-type]  # attempts is a whole number where a test gives it
    )


async def finished(actor: Actor, asked: WantedRun) -> AttributionRunRecord:
    """The run, as it has ended."""
    run = await run_attribution(actor.context(), asked)
    return await worked_off(actor, run.id)


async def worked_off(actor: Actor, run_id: RunId) -> AttributionRunRecord:
    """The run, as it has ended, after those of others that waited before it."""
    while (run := await state(actor, run_id)).status not in ENDED:
        assert await runner(actor.services).work_once()
    return run


async def state(actor: Actor, run_id: RunId) -> AttributionRunRecord:
    async with actor.services.database.read(actor.tenant_id) as session:
        [run] = await AttributionRuns(session).by_ids([run_id])
    assert run is not None
    return run


async def credited(actor: Actor, run: AttributionRunRecord) -> dict[int, Decimal]:
    """Conversions by placement, as they lie in the database."""
    statement = select(credits.c.placement_id, credits.c.conversions).where(
        credits.c.tenant_id == actor.tenant_id, credits.c.run_id == run.id
    )
    async with actor.services.database.read(actor.tenant_id) as session:
        return {row[0]: row[1] for row in await session.rows(statement.order_by(credits.c.placement_id))}


async def credited_values(actor: Actor, run: AttributionRunRecord) -> dict[tuple[int, str], Decimal]:
    """Minor units by placement and currency, as they lie in the database."""
    row = credit_values.c
    statement = select(row.placement_id, row.currency, row.value).where(
        row.tenant_id == actor.tenant_id, row.run_id == run.id
    )
    async with actor.services.database.read(actor.tenant_id) as session:
        return {(row[0], row[1]): row[2] for row in await session.rows(statement)}


async def three_currencies(scene: Scene, at: datetime = NOON) -> None:
    """Seven conversions over three placements: five with a path, one without, and one without a value."""
    one, two, three = scene.placements
    touched = [(1, (one, two, three)), (2, (one, three)), (3, (two,)), (4, (three, two, two)), (6, (one, two, three))]
    await scene.store(
        *(
            scene.touch(at - (3 - step) * DAY, household=household, placement_id=placement)
            for household, path in touched
            for step, placement in enumerate(path)
        ),
        scene.conversion(at, household=1, value_minor=1_000, currency="EUR"),
        scene.conversion(at, household=2, value_minor=2_500, currency="USD"),
        scene.conversion(at, household=3, value_minor=777, currency="JPY"),
        scene.conversion(at, household=4, value_minor=9_999, currency="EUR"),
        scene.conversion(at, household=4, value_minor=1, currency="USD"),
        scene.conversion(at, household=5, value_minor=50_000, currency="USD"),
        scene.conversion(at, household=6),
    )
    await count_hours(scene)


async def count_hours(scene: Scene) -> None:
    """The hourly counts of the tenant's events, as intake keeps them."""
    key = (
        events.c.tenant_id,
        func.coalesce(events.c.placement_id, 0),
        func.date_trunc("hour", events.c.occurred_at, "UTC"),
        events.c.type,
        events.c.advertiser_id,
        func.coalesce(events.c.currency, ""),
    )
    own = (events.c.tenant_id == scene.actor.tenant_id, events.c.counted)
    sums = (func.count(), func.coalesce(func.sum(events.c.value_minor), 0))
    counted = select(*key, *sums).where(*own).group_by(*key)
    names = ["tenant_id", "placement_id", "hour", "type", "advertiser_id", "currency", "events", "value_minor"]
    async with scene.actor.services.database.write(scene.actor.tenant_id) as session:
        await session.execute(delete(event_hours).where(event_hours.c.tenant_id == scene.actor.tenant_id))
        await session.execute(insert(event_hours).from_select(names, counted))
