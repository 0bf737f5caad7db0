"""Mutations of placements."""

from typing import Annotated

import strawberry

from persistence.ids import EpisodeId, LineItemId, PlacementId
from persistence.records import PlacementRecord
from resolvers import ids
from resolvers.campaigns import placements
from schema.errors import ConflictError, ForbiddenError, IllegalTransitionError, InvalidInputError, NotFoundError
from schema.fields import root_field
from schema.info import Info
from schema.relay import IdArgument, VersionArgument
from schema.types.placements import CreatePlacementInput, Placement, UpdatePlacementInput


@strawberry.type(description="The new placement.")
class CreatePlacementPayload:
    placement: PlacementRecord = strawberry.field(graphql_type=Placement, description="The placement as it is now.")


@strawberry.type(description="The changed placement.")
class UpdatePlacementPayload:
    placement: PlacementRecord = strawberry.field(graphql_type=Placement, description="The placement as it is now.")


@strawberry.type(description="The archived placement.")
class ArchivePlacementPayload:
    placement: PlacementRecord = strawberry.field(graphql_type=Placement, description="The placement as it is now.")


CreatePlacementResult = Annotated[
    CreatePlacementPayload | InvalidInputError | NotFoundError | IllegalTransitionError | ForbiddenError,
    strawberry.union("CreatePlacementResult", description="The new placement, or why there is none."),
]
UpdatePlacementResult = Annotated[
    UpdatePlacementPayload
    | InvalidInputError
    | NotFoundError
    | ConflictError
    | IllegalTransitionError
    | ForbiddenError,
    strawberry.union("UpdatePlacementResult", description="The changed placement, or why nothing changed."),
]
ArchivePlacementResult = Annotated[
    ArchivePlacementPayload
    | InvalidInputError
    | NotFoundError
    | ConflictError
    | IllegalTransitionError
    | ForbiddenError,
    strawberry.union("ArchivePlacementResult", description="The archived placement, or why nothing changed."),
]


@strawberry.type
class PlacementMutations:
    @root_field(
        graphql_type=CreatePlacementResult,
        description="Places a line item in an episode; neither it nor the podcast may be archived, nor the campaign"
        " COMPLETED or ARCHIVED.",
    )
    @staticmethod
    async def create_placement(
        info: Info,
        line_item_id: IdArgument,
        episode_id: IdArgument,
        input: Annotated[CreatePlacementInput, strawberry.argument(description="The placement.")],
    ) -> CreatePlacementPayload:
        owner = LineItemId(ids.row_id(line_item_id, ids.LINE_ITEM, "lineItemId"))
        episode = EpisodeId(ids.row_id(episode_id, ids.EPISODE, "episodeId"))
        return CreatePlacementPayload(placement=await placements.create_placement(info.context, owner, episode, input))

    @root_field(
        graphql_type=UpdatePlacementResult,
        description="Changes a placement that is not archived, of a campaign that is neither COMPLETED nor ARCHIVED;"
        " its line item and its episode never change.",
    )
    @staticmethod
    async def update_placement(
        info: Info,
        id: IdArgument,
        version: VersionArgument,
        input: Annotated[UpdatePlacementInput, strawberry.argument(description="What to change.")],
    ) -> UpdatePlacementPayload:
        placement_id = PlacementId(ids.row_id(id, ids.PLACEMENT, "id"))
        placement = await placements.update_placement(info.context, placement_id, version, input)
        return UpdatePlacementPayload(placement=placement)

    @root_field(
        graphql_type=ArchivePlacementResult,
        description="Hides a placement from lists, unless its campaign is COMPLETED or ARCHIVED.",
    )
    @staticmethod
    async def archive_placement(info: Info, id: IdArgument, version: VersionArgument) -> ArchivePlacementPayload:
        placement_id = PlacementId(ids.row_id(id, ids.PLACEMENT, "id"))
        placement = await placements.archive_placement(info.context, placement_id, version)
        return ArchivePlacementPayload(placement=placement)
