"""Advertisers."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import strawberry
from pydantic import BaseModel, Field

from persistence.records import AdvertiserRecord, CampaignRecord
from persistence.repositories.campaigns import Campaigns
from resolvers import ids, lists
from resolvers.campaigns.advertisers import AdvertiserChanges, NewAdvertiser
from resolvers.pages import Page
from resolvers.texts import SearchText, optional
from schema.enums import described
from schema.fields import batched
from schema.info import Info
from schema.relay import After, Before, Connection, First, Last, Node, OrderDirection, node_id, of_record, page_request
from schema.types.campaigns import (
    Campaign,
    CampaignFilterInput,
    CampaignOrder,
    CampaignOrderField,
    wanted_campaigns,
)


class AdvertiserOrderField(StrEnum):
    CREATED_AT = "CREATED_AT"
    NAME = "NAME"


described(
    AdvertiserOrderField,
    "What advertisers are sorted by.",
    {
        AdvertiserOrderField.CREATED_AT: "When the advertiser was added to Podgraph.",
        AdvertiserOrderField.NAME: "The advertiser's name.",
    },
)


@strawberry.input(description="How advertisers are sorted.")
class AdvertiserOrder:
    field: AdvertiserOrderField = strawberry.field(description="What to sort by.")
    direction: OrderDirection = strawberry.field(description="Which way.", default=OrderDirection.ASC)


@strawberry.pydantic.input(description="Which advertisers to list; all that is given must hold.")
class AdvertiserFilterInput(BaseModel):
    search: SearchText | None = optional("Text that the name contains, ignoring case.")
    archived: bool = Field(False, description="True for archived advertisers only, false for all others.")


@strawberry.pydantic.input(description="A new advertiser.")
class CreateAdvertiserInput(NewAdvertiser):
    pass


@strawberry.pydantic.input(description="What to change of an advertiser; fields that are left out stay as they are.")
class UpdateAdvertiserInput(AdvertiserChanges):
    pass


@strawberry.type(description="Whose campaigns they are: a company that buys placements.")
class Advertiser(Node):
    is_type_of = of_record(AdvertiserRecord)

    id: strawberry.ID = node_id(ids.ADVERTISER, "advertiser")
    name: str = strawberry.field(description="The advertiser's name; unique among those not archived.")
    website_url: str | None = strawberry.field(description="The advertiser's page.")
    archived_at: datetime | None = strawberry.field(description="When it was archived; null while it is not.")
    version: int = strawberry.field(description="Number of the object's state, counted from 1; updates name it.")
    created_at: datetime = strawberry.field(description="When the advertiser was added to Podgraph.")
    updated_at: datetime = strawberry.field(description="When the advertiser last changed.")

    @batched(graphql_type=Connection[Campaign], description="The advertiser's campaigns.")
    @staticmethod
    async def campaigns(
        parents: Sequence[AdvertiserRecord],
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        order_by: Annotated[
            CampaignOrder, strawberry.argument(description="How to sort; newest first if left out.")
        ] = CampaignOrder(field=CampaignOrderField.CREATED_AT, direction=OrderDirection.DESC),  # noqa: B008
        filter: Annotated[
            CampaignFilterInput | None, strawberry.argument(description="Which to list; all but archived if left out.")
        ] = None,
    ) -> list[Page[CampaignRecord]]:
        request = page_request(Campaigns.orders, order_by, first=first, after=after, last=last, before=before)
        wanted = wanted_campaigns(filter)
        return await lists.pages_by(info.context, Campaigns, "advertiser_id", [p.id for p in parents], request, wanted)
