"""People, tenants, memberships, invitations and API keys."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Annotated, Any

import strawberry

from persistence.records import ApiKeyRecord, InviteRecord, MembershipRecord, TenantRecord, UserRecord
from resolvers import ids
from resolvers.billing.spending import KeyBudget, key_budget
from resolvers.identity import lists, members, viewer
from resolvers.identity.accounts import PasswordChange, Registration
from resolvers.identity.api_keys import NewApiKey, WantedBudget
from resolvers.identity.invites import InviteAcceptance, NewInvite
from resolvers.identity.sessions import LoginCredentials, RefreshToken, SessionTokens
from resolvers.identity.tenants import MOST_MEMBERSHIPS, NewTenant, TenantChanges
from resolvers.policy import Permission, Role, Scope
from resolvers.policy import Viewer as ViewerRecord
from resolvers.texts import optional
from schema.enums import described
from schema.fields import batched
from schema.info import Info
from schema.relay import After, Before, First, Last, Node, connection_of, node_id, of_record

described(
    Role,
    "What a member may do; each role may do what the one below it may, and more.",
    {
        Role.OWNER: "Everything: also to make and unmake owners and to choose the plan. A tenant always has one.",
        Role.ADMIN: "Also to manage members, invitations, API keys and the tenant's name.",
        Role.MEMBER: "To read and to change everything but who belongs to the tenant.",
        Role.VIEWER: "To read.",
    },
)
described(
    Scope,
    "What an API key may do. No scope lets a key see or manage members or keys.",
    {
        Scope.READ: "To read podcasts, campaigns and what belongs to them.",
        Scope.WRITE: "To change them.",
        Scope.EVENTS: "To send events.",
        Scope.ATTRIBUTION: "To read attribution and to run its models.",
    },
)
described(
    Permission,
    "What a viewer may do in their tenant; the role or the scopes give it.",
    {
        Permission.READ: "To read podcasts, campaigns and what belongs to them.",
        Permission.WRITE: "To change them.",
        Permission.EVENTS: "To send events.",
        Permission.ATTRIBUTION: "To read attribution and to run its models.",
        Permission.SEE_MEMBERS: "To see who the tenant's members are.",
        Permission.MANAGE_TENANT: "To change the tenant itself.",
        Permission.MANAGE_MEMBERS: "To invite and remove members and to change their roles, up to one's own.",
        Permission.MANAGE_OWNERS: "To make and unmake owners.",
        Permission.MANAGE_API_KEYS: "To create and revoke API keys and to change their budgets.",
        Permission.MANAGE_BILLING: "To choose and cancel the tenant's plan.",
    },
)

_OTHER_TENANT = " Null for a tenant other than the one this request is for (see the header Podgraph-Tenant)."


def _of_tenant(pages: Callable[..., Awaitable[Any]], node: type[Node], description: str) -> Any:
    """A connection of `Tenant`: one of `resolvers.identity.lists`, each in an order of its own."""

    async def resolve(
        parents: Sequence[TenantRecord],
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        return await pages(info.context, parents, lists.Place(first, after, last, before))

    return batched(graphql_type=connection_of(node) | None, description=description + _OTHER_TENANT)(resolve)


@strawberry.type(description="A person with an account.")
class User(Node):
    is_type_of = of_record(UserRecord)

    id: strawberry.ID = node_id(ids.USER, "user")
    email: str = strawberry.field(description="The account's email address, in lower case; nobody has verified it.")
    name: str = strawberry.field(description="How others see the person.")
    created_at: datetime = strawberry.field(description="When the account was made.")


@strawberry.type(description="A person's place in a tenant.")
class Membership(Node):
    is_type_of = of_record(MembershipRecord)

    id: strawberry.ID = node_id(ids.MEMBERSHIP, "membership")
    role: Role = strawberry.field(description="What the member may do.")
    version: int = strawberry.field(description="Number of the object's state, counted from 1; updates name it.")
    created_at: datetime = strawberry.field(description="When the person joined.")
    updated_at: datetime = strawberry.field(description="When the role last changed.")

    @batched(graphql_type=User, description="The member.")
    @staticmethod
    async def user(parents: Sequence[MembershipRecord], info: Info) -> list[UserRecord]:
        return await members.users_of(info.context, parents)

    @batched(
        graphql_type=Annotated["Tenant", strawberry.lazy("schema.types.identity")],
        description="The tenant that the person is a member of.",
    )
    @staticmethod
    async def tenant(parents: Sequence[MembershipRecord], info: Info) -> list[TenantRecord]:
        return await viewer.tenants(info.context, [membership.tenant_id for membership in parents])


@strawberry.type(description="An invitation to a tenant. No mail is sent: whoever invites passes the token on.")
class Invite(Node):
    is_type_of = of_record(InviteRecord)

    id: strawberry.ID = node_id(ids.INVITE, "invitation")
    email: str = strawberry.field(description="The email of the account that may accept, in lower case.")
    role: Role = strawberry.field(description="The role that the new member gets.")
    expires_at: datetime = strawberry.field(description="From when on it can no longer be accepted.")
    accepted_at: datetime | None = strawberry.field(description="When it was accepted; null while it is not.")
    created_at: datetime = strawberry.field(description="When the invitation was made.")

    @batched(graphql_type=User | None, description="Who invited; null once they are no member any more.")
    @staticmethod
    async def invited_by(parents: Sequence[InviteRecord], info: Info) -> list[UserRecord | None]:
        return await members.members_by_id(info.context, [invite.invited_by for invite in parents])


@strawberry.type(
    description="What an API key may spend, beside its tenant's budget: an operation needs enough in both, and none"
    " costs more than `capacity`."
)
class ApiKeyBudget:
    is_type_of = of_record(KeyBudget)

    capacity: int = strawberry.field(description="The most points that it holds.")
    restore_rate: int = strawberry.field(description="Points per second by which it fills up again.")


@strawberry.type(description="A credential for programs. It belongs to the tenant and stays when its maker leaves.")
class ApiKey(Node):
    is_type_of = of_record(ApiKeyRecord)

    id: strawberry.ID = node_id(ids.API_KEY, "API key")
    name: str = strawberry.field(description="What the key is for.")
    hint: str = strawberry.field(description="The beginning of the key's text, to recognise it by.")
    scopes: list[Scope] = strawberry.field(description="What the key may do.")
    created_at: datetime = strawberry.field(description="When the key was made.")
    last_used_at: datetime | None = strawberry.field(
        description="When the key was last used, to within a minute; null if never."
    )
    revoked_at: datetime | None = strawberry.field(description="When the key was revoked; null while it works.")

    @batched(
        graphql_type=ApiKeyBudget | None,
        description="The key's own budget; null for a key that spends from its tenant's alone.",
    )
    @staticmethod
    def budget(parents: Sequence[ApiKeyRecord], info: Info) -> list[KeyBudget | None]:
        return [key_budget(api_key) for api_key in parents]

    @batched(
        graphql_type=User | None,
        description="Who made the key; null once they are no member any more, and for viewers who may not see members.",
    )
    @staticmethod
    async def created_by(parents: Sequence[ApiKeyRecord], info: Info) -> list[UserRecord | None]:
        return await members.members_by_id(info.context, [api_key.created_by for api_key in parents])


@strawberry.type(description="A workspace: everything but accounts belongs to one, and no tenant sees another's.")
class Tenant(Node):
    is_type_of = of_record(TenantRecord)

    id: strawberry.ID = node_id(ids.TENANT, "tenant")
    name: str = strawberry.field(description="The tenant's name.")
    version: int = strawberry.field(description="Number of the object's state, counted from 1; updates name it.")
    created_at: datetime = strawberry.field(description="When the tenant was made.")
    updated_at: datetime = strawberry.field(description="When the tenant last changed.")

    members = _of_tenant(
        lists.members, Membership, "The tenant's members, first joined first; for users, not for API keys."
    )

    invites = _of_tenant(
        lists.invites, Invite, "The tenant's invitations, newest first, open and accepted; needs MANAGE_MEMBERS."
    )

    api_keys = _of_tenant(
        lists.api_keys, ApiKey, "The tenant's API keys, newest first, also revoked ones; needs MANAGE_API_KEYS."
    )


@strawberry.type(description="Who asks: a signed-in user, in one of their tenants or in none yet, or an API key.")
class Viewer:
    is_type_of = of_record(ViewerRecord)

    role: Role | None = strawberry.field(
        description="The user's role in the tenant; null for an API key and for a user without a tenant."
    )

    @batched(graphql_type=list[Scope], description="What the API key may do; empty for a user.")
    @staticmethod
    def scopes(parents: Sequence[ViewerRecord], info: Info) -> list[list[Scope]]:
        return [[scope for scope in Scope if scope in parent.scopes] for parent in parents]

    @batched(graphql_type=list[Permission], description="What the viewer may do in the tenant.")
    @staticmethod
    def permissions(parents: Sequence[ViewerRecord], info: Info) -> list[list[Permission]]:
        return [[permission for permission in Permission if parent.may(permission)] for parent in parents]

    @batched(graphql_type=User | None, description="The signed-in user; null for an API key.")
    @staticmethod
    async def user(parents: Sequence[ViewerRecord], info: Info) -> list[UserRecord | None]:
        return [await viewer.user(info.context, parent) for parent in parents]

    @batched(
        graphql_type=Tenant | None,
        description="The tenant this request is for: the one that the header Podgraph-Tenant names, else the one that"
        " the user joined first; null for a user without one.",
    )
    @staticmethod
    async def tenant(parents: Sequence[ViewerRecord], info: Info) -> list[TenantRecord | None]:
        return [await viewer.tenant(info.context, parent) for parent in parents]

    @batched(graphql_type=Membership | None, description="The user's place in the tenant; null for an API key.")
    @staticmethod
    async def membership(parents: Sequence[ViewerRecord], info: Info) -> list[MembershipRecord | None]:
        return [await viewer.membership(info.context, parent) for parent in parents]

    @batched(
        graphql_type=list[Membership],
        description="The user's places in all their tenants, first joined first, at most 100; empty for an API key.",
        longest=MOST_MEMBERSHIPS,
    )
    @staticmethod
    async def memberships(parents: Sequence[ViewerRecord], info: Info) -> list[list[MembershipRecord]]:
        return [await viewer.memberships(info.context, parent) for parent in parents]

    @batched(graphql_type=ApiKey | None, description="The API key; null for a user.")
    @staticmethod
    async def api_key(parents: Sequence[ViewerRecord], info: Info) -> list[ApiKeyRecord | None]:
        return [await viewer.api_key(info.context, parent) for parent in parents]


@strawberry.type(description="What a client holds while signed in.")
class Session:
    is_type_of = of_record(SessionTokens)

    access_token: str = strawberry.field(description="Goes into the header Authorization, after 'Bearer '.")
    expires_at: datetime = strawberry.field(description="When the access token expires: refresh before.")
    refresh_token: str = strawberry.field(description="Gives the next session, once; using it twice ends the login.")
    refresh_expires_at: datetime = strawberry.field(description="When the refresh token expires.")


@strawberry.pydantic.input(description="A new account.")
class RegisterInput(Registration):
    pass


@strawberry.pydantic.input(description="Who signs in.")
class LoginInput(LoginCredentials):
    pass


@strawberry.pydantic.input(description="The refresh token to use up.")
class RefreshInput(RefreshToken):
    pass


@strawberry.pydantic.input(description="A refresh token of the login to end.")
class LogoutInput(RefreshToken):
    pass


@strawberry.pydantic.input(description="The old and the new password.")
class ChangePasswordInput(PasswordChange):
    pass


@strawberry.pydantic.input(description="A new tenant.")
class CreateTenantInput(NewTenant):
    pass


@strawberry.pydantic.input(description="What to change of the tenant.")
class UpdateTenantInput(TenantChanges):
    pass


@strawberry.pydantic.input(description="Whom to invite, and as what.")
class InviteMemberInput(NewInvite):
    pass


@strawberry.pydantic.input(description="The invitation to accept.")
class AcceptInviteInput(InviteAcceptance):
    pass


@strawberry.pydantic.input(description="A budget of an API key's own.")
class ApiKeyBudgetInput(WantedBudget):
    pass


@strawberry.pydantic.input(description="A new API key.")
class CreateApiKeyInput(NewApiKey):
    budget: ApiKeyBudgetInput | None = optional(
        "A budget of the key's own, beside its tenant's: both must have enough. The tenant's alone if left out."
    )
