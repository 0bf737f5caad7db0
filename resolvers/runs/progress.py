"""Watching a run: its state now, then each change, until it has ended."""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final, cast

import msgspec

from persistence.ids import RunId, TenantId
from persistence.records import AttributionRunRecord
from persistence.repositories.runs import AttributionRuns
from resolvers import changes
from resolvers.context import RequestContext
from resolvers.listening import refuse_ended_access
from resolvers.policy import Permission
from resolvers.runs.arrivals import Arrivals
from resolvers.runs.news import topic
from resolvers.runs.states import ENDED

LOOK_SECONDS: Final = 3.0
"""How often the run is looked at if nobody says that it changed: news of other processes come through Redis."""


class RunProgress(msgspec.Struct, frozen=True):
    """The run has got on, or has ended."""

    run_id: RunId


async def run_progress(
    context: RequestContext, run_id: RunId, look_seconds: float = LOOK_SECONDS
) -> AsyncGenerator[RunProgress, None]:
    """The run as it is, and whenever it has changed; ends after its end. The caller closes the generator.

    Raises NotFound, Unauthenticated, Forbidden; the last two also instead of the next event, once access has ended.
    """
    tenant_id = context.tenant_for(Permission.READ)
    run = await _run(context, tenant_id, run_id)
    return cast("AsyncGenerator[RunProgress, None]", _events(context, tenant_id, run, look_seconds))


async def _events(
    context: RequestContext, tenant_id: TenantId, run: AttributionRunRecord, look_seconds: float
) -> AsyncIterator[RunProgress]:
    async with context.services.broadcast.listen(topic(tenant_id, run.id)) as messages:
        arrivals = Arrivals(messages)
        try:
            yield RunProgress(run.id)
            while run.status not in ENDED:
                await arrivals.within(look_seconds)
                before, run = run, await _run(context, tenant_id, run.id)
                if run != before:
                    await refuse_ended_access(context, tenant_id)
                    yield RunProgress(run.id)
        finally:
            await arrivals.close()


async def _run(context: RequestContext, tenant_id: TenantId, run_id: RunId) -> AttributionRunRecord:
    """Past the operation's loaders and its sight, which are from when the subscription began. Raises NotFound."""
    async with context.services.database.read(tenant_id) as session:
        return await changes.found(AttributionRuns(session), run_id, "attribution run")
