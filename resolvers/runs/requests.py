"""Asking for a run, and calling it off."""

from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from persistence.ids import AdvertiserId, CampaignId, RunId
from persistence.records import AttributionRunRecord
from persistence.repositories.campaigns import Advertisers, Campaigns
from persistence.repositories.jobs import forget
from persistence.repositories.path_rules import PathRules
from persistence.repositories.runs import AttributionRuns
from persistence.sessions import TenantSession
from resolvers import changes
from resolvers.attribution.registry import ChosenModel
from resolvers.calendar import EARLIEST
from resolvers.context import RequestContext
from resolvers.errors import IllegalTransition, invalid
from resolvers.paths.rules import stated
from resolvers.policy import Permission
from resolvers.runs.news import tell_changed, tell_waiting
from resolvers.runs.states import RunStatus, refuse_unfinished

LARGEST_QUEUE: Final = 20
"""Runs of one tenant that wait or are under way."""

LONGEST_RANGE: Final = timedelta(days=400)


class WantedScope(msgspec.Struct, frozen=True):
    """Conversions from `starts_at` to before `ends_at`: an advertiser's, credited to all its placements, or to those of
    one campaign. Exactly one of the ids is given."""

    advertiser_id: AdvertiserId | None
    campaign_id: CampaignId | None
    starts_at: datetime | None
    ends_at: datetime | None


class WantedRun(msgspec.Struct, frozen=True):
    """A scope with its rules, or the finished run whose frozen paths are used again."""

    scope: WantedScope
    rules: PathRules | None
    path_set_of: RunId | None
    model: ChosenModel


class Range(msgspec.Struct, frozen=True):
    """From `starts_at` to before `ends_at`."""

    starts_at: datetime
    ends_at: datetime


async def run_attribution(context: RequestContext, wanted: WantedRun) -> AttributionRunRecord:
    """A queued run. Raises NotFound, Forbidden, InvalidInput (TOO_MANY_RUNS and what is wrong with the input)."""
    tenant_id = context.tenant_for(Permission.ATTRIBUTION)
    async with context.database.write(tenant_id) as session:
        runs = AttributionRuns(session)
        await runs.lock_queue()
        if await runs.unfinished() >= LARGEST_QUEUE:
            message = f"At most {LARGEST_QUEUE} runs of a tenant wait or are under way: wait for one, or cancel one."
            raise invalid("TOO_MANY_RUNS", message)
        run = await runs.insert(
            {
                **await _scoped(session, wanted, context.services.clock()),
                "model": wanted.model.kind,
                "model_version": wanted.model.version,
                "parameters": msgspec.json.encode(dict(sorted(wanted.model.parameters.items()))).decode(),
                "created_by": context.viewer.user_id if context.viewer else None,
            }
        )
        await runs.enqueue(run.id)
    context.loaders.clear()
    await tell_waiting(context.services.broadcast)
    return run


async def cancel_run(context: RequestContext, run_id: RunId) -> AttributionRunRecord:
    """The cancelled run. Raises NotFound, Forbidden, IllegalTransition when it has ended."""
    tenant_id = context.tenant_for(Permission.ATTRIBUTION)
    async with context.database.write(tenant_id) as session:
        await forget(session, run_id)
        runs = AttributionRuns(session)
        run = await runs.finish(run_id, RunStatus.CANCELLED)
        if run is None:
            ended = await changes.found(runs, run_id, "attribution run")
            raise IllegalTransition(f"The run has ended: it is {ended.status}.", ("id",))
    context.loaders.clear()
    await tell_changed(context.services.broadcast, tenant_id, run_id)
    return run


async def advertiser_of(session: TenantSession, wanted: WantedScope) -> AdvertiserId:
    """Whose conversions they are. Raises NotFound, InvalidInput (ONE_SCOPE_NEEDED)."""
    if wanted.campaign_id is not None and wanted.advertiser_id is None:
        return (await changes.found(Campaigns(session), wanted.campaign_id, "campaign", "campaignId")).advertiser_id
    if wanted.advertiser_id is not None and wanted.campaign_id is None:
        return (await changes.found(Advertisers(session), wanted.advertiser_id, "advertiser", "advertiserId")).id
    raise invalid("ONE_SCOPE_NEEDED", "Give either 'advertiserId' or 'campaignId'.", "advertiserId")


def checked_range(starts_at: datetime | None, ends_at: datetime | None, now: datetime, *path: str) -> Range:
    """Raises InvalidInput (RANGE_NEEDED, RANGE_EMPTY, RANGE_TOO_LONG, RANGE_IN_FUTURE, RANGE_OUT_OF_CALENDAR)."""
    if starts_at is None or ends_at is None:
        raise invalid("RANGE_NEEDED", "Say from when until when the conversions happened.", *path, "from")
    if starts_at >= ends_at:
        raise invalid("RANGE_EMPTY", "'until' must lie after 'from'.", *path, "until")
    if ends_at - starts_at > LONGEST_RANGE:
        raise invalid("RANGE_TOO_LONG", f"Ask for at most {LONGEST_RANGE.days} days at once.", *path, "until")
    if ends_at > now:
        raise invalid("RANGE_IN_FUTURE", "'until' must not lie in the future.", *path, "until")
    if starts_at < EARLIEST:
        raise invalid("RANGE_OUT_OF_CALENDAR", f"'from' must not lie before {EARLIEST.year}.", *path, "from")
    return Range(starts_at, ends_at)


async def _scoped(session: TenantSession, wanted: WantedRun, now: datetime) -> dict[str, Any]:
    """The columns that say which paths. Raises NotFound, InvalidInput."""
    scope = wanted.scope
    if wanted.path_set_of is not None:
        if wanted.rules is not None or any(value is not None for value in msgspec.structs.astuple(scope)):
            message = "With 'pathSetOf', leave out 'advertiserId', 'campaignId', 'from', 'until' and 'rules'."
            raise invalid("CONFLICTING_ARGUMENTS", message, "pathSetOf")
        return _scope_of(await _finished(session, wanted.path_set_of))
    advertiser_id = await advertiser_of(session, scope)
    asked = checked_range(scope.starts_at, scope.ends_at, now, "input")
    return {
        "advertiser_id": advertiser_id,
        "campaign_id": scope.campaign_id,
        "starts_at": asked.starts_at,
        "ends_at": asked.ends_at,
        **msgspec.structs.asdict(wanted.rules or stated(None)),
    }


async def _finished(session: TenantSession, run_id: RunId) -> AttributionRunRecord:
    run = await changes.found(AttributionRuns(session), run_id, "attribution run", "pathSetOf")
    refuse_unfinished(run, "pathSetOf")
    return run


def _scope_of(run: AttributionRunRecord) -> dict[str, Any]:
    columns = (
        "advertiser_id",
        "campaign_id",
        "starts_at",
        "ends_at",
        "impressions",
        "impression_window_seconds",
        "visit_window_seconds",
        "promo_policy",
        "path_set_id",
    )
    return {name: getattr(run, name) for name in columns}
