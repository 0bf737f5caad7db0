"""Queries of advertisers, campaigns, line items and placements."""

import strawberry

from persistence.records import AdvertiserRecord, CampaignRecord, LineItemRecord, PlacementRecord
from persistence.repositories.campaigns import Advertisers, Campaigns, LineItems, Placements
from resolvers import ids, lists
from schema.fields import root_field
from schema.info import Info
from schema.listings import root_connection
from schema.relay import IdArgument
from schema.types.advertisers import ADVERTISERS, Advertiser
from schema.types.campaigns import CAMPAIGNS, Campaign
from schema.types.line_items import LineItem
from schema.types.placements import Placement


@strawberry.type
class CampaignQueries:
    advertisers = root_connection(ADVERTISERS, description="The tenant's advertisers.")
    campaigns = root_connection(CAMPAIGNS, description="The tenant's campaigns.")

    @root_field(graphql_type=Advertiser | None, description="One advertiser; null if your tenant has none of this id.")
    @staticmethod
    async def advertiser(info: Info, id: IdArgument) -> AdvertiserRecord | None:
        return await lists.by_id(info.context, Advertisers, ids.row_id(id, ids.ADVERTISER, "id"), reads=info.reads)

    @root_field(graphql_type=Campaign | None, description="One campaign; null if your tenant has none of this id.")
    @staticmethod
    async def campaign(info: Info, id: IdArgument) -> CampaignRecord | None:
        return await lists.by_id(info.context, Campaigns, ids.row_id(id, ids.CAMPAIGN, "id"), reads=info.reads)

    @root_field(graphql_type=LineItem | None, description="One line item; null if your tenant has none of this id.")
    @staticmethod
    async def line_item(info: Info, id: IdArgument) -> LineItemRecord | None:
        return await lists.by_id(info.context, LineItems, ids.row_id(id, ids.LINE_ITEM, "id"), reads=info.reads)

    @root_field(graphql_type=Placement | None, description="One placement; null if your tenant has none of this id.")
    @staticmethod
    async def placement(info: Info, id: IdArgument) -> PlacementRecord | None:
        return await lists.by_id(info.context, Placements, ids.row_id(id, ids.PLACEMENT, "id"), reads=info.reads)
