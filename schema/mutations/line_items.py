"""Mutations of line items."""

from typing import Annotated

import strawberry

from persistence.ids import CampaignId, LineItemId
from persistence.records import LineItemRecord
from resolvers import ids
from resolvers.campaigns import line_items
from schema.errors import ConflictError, ForbiddenError, IllegalTransitionError, InvalidInputError, NotFoundError
from schema.fields import root_field
from schema.info import Info
from schema.relay import IdArgument, VersionArgument
from schema.types.line_items import CreateLineItemInput, LineItem, UpdateLineItemInput


@strawberry.type(description="The new line item.")
class CreateLineItemPayload:
    line_item: LineItemRecord = strawberry.field(graphql_type=LineItem, description="The line item as it is now.")


@strawberry.type(description="The changed line item.")
class UpdateLineItemPayload:
    line_item: LineItemRecord = strawberry.field(graphql_type=LineItem, description="The line item as it is now.")


@strawberry.type(description="The archived line item.")
class ArchiveLineItemPayload:
    line_item: LineItemRecord = strawberry.field(graphql_type=LineItem, description="The line item as it is now.")


CreateLineItemResult = Annotated[
    CreateLineItemPayload | InvalidInputError | NotFoundError | IllegalTransitionError | ForbiddenError,
    strawberry.union("CreateLineItemResult", description="The new line item, or why there is none."),
]
UpdateLineItemResult = Annotated[
    UpdateLineItemPayload | InvalidInputError | NotFoundError | ConflictError | IllegalTransitionError | ForbiddenError,
    strawberry.union("UpdateLineItemResult", description="The changed line item, or why nothing changed."),
]
ArchiveLineItemResult = Annotated[
    ArchiveLineItemPayload
    | InvalidInputError
    | NotFoundError
    | ConflictError
    | IllegalTransitionError
    | ForbiddenError,
    strawberry.union("ArchiveLineItemResult", description="The archived line item, or why nothing changed."),
]


@strawberry.type
class LineItemMutations:
    @root_field(
        graphql_type=CreateLineItemResult,
        description="Adds a line item to a campaign that is neither COMPLETED nor ARCHIVED.",
    )
    @staticmethod
    async def create_line_item(
        info: Info,
        campaign_id: IdArgument,
        input: Annotated[CreateLineItemInput, strawberry.argument(description="The line item.")],
    ) -> CreateLineItemPayload:
        owner = CampaignId(ids.row_id(campaign_id, ids.CAMPAIGN, "campaignId"))
        return CreateLineItemPayload(line_item=await line_items.create_line_item(info.context, owner, input))

    @root_field(
        graphql_type=UpdateLineItemResult,
        description="Changes a line item that is not archived, of a campaign that is neither COMPLETED nor ARCHIVED.",
    )
    @staticmethod
    async def update_line_item(
        info: Info,
        id: IdArgument,
        version: VersionArgument,
        input: Annotated[UpdateLineItemInput, strawberry.argument(description="What to change.")],
    ) -> UpdateLineItemPayload:
        line_item_id = LineItemId(ids.row_id(id, ids.LINE_ITEM, "id"))
        line_item = await line_items.update_line_item(info.context, line_item_id, version, input)
        return UpdateLineItemPayload(line_item=line_item)

    @root_field(
        graphql_type=ArchiveLineItemResult,
        description="Hides a line item and its placements from lists; an ACTIVE campaign keeps at least one line item.",
    )
    @staticmethod
    async def archive_line_item(info: Info, id: IdArgument, version: VersionArgument) -> ArchiveLineItemPayload:
        line_item_id = LineItemId(ids.row_id(id, ids.LINE_ITEM, "id"))
        return ArchiveLineItemPayload(line_item=await line_items.archive_line_item(info.context, line_item_id, version))
