"""Where subscriptions start.

An event names what changed; the fields below it are read when the event is executed, with that event's own context
(`RequestContext.for_event`), so that no event shows values loaded for an earlier one.
"""

from collections.abc import AsyncGenerator, Sequence
from typing import Annotated

import strawberry

from persistence.ids import CampaignId, RunId
from persistence.records import AttributionRunRecord, CampaignRecord, EventRecord
from persistence.repositories.campaigns import Campaigns
from persistence.repositories.events import Conversions
from persistence.repositories.runs import AttributionRuns
from resolvers import ids, lists
from resolvers.campaigns.updates import CampaignUpdate, campaign_updates
from resolvers.events.tracking import TrackedConversion, conversions_tracked
from resolvers.runs.progress import RunProgress, run_progress
from schema.fields import batched
from schema.info import Info
from schema.relay import IdArgument, of_record
from schema.types.campaigns import Campaign
from schema.types.events import ConversionEvent
from schema.types.runs import AttributionRun


@strawberry.type(description="A campaign, one of its line items or one of its placements has changed.")
class CampaignUpdatedPayload:
    is_type_of = of_record(CampaignUpdate)

    @batched(graphql_type=Campaign, description="The campaign as it is now.")
    @staticmethod
    async def campaign(parents: Sequence[CampaignUpdate], info: Info) -> list[CampaignRecord]:
        return await lists.existing(info.context, Campaigns, [update.campaign_id for update in parents])


@strawberry.type(description="A conversion that counts has come in.")
class ConversionTrackedPayload:
    is_type_of = of_record(TrackedConversion)

    @batched(graphql_type=ConversionEvent, description="The conversion.")
    @staticmethod
    async def conversion(parents: Sequence[TrackedConversion], info: Info) -> list[EventRecord]:
        return await lists.existing(info.context, Conversions, [tracked.conversion_id for tracked in parents])


@strawberry.type(description="A run has got on, or has ended.")
class AttributionRunProgressPayload:
    is_type_of = of_record(RunProgress)

    @batched(graphql_type=AttributionRun, description="The run as it is now.")
    @staticmethod
    async def run(parents: Sequence[RunProgress], info: Info) -> list[AttributionRunRecord]:
        return await lists.existing(info.context, AttributionRuns, [progress.run_id for progress in parents])


@strawberry.type(description="Where subscriptions start. A lost connection loses events: read anew on connecting.")
class Subscription:
    @strawberry.subscription(  # type: ignore[untyped-decorator]  # its overload for graphql_type gives Any
        graphql_type=CampaignUpdatedPayload,
        description="Each time a campaign, one of its line items or one of its placements changes. Ends with an error"
        " when your login ends or you lose your access to the tenant.",
    )
    @staticmethod
    async def campaign_updated(
        info: Info,
        campaign_id: Annotated[
            strawberry.ID | None, strawberry.argument(description="One campaign; all of your tenant's if left out.")
        ] = None,
    ) -> AsyncGenerator[CampaignUpdate, None]:
        wanted = None
        if campaign_id is not None:
            wanted = CampaignId(ids.row_id(campaign_id, ids.CAMPAIGN, "campaignId"))
        return await campaign_updates(info.context, wanted)

    @strawberry.subscription(  # type: ignore[untyped-decorator]  # its overload for graphql_type gives Any
        graphql_type=ConversionTrackedPayload,
        description="Each conversion that counts, as soon as trackEvents has stored it; files that are ingested are not"
        " announced. Ends with an error when your login ends or you lose your access to the tenant.",
    )
    @staticmethod
    async def conversion_tracked(
        info: Info,
        campaign_id: Annotated[
            strawberry.ID | None,
            strawberry.argument(
                description="Conversions of this campaign's advertiser: which campaign earned them is for attribution"
                " to say. All of your tenant's if left out."
            ),
        ] = None,
    ) -> AsyncGenerator[TrackedConversion, None]:
        wanted = None
        if campaign_id is not None:
            wanted = CampaignId(ids.row_id(campaign_id, ids.CAMPAIGN, "campaignId"))
        return await conversions_tracked(info.context, wanted)

    @strawberry.subscription(  # type: ignore[untyped-decorator]  # its overload for graphql_type gives Any
        graphql_type=AttributionRunProgressPayload,
        description="How far a run is: at once, then with each change, until it has ended. Ends with an error when your"
        " login ends or you lose your access to the tenant.",
    )
    @staticmethod
    async def attribution_run_progress(info: Info, id: IdArgument) -> AsyncGenerator[RunProgress, None]:
        return await run_progress(info.context, RunId(ids.row_id(id, ids.RUN, "id")))
