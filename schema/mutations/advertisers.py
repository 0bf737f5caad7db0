"""Mutations of advertisers."""

from typing import Annotated

import strawberry

from persistence.ids import AdvertiserId
from persistence.records import AdvertiserRecord
from resolvers import ids
from resolvers.campaigns import advertisers
from schema.errors import ConflictError, ForbiddenError, IllegalTransitionError, InvalidInputError, NotFoundError
from schema.fields import root_field
from schema.info import Info
from schema.relay import IdArgument, VersionArgument
from schema.types.advertisers import Advertiser, CreateAdvertiserInput, UpdateAdvertiserInput


@strawberry.type(description="The new advertiser.")
class CreateAdvertiserPayload:
    advertiser: AdvertiserRecord = strawberry.field(graphql_type=Advertiser, description="The advertiser as it is now.")


@strawberry.type(description="The changed advertiser.")
class UpdateAdvertiserPayload:
    advertiser: AdvertiserRecord = strawberry.field(graphql_type=Advertiser, description="The advertiser as it is now.")


@strawberry.type(description="The archived advertiser.")
class ArchiveAdvertiserPayload:
    advertiser: AdvertiserRecord = strawberry.field(graphql_type=Advertiser, description="The advertiser as it is now.")


CreateAdvertiserResult = Annotated[
    CreateAdvertiserPayload | InvalidInputError | ConflictError | ForbiddenError,
    strawberry.union("CreateAdvertiserResult", description="The new advertiser, or why there is none."),
]
UpdateAdvertiserResult = Annotated[
    UpdateAdvertiserPayload
    | InvalidInputError
    | NotFoundError
    | ConflictError
    | IllegalTransitionError
    | ForbiddenError,
    strawberry.union("UpdateAdvertiserResult", description="The changed advertiser, or why nothing changed."),
]
ArchiveAdvertiserResult = Annotated[
    ArchiveAdvertiserPayload
    | InvalidInputError
    | NotFoundError
    | ConflictError
    | IllegalTransitionError
    | ForbiddenError,
    strawberry.union("ArchiveAdvertiserResult", description="The archived advertiser, or why nothing changed."),
]


@strawberry.type
class AdvertiserMutations:
    @root_field(graphql_type=CreateAdvertiserResult, description="Adds an advertiser.")
    @staticmethod
    async def create_advertiser(
        info: Info, input: Annotated[CreateAdvertiserInput, strawberry.argument(description="The advertiser.")]
    ) -> CreateAdvertiserPayload:
        return CreateAdvertiserPayload(advertiser=await advertisers.create_advertiser(info.context, input))

    @root_field(graphql_type=UpdateAdvertiserResult, description="Changes an advertiser that is not archived.")
    @staticmethod
    async def update_advertiser(
        info: Info,
        id: IdArgument,
        version: VersionArgument,
        input: Annotated[UpdateAdvertiserInput, strawberry.argument(description="What to change.")],
    ) -> UpdateAdvertiserPayload:
        advertiser_id = AdvertiserId(ids.row_id(id, ids.ADVERTISER, "id"))
        advertiser = await advertisers.update_advertiser(info.context, advertiser_id, version, input)
        return UpdateAdvertiserPayload(advertiser=advertiser)

    @root_field(
        graphql_type=ArchiveAdvertiserResult,
        description="Hides an advertiser from lists, if none of its campaigns is active; its campaigns stay, but cannot"
        " be activated any more.",
    )
    @staticmethod
    async def archive_advertiser(info: Info, id: IdArgument, version: VersionArgument) -> ArchiveAdvertiserPayload:
        advertiser_id = AdvertiserId(ids.row_id(id, ids.ADVERTISER, "id"))
        advertiser = await advertisers.archive_advertiser(info.context, advertiser_id, version)
        return ArchiveAdvertiserPayload(advertiser=advertiser)
