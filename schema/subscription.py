"""Where subscriptions start.

An event names what changed; the fields below it are read when the event is executed, with that event's own context
(`RequestContext.for_event`), so that no event shows values loaded for an earlier one.
"""

from collections.abc import AsyncGenerator, Sequence
from typing import Annotated

import strawberry

from persistence.ids import CampaignId
from persistence.records import CampaignRecord
from persistence.repositories.campaigns import Campaigns
from resolvers import ids, lists
from resolvers.campaigns.updates import CampaignUpdate, campaign_updates
from schema.fields import batched
from schema.info import Info
from schema.relay import of_record
from schema.types.campaigns import Campaign


@strawberry.type(description="A campaign, one of its line items or one of its placements has changed.")
class CampaignUpdatedPayload:
    is_type_of = of_record(CampaignUpdate)

    @batched(graphql_type=Campaign, description="The campaign as it is now.")
    @staticmethod
    async def campaign(parents: Sequence[CampaignUpdate], info: Info) -> list[CampaignRecord]:
        return await lists.existing(info.context, Campaigns, [update.campaign_id for update in parents])


@strawberry.type(
    description="Where subscriptions start. A lost connection loses events: read the campaign again on connecting."
)
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
