"""Mutations of campaigns: what they say of themselves. Their moves are in `campaign_lifecycle`."""

from typing import Annotated

import strawberry

from persistence.ids import AdvertiserId, CampaignId
from persistence.records import CampaignRecord
from resolvers import ids
from resolvers.campaigns import campaigns
from schema.errors import ConflictError, ForbiddenError, IllegalTransitionError, InvalidInputError, NotFoundError
from schema.fields import root_field
from schema.info import Info
from schema.relay import IdArgument, VersionArgument
from schema.types.campaigns import Campaign, CreateCampaignInput, UpdateCampaignInput


@strawberry.type(description="The new campaign, a DRAFT.")
class CreateCampaignPayload:
    campaign: CampaignRecord = strawberry.field(graphql_type=Campaign, description="The campaign as it is now.")


@strawberry.type(description="The changed campaign.")
class UpdateCampaignPayload:
    campaign: CampaignRecord = strawberry.field(graphql_type=Campaign, description="The campaign as it is now.")


CreateCampaignResult = Annotated[
    CreateCampaignPayload | InvalidInputError | NotFoundError | IllegalTransitionError | ForbiddenError,
    strawberry.union("CreateCampaignResult", description="The new campaign, or why there is none."),
]
UpdateCampaignResult = Annotated[
    UpdateCampaignPayload | InvalidInputError | NotFoundError | ConflictError | IllegalTransitionError | ForbiddenError,
    strawberry.union("UpdateCampaignResult", description="The changed campaign, or why nothing changed."),
]


@strawberry.type
class CampaignMutations:
    @root_field(
        graphql_type=CreateCampaignResult,
        description="Adds a campaign, as a DRAFT, to an advertiser that is not archived.",
    )
    @staticmethod
    async def create_campaign(
        info: Info,
        advertiser_id: IdArgument,
        input: Annotated[CreateCampaignInput, strawberry.argument(description="The campaign.")],
    ) -> CreateCampaignPayload:
        owner = AdvertiserId(ids.row_id(advertiser_id, ids.ADVERTISER, "advertiserId"))
        return CreateCampaignPayload(campaign=await campaigns.create_campaign(info.context, owner, input))

    @root_field(
        graphql_type=UpdateCampaignResult, description="Changes a campaign that is neither COMPLETED nor ARCHIVED."
    )
    @staticmethod
    async def update_campaign(
        info: Info,
        id: IdArgument,
        version: VersionArgument,
        input: Annotated[UpdateCampaignInput, strawberry.argument(description="What to change.")],
    ) -> UpdateCampaignPayload:
        campaign_id = CampaignId(ids.row_id(id, ids.CAMPAIGN, "id"))
        return UpdateCampaignPayload(
            campaign=await campaigns.update_campaign(info.context, campaign_id, version, input)
        )
