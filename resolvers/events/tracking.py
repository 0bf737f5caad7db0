"""Events that a client reports: a result for each, and a word to those who listen for conversions."""

from collections.abc import AsyncGenerator, Sequence
from typing import Final

import msgspec

from persistence.ids import AdvertiserId, CampaignId, EventId, TenantId
from persistence.repositories.campaigns import Campaigns
from resolvers import changes, ids
from resolvers.context import RequestContext
from resolvers.errors import Problem, invalid
from resolvers.events.checks import CONVERSIONS
from resolvers.events.incoming import IncomingEvent
from resolvers.events.intake import Outcome, OutcomeStatus
from resolvers.events.kinds import EventType
from resolvers.listening import heard
from resolvers.policy import Permission

MOST_EVENTS: Final = 1_000
"""Of one call."""


class TrackedEventRecord(msgspec.Struct, frozen=True):
    """What became of the event at `index`; the problems' paths begin with the argument."""

    index: int
    status: OutcomeStatus
    event_id: str | None
    problems: tuple[Problem, ...]


class TrackedEvents(msgspec.Struct, frozen=True):
    """One result for each event, in their order, and how many there are of each status."""

    results: list[TrackedEventRecord]
    accepted: int
    duplicate: int
    rejected: int


class TrackedConversion(msgspec.Struct, frozen=True, array_like=True):
    conversion_id: EventId
    advertiser_id: AdvertiserId


async def track_events(context: RequestContext, events: Sequence[IncomingEvent]) -> TrackedEvents:
    """Stores the good ones of 1 to 1,000 events, and tells subscribers of new conversions that count.

    Raises Unauthenticated, Forbidden, InvalidInput (NO_EVENTS, TOO_MANY_EVENTS).
    """
    tenant_id = context.tenant_for(Permission.EVENTS)
    if not events:
        raise invalid("NO_EVENTS", "Send at least one event.", "events")
    if len(events) > MOST_EVENTS:
        message = f"Send at most {MOST_EVENTS} events at once, and the rest in further calls."
        raise invalid("TOO_MANY_EVENTS", message, "events")
    outcomes = await context.services.intake.store(tenant_id, events, context.database)
    context.loaders.clear()
    await _announce(context, tenant_id, outcomes)
    statuses = [outcome.status for outcome in outcomes]
    return TrackedEvents(
        results=[_tracked(index, outcome) for index, outcome in enumerate(outcomes)],
        accepted=statuses.count(OutcomeStatus.ACCEPTED),
        duplicate=statuses.count(OutcomeStatus.DUPLICATE),
        rejected=statuses.count(OutcomeStatus.REJECTED),
    )


async def conversions_tracked(
    context: RequestContext, campaign_id: CampaignId | None
) -> AsyncGenerator[TrackedConversion, None]:
    """Conversions that count, of the campaign's advertiser or of all the tenant's, as `heard`.

    Raises NotFound, Unauthenticated, Forbidden.
    """
    advertiser_id: AdvertiserId | None = None

    def wanted(message: bytes) -> list[TrackedConversion]:
        tracked = msgspec.msgpack.decode(message, type=list[TrackedConversion])
        return [conversion for conversion in tracked if advertiser_id in {None, conversion.advertiser_id}]

    tenant_id = context.tenant_for(Permission.READ)
    conversions = await heard(context, tenant_id, _topic(tenant_id), wanted)
    if campaign_id is not None:
        try:
            async with context.database.read(tenant_id) as session:
                campaign = await changes.found(Campaigns(session), campaign_id, "campaign", "campaignId")
        except BaseException:
            await conversions.aclose()
            raise
        advertiser_id = campaign.advertiser_id
    return conversions


async def _announce(context: RequestContext, tenant_id: TenantId, outcomes: Sequence[Outcome]) -> None:
    """Ids alone, in one message: each subscriber reads the conversions anew."""
    conversions = [
        TrackedConversion(outcome.event_id, outcome.advertiser_id)
        for outcome in outcomes
        if outcome.counted and outcome.type in CONVERSIONS and outcome.event_id and outcome.advertiser_id
    ]
    if conversions:
        await context.services.broadcast.publish(_topic(tenant_id), msgspec.msgpack.encode(conversions))


def _tracked(index: int, outcome: Outcome) -> TrackedEventRecord:
    event_id = None if outcome.event_id is None else ids.typed_id(_prefix(outcome.type), outcome.event_id)
    problems = outcome.problems
    if problems:
        within = ("events", str(index))
        problems = tuple(Problem(problem.code, problem.message, within + problem.path) for problem in problems)
    return TrackedEventRecord(index, outcome.status, event_id, problems)


def _prefix(event_type: str | None) -> str:
    if event_type in CONVERSIONS:
        return ids.CONVERSION
    return ids.VISIT if event_type == EventType.VISIT else ids.IMPRESSION


def _topic(tenant_id: TenantId) -> str:
    return f"conversions:{tenant_id}"
