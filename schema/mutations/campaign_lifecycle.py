"""Mutations that move a campaign from state to state, and the errors that only they have."""

from typing import Annotated, Any

import strawberry

from persistence.ids import CampaignId
from persistence.records import CampaignRecord
from resolvers import ids
from resolvers.campaigns import lifecycle
from resolvers.campaigns.states import CampaignRequirement, CampaignStatus, IllegalMove, NotReady
from schema.enums import described
from schema.errors import ConflictError, ErrorInterface, ForbiddenError, InvalidInputError, NotFoundError
from schema.fields import root_field
from schema.info import Info
from schema.relay import IdArgument, VersionArgument
from schema.types.campaigns import Campaign

described(
    CampaignRequirement,
    "What a campaign needs before it can run.",
    {
        CampaignRequirement.LIVE_ADVERTISER: "An advertiser that is not archived.",
        CampaignRequirement.LINE_ITEM: "At least one line item that is not archived.",
    },
)


@strawberry.type(description="The campaign's status does not allow this move; nothing was changed.")
class CampaignTransitionError(ErrorInterface):
    from_status: CampaignStatus = strawberry.field(name="from", description="The campaign's status as it is.")
    to_status: CampaignStatus = strawberry.field(name="to", description="The status that was asked for.")
    allowed: list[CampaignStatus] = strawberry.field(description="What the campaign may become; empty for nothing.")


@strawberry.type(description="The campaign lacks what it needs to run; nothing was changed.")
class CampaignNotReadyError(ErrorInterface):
    missing: list[CampaignRequirement] = strawberry.field(description="What it lacks, at least one thing.")


class _IllegalMove(strawberry.ExceptionHandler[IllegalMove, CampaignTransitionError]):
    def handle(self, exception: IllegalMove, **_: Any) -> CampaignTransitionError:
        return CampaignTransitionError(
            code=exception.code,
            message=exception.message,
            path=list(exception.path),
            from_status=exception.current,
            to_status=exception.wanted,
            allowed=list(exception.allowed),
        )


class _NotReady(strawberry.ExceptionHandler[NotReady, CampaignNotReadyError]):
    def handle(self, exception: NotReady, **_: Any) -> CampaignNotReadyError:
        return CampaignNotReadyError(
            code=exception.code,
            message=exception.message,
            path=list(exception.path),
            missing=list(exception.missing),
        )


LIFECYCLE_EXCEPTION_HANDLERS: tuple[strawberry.ExceptionHandler[Any, Any], ...] = (_IllegalMove(), _NotReady())


@strawberry.type(description="The campaign, now ACTIVE.")
class ActivateCampaignPayload:
    campaign: CampaignRecord = strawberry.field(graphql_type=Campaign, description="The campaign as it is now.")


@strawberry.type(description="The campaign, now PAUSED.")
class PauseCampaignPayload:
    campaign: CampaignRecord = strawberry.field(graphql_type=Campaign, description="The campaign as it is now.")


@strawberry.type(description="The campaign, now COMPLETED.")
class CompleteCampaignPayload:
    campaign: CampaignRecord = strawberry.field(graphql_type=Campaign, description="The campaign as it is now.")


@strawberry.type(description="The campaign, now ARCHIVED.")
class ArchiveCampaignPayload:
    campaign: CampaignRecord = strawberry.field(graphql_type=Campaign, description="The campaign as it is now.")


ActivateCampaignResult = Annotated[
    ActivateCampaignPayload
    | CampaignTransitionError
    | CampaignNotReadyError
    | InvalidInputError
    | NotFoundError
    | ConflictError
    | ForbiddenError,
    strawberry.union("ActivateCampaignResult", description="The running campaign, or why nothing changed."),
]
PauseCampaignResult = Annotated[
    PauseCampaignPayload | CampaignTransitionError | InvalidInputError | NotFoundError | ConflictError | ForbiddenError,
    strawberry.union("PauseCampaignResult", description="The paused campaign, or why nothing changed."),
]
CompleteCampaignResult = Annotated[
    CompleteCampaignPayload
    | CampaignTransitionError
    | InvalidInputError
    | NotFoundError
    | ConflictError
    | ForbiddenError,
    strawberry.union("CompleteCampaignResult", description="The completed campaign, or why nothing changed."),
]
ArchiveCampaignResult = Annotated[
    ArchiveCampaignPayload
    | CampaignTransitionError
    | InvalidInputError
    | NotFoundError
    | ConflictError
    | ForbiddenError,
    strawberry.union("ArchiveCampaignResult", description="The archived campaign, or why nothing changed."),
]


@strawberry.type
class CampaignLifecycleMutations:
    @root_field(
        graphql_type=ActivateCampaignResult,
        description="Lets a DRAFT or PAUSED campaign run; it needs a line item and an advertiser that is not archived.",
    )
    @staticmethod
    async def activate_campaign(info: Info, id: IdArgument, version: VersionArgument) -> ActivateCampaignPayload:
        campaign_id = _campaign_id(id)
        return ActivateCampaignPayload(campaign=await lifecycle.activate_campaign(info.context, campaign_id, version))

    @root_field(graphql_type=PauseCampaignResult, description="Stops an ACTIVE campaign until it is activated again.")
    @staticmethod
    async def pause_campaign(info: Info, id: IdArgument, version: VersionArgument) -> PauseCampaignPayload:
        campaign_id = _campaign_id(id)
        return PauseCampaignPayload(campaign=await lifecycle.pause_campaign(info.context, campaign_id, version))

    @root_field(
        graphql_type=CompleteCampaignResult,
        description="Ends an ACTIVE or PAUSED campaign for good: nothing in it can be changed any more.",
    )
    @staticmethod
    async def complete_campaign(info: Info, id: IdArgument, version: VersionArgument) -> CompleteCampaignPayload:
        campaign_id = _campaign_id(id)
        return CompleteCampaignPayload(campaign=await lifecycle.complete_campaign(info.context, campaign_id, version))

    @root_field(
        graphql_type=ArchiveCampaignResult,
        description="Hides a DRAFT, PAUSED or COMPLETED campaign from lists for good; nothing in it can be changed any"
        " more.",
    )
    @staticmethod
    async def archive_campaign(info: Info, id: IdArgument, version: VersionArgument) -> ArchiveCampaignPayload:
        campaign_id = _campaign_id(id)
        return ArchiveCampaignPayload(campaign=await lifecycle.archive_campaign(info.context, campaign_id, version))


def _campaign_id(text: str) -> CampaignId:
    return CampaignId(ids.row_id(text, ids.CAMPAIGN, "id"))
