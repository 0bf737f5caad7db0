"""Invitations. No mail is sent: whoever invites passes the token on."""

from pydantic import BaseModel, Field

from persistence.errors import DuplicateValue
from persistence.ids import InviteId, UserId
from persistence.records import InviteRecord, MembershipRecord
from persistence.repositories.accounts import Accounts
from persistence.repositories.tenants import Invites, Memberships, lock_members, memberships_of
from persistence.sessions import TenantSession
from resolvers.context import RequestContext
from resolvers.errors import Conflict, InvalidCredentials, NotFound
from resolvers.identity.members import current_role, refuse_above
from resolvers.identity.ports import Guess
from resolvers.identity.secrets import INVITE, TenantSecret, secret_hash, split_secret, tenant_secret
from resolvers.identity.tenants import refuse_one_more, settle
from resolvers.identity.values import EmailAddress, SecretText
from resolvers.policy import Permission, Role, may_grant, permissions_of, user_of

_REFUSED = "This invitation is used, expired, withdrawn or for another email than yours."


class NewInvite(BaseModel):
    email: EmailAddress = Field(description="Who is invited: the email of the account that may accept.")
    role: Role = Field(description="The role that the new member gets; at most your own.")


class InviteAcceptance(BaseModel):
    token: SecretText = Field(description="The invitation's token.", repr=False)


async def invite_member(context: RequestContext, new: NewInvite) -> tuple[InviteRecord, str]:
    """The invitation and its token, which is shown once; an open one for the same email ends. Raises Conflict."""
    tenant_id = context.tenant_for(Permission.MANAGE_MEMBERS)
    user_id = user_of(context.viewer)
    services = context.services
    token = tenant_secret(INVITE, tenant_id, services.random_token())
    async with context.database.write(tenant_id) as session:
        await lock_members(session)
        refuse_above(await current_role(context, session), new.role)
        if await Memberships(session).of_email(new.email) is not None:
            raise Conflict("This person is a member already.", ("input", "email"))
        await Invites(session).withdraw_open(new.email)
        invite = await Invites(session).insert(
            {
                "email": new.email,
                "role": new.role,
                "token_hash": secret_hash(token),
                "invited_by": user_id,
                "expires_at": services.clock() + services.identity.invite_lifetime,
            }
        )
    context.loaders.clear()
    return invite, token


async def revoke_invite(context: RequestContext, invite_id: InviteId) -> None:
    """Withdraws an open invitation. Raises NotFound, also for an accepted one."""
    tenant_id = context.tenant_for(Permission.MANAGE_MEMBERS)
    async with context.database.write(tenant_id) as session:
        if not await Invites(session).withdraw(invite_id):
            raise NotFound("Your tenant has no such open invitation.", ("id",))
    context.loaders.clear()


async def accept_invite(context: RequestContext, given: InviteAcceptance) -> MembershipRecord:
    """Joins the tenant that invited. Raises InvalidCredentials, Conflict, TooManyAttempts.

    The inviter must still be allowed to grant the role: whoever lost theirs lets nobody in through an old invitation.
    """
    user_id = user_of(context.viewer)
    database, limits = context.database, context.services.identity.guess_limits
    await limits.admit(Guess.INVITE_BY_ADDRESS, context.address_hash)
    secret = split_secret(INVITE, given.token)
    if secret is None:
        raise InvalidCredentials(_REFUSED, ("input", "token"))
    async with database.read_account(user_id) as account_session:
        refuse_one_more(await memberships_of(account_session, user_id))
    try:
        async with database.write(secret.tenant_id) as session:
            await lock_members(session)
            membership = await _joined(context, session, secret, user_id)
    except DuplicateValue as error:
        raise Conflict("You are a member of this tenant already.", ("input", "token")) from error
    await limits.forgive(Guess.INVITE_BY_ADDRESS, context.address_hash)
    settle(context, membership)
    return membership


async def _joined(
    context: RequestContext, session: TenantSession, secret: TenantSecret, user_id: UserId
) -> MembershipRecord:
    now = context.services.clock()
    invites, memberships = Invites(session), Memberships(session)
    invite = await invites.lock_open(secret.hash, now)
    user = await Accounts(session).user(user_id)
    if invite is None or user is None or user.email != invite.email:
        raise InvalidCredentials(_REFUSED, ("input", "token"))
    inviter = await memberships.of_user(invite.invited_by)
    if inviter is None or not _may_invite(Role(inviter.role), Role(invite.role)):
        raise InvalidCredentials(_REFUSED, ("input", "token"))
    membership = await memberships.insert({"user_id": user_id, "role": invite.role})
    await invites.mark_accepted(invite.id, now)
    return membership


def _may_invite(inviter: Role, role: Role) -> bool:
    return Permission.MANAGE_MEMBERS in permissions_of(inviter) and may_grant(inviter, role)
