"""Queries of advertisers, campaigns, line items and placements."""

from typing import Annotated

import strawberry

from persistence.records import AdvertiserRecord, CampaignRecord, LineItemRecord, PlacementRecord
from persistence.repositories.campaigns import AdvertiserFilter, Advertisers, Campaigns, LineItems, Placements
from resolvers import ids, lists
from resolvers.pages import Page
from schema.fields import root_field
from schema.info import Info
from schema.relay import After, Before, Connection, First, IdArgument, Last, OrderDirection, page_request
from schema.types.advertisers import Advertiser, AdvertiserFilterInput, AdvertiserOrder, AdvertiserOrderField
from schema.types.campaigns import (
    Campaign,
    CampaignFilterInput,
    CampaignOrder,
    CampaignOrderField,
    wanted_campaigns,
)
from schema.types.line_items import LineItem
from schema.types.placements import Placement


@strawberry.type
class CampaignQueries:
    @root_field(graphql_type=Connection[Advertiser], description="The tenant's advertisers.")
    @staticmethod
    async def advertisers(
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        order_by: Annotated[
            AdvertiserOrder, strawberry.argument(description="How to sort; by name if left out.")
        ] = AdvertiserOrder(field=AdvertiserOrderField.NAME, direction=OrderDirection.ASC),  # noqa: B008
        filter: Annotated[
            AdvertiserFilterInput | None,
            strawberry.argument(description="Which to list; all but archived if left out."),
        ] = None,
    ) -> Page[AdvertiserRecord]:
        request = page_request(Advertisers.orders, order_by, first=first, after=after, last=last, before=before)
        wanted = AdvertiserFilter(search=filter.search, archived=filter.archived) if filter else AdvertiserFilter()
        return await lists.page(info.context, Advertisers, request, wanted)

    @root_field(graphql_type=Connection[Campaign], description="The tenant's campaigns.")
    @staticmethod
    async def campaigns(
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
    ) -> Page[CampaignRecord]:
        request = page_request(Campaigns.orders, order_by, first=first, after=after, last=last, before=before)
        return await lists.page(info.context, Campaigns, request, wanted_campaigns(filter))

    @root_field(graphql_type=Advertiser | None, description="One advertiser; null if your tenant has none of this id.")
    @staticmethod
    async def advertiser(info: Info, id: IdArgument) -> AdvertiserRecord | None:
        return await lists.by_id(info.context, Advertisers, ids.row_id(id, ids.ADVERTISER, "id"))

    @root_field(graphql_type=Campaign | None, description="One campaign; null if your tenant has none of this id.")
    @staticmethod
    async def campaign(info: Info, id: IdArgument) -> CampaignRecord | None:
        return await lists.by_id(info.context, Campaigns, ids.row_id(id, ids.CAMPAIGN, "id"))

    @root_field(graphql_type=LineItem | None, description="One line item; null if your tenant has none of this id.")
    @staticmethod
    async def line_item(info: Info, id: IdArgument) -> LineItemRecord | None:
        return await lists.by_id(info.context, LineItems, ids.row_id(id, ids.LINE_ITEM, "id"))

    @root_field(graphql_type=Placement | None, description="One placement; null if your tenant has none of this id.")
    @staticmethod
    async def placement(info: Info, id: IdArgument) -> PlacementRecord | None:
        return await lists.by_id(info.context, Placements, ids.row_id(id, ids.PLACEMENT, "id"))
