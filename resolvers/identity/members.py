"""Members and their roles. Nobody grants or takes away a role above their own; a tenant always has an owner.

Changes of one tenant's members happen one at a time, and what the caller may do is read again once it is their turn:
two owners cannot demote each other, and a member who was just removed removes nobody.
"""

from collections.abc import Sequence

from persistence.ids import MembershipId
from persistence.records import MembershipRecord, UserRecord
from persistence.repositories.tenants import Memberships, lock_members
from persistence.sessions import TenantSession
from resolvers import changes
from resolvers.context import RequestContext
from resolvers.errors import Forbidden, IllegalTransition
from resolvers.loaders.identity import UserByIdLoader
from resolvers.policy import Permission, Role, may_grant, permissions_of, tenant_for, user_of


async def change_role(
    context: RequestContext, membership_id: MembershipId, version: int, role: Role
) -> MembershipRecord:
    """Takes effect with the member's next request. Raises NotFound, Conflict, Forbidden, IllegalTransition."""
    tenant_id = context.tenant_for(Permission.MANAGE_MEMBERS)
    async with context.database.write(tenant_id) as session:
        await lock_members(session)
        own = await current_role(context, session)
        member = await changes.found(Memberships(session), membership_id, "membership")
        if Permission.MANAGE_MEMBERS not in permissions_of(own):
            raise Forbidden("Your role does not let you manage members any more.")
        refuse_above(own, Role(member.role), role)
        changes.refuse_stale(member, version, "membership")
        if role is not Role.OWNER:
            await _refuse_without_owner(session, member)
        changed = await changes.update(Memberships(session), membership_id, version, {"role": role}, noun="membership")
    context.loaders.clear()
    return changed


async def remove_member(context: RequestContext, membership_id: MembershipId) -> MembershipRecord:
    """The membership that ended; everybody may end their own. Raises NotFound, Forbidden, IllegalTransition."""
    user_id = user_of(context.viewer)
    tenant_id = context.tenant_for(Permission.SEE_MEMBERS)
    async with context.database.write(tenant_id) as session:
        await lock_members(session)
        own = await current_role(context, session)
        member = await changes.found(Memberships(session), membership_id, "membership")
        if member.user_id != user_id:
            if Permission.MANAGE_MEMBERS not in permissions_of(own):
                tenant_for(context.viewer, Permission.MANAGE_MEMBERS)
                raise Forbidden("Your role does not let you manage members any more.")
            refuse_above(own, Role(member.role))
        await _refuse_without_owner(session, member)
        await Memberships(session).delete(member.id)
    context.loaders.clear()
    return member


async def current_role(context: RequestContext, session: TenantSession) -> Role:
    """The caller's role as it is now, not as it was when the request began. Raises Forbidden."""
    membership = await Memberships(session).of_user(user_of(context.viewer))
    if membership is None:
        raise Forbidden("You are not a member of this tenant.")
    return Role(membership.role)


def refuse_above(own: Role, *roles: Role) -> None:
    """Raises Forbidden when one of the roles is above the caller's own."""
    if not all(may_grant(own, role) for role in roles):
        raise Forbidden(f"Your role {own} does not let you give or take a role above it.")


async def users_of(context: RequestContext, memberships: Sequence[MembershipRecord]) -> list[UserRecord]:
    """The people behind memberships that the viewer was shown, in order."""
    loader = context.loaders.of(UserByIdLoader, False)
    return [_present(user) for user in await loader.fetch([membership.user_id for membership in memberships])]


async def members_by_id(context: RequestContext, user_ids: Sequence[int]) -> list[UserRecord | None]:
    """Users in order; None for whoever is no member of the viewer's tenant, and for viewers who may not see members."""
    if context.viewer is None or not context.viewer.may(Permission.SEE_MEMBERS):
        return [None] * len(user_ids)
    return await context.loaders.of(UserByIdLoader, True).fetch(user_ids)


async def _refuse_without_owner(session: TenantSession, leaving: MembershipRecord) -> None:
    if await Memberships(session).owners() == [leaving.id]:
        raise IllegalTransition(
            "The last owner cannot leave or become less: make somebody else an owner first.", ("id",)
        )


def _present(user: UserRecord | None) -> UserRecord:
    if user is None:
        raise LookupError("a membership's user has no row")
    return user
