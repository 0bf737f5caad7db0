"""Mutations of members and invitations."""

from typing import Annotated

import strawberry

from persistence.ids import InviteId, MembershipId
from persistence.records import InviteRecord, MembershipRecord
from resolvers import ids
from resolvers.identity import invites, members
from resolvers.policy import Role
from schema.errors import (
    ConflictError,
    ForbiddenError,
    IllegalTransitionError,
    InvalidCredentialsError,
    InvalidInputError,
    NotFoundError,
    TooManyAttemptsError,
)
from schema.fields import root_field
from schema.info import Info
from schema.relay import IdArgument, VersionArgument
from schema.types.identity import (
    AcceptInviteInput,
    Invite,
    InviteMemberInput,
    Membership,
)

_REMOVED = "The id of what is gone."


@strawberry.type(description="The new invitation.")
class InviteMemberPayload:
    invite: InviteRecord = strawberry.field(graphql_type=Invite, description="The invitation as it is now.")
    token: str = strawberry.field(
        description="What acceptInvite needs: shown this once. No mail is sent, so pass it on."
    )


@strawberry.type(description="The invitation is gone.")
class RevokeInvitePayload:
    removed_id: strawberry.ID = strawberry.field(description=_REMOVED)


@strawberry.type(description="The new membership.")
class AcceptInvitePayload:
    membership: MembershipRecord = strawberry.field(
        graphql_type=Membership, description="The place in the tenant that invited."
    )


@strawberry.type(description="The changed membership.")
class ChangeRolePayload:
    membership: MembershipRecord = strawberry.field(graphql_type=Membership, description="The membership as it is now.")


@strawberry.type(description="The membership is gone.")
class RemoveMemberPayload:
    removed_id: strawberry.ID = strawberry.field(description=_REMOVED)


InviteMemberResult = Annotated[
    InviteMemberPayload | InvalidInputError | ConflictError | ForbiddenError,
    strawberry.union("InviteMemberResult", description="The new invitation, or why there is none."),
]
RevokeInviteResult = Annotated[
    RevokeInvitePayload | InvalidInputError | NotFoundError | ForbiddenError,
    strawberry.union("RevokeInviteResult", description="That the invitation is gone, or why it is not."),
]
AcceptInviteResult = Annotated[
    AcceptInvitePayload
    | InvalidInputError
    | InvalidCredentialsError
    | ConflictError
    | TooManyAttemptsError
    | ForbiddenError,
    strawberry.union("AcceptInviteResult", description="The new membership, or why there is none."),
]
ChangeRoleResult = Annotated[
    ChangeRolePayload | InvalidInputError | NotFoundError | ConflictError | IllegalTransitionError | ForbiddenError,
    strawberry.union("ChangeRoleResult", description="The changed membership, or why nothing changed."),
]
RemoveMemberResult = Annotated[
    RemoveMemberPayload | InvalidInputError | NotFoundError | IllegalTransitionError | ForbiddenError,
    strawberry.union("RemoveMemberResult", description="That the membership is gone, or why it is not."),
]


@strawberry.type
class MemberMutations:
    @root_field(
        graphql_type=InviteMemberResult,
        description="Invites a person to the tenant. No mail is sent: pass the token on. An earlier open invitation of"
        " the same email ends; so does this one if its maker loses the role that it takes.",
    )
    @staticmethod
    async def invite_member(
        info: Info, input: Annotated[InviteMemberInput, strawberry.argument(description="Whom, and as what.")]
    ) -> InviteMemberPayload:
        invite, token = await invites.invite_member(info.context, input)
        return InviteMemberPayload(invite=invite, token=token)

    @root_field(graphql_type=RevokeInviteResult, description="Withdraws an invitation that nobody has accepted.")
    @staticmethod
    async def revoke_invite(info: Info, id: IdArgument) -> RevokeInvitePayload:
        await invites.revoke_invite(info.context, InviteId(ids.row_id(id, ids.INVITE, "id")))
        return RevokeInvitePayload(removed_id=id)

    @root_field(
        graphql_type=AcceptInviteResult,
        description="Joins the tenant that invited. The signed-in account's email must be the invitation's.",
    )
    @staticmethod
    async def accept_invite(
        info: Info, input: Annotated[AcceptInviteInput, strawberry.argument(description="The invitation.")]
    ) -> AcceptInvitePayload:
        return AcceptInvitePayload(membership=await invites.accept_invite(info.context, input))

    @root_field(
        graphql_type=ChangeRoleResult,
        description="Changes a member's role; nobody gives or takes a role above their own, and the last owner stays.",
    )
    @staticmethod
    async def change_role(
        info: Info,
        id: IdArgument,
        version: VersionArgument,
        role: Annotated[Role, strawberry.argument(description="The new role.")],
    ) -> ChangeRolePayload:
        membership_id = MembershipId(ids.row_id(id, ids.MEMBERSHIP, "id"))
        return ChangeRolePayload(membership=await members.change_role(info.context, membership_id, version, role))

    @root_field(
        graphql_type=RemoveMemberResult,
        description="Ends a membership, from the member's next request on; everybody may end their own, but the last"
        " owner. The API keys that the member made stay.",
    )
    @staticmethod
    async def remove_member(info: Info, id: IdArgument) -> RemoveMemberPayload:
        await members.remove_member(info.context, MembershipId(ids.row_id(id, ids.MEMBERSHIP, "id")))
        return RemoveMemberPayload(removed_id=id)
