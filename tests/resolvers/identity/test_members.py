"""Roles: who may change whose, and that a tenant always has an owner."""

import asyncio

import pytest

from persistence.ids import MembershipId
from persistence.records import MembershipRecord
from persistence.repositories.tenants import Memberships, lock_members
from resolvers.context import RequestContext, Services
from resolvers.errors import Conflict, DomainError, Forbidden, IllegalTransition, NotFound, Unauthenticated
from resolvers.identity.members import change_role, remove_member
from resolvers.policy import Role, Scope, Viewer
from tests.actors import Actor, new_member, new_tenant
from tests.identity import stranger, waits_for_a_lock


async def membership(actor: Actor) -> MembershipRecord | None:
    async with actor.services.database.read(actor.tenant_id) as session:
        return await Memberships(session).of_user(actor.user_id)


async def present(actor: Actor) -> MembershipRecord:
    found = await membership(actor)
    assert found is not None
    return found


async def role(actor: Actor) -> str:
    return (await present(actor)).role


async def changed(caller: Actor, member: Actor, wanted: Role) -> MembershipRecord:
    current = await present(member)
    return await change_role(caller.context(), current.id, current.version, wanted)


async def removed(caller: Actor, member: Actor) -> MembershipRecord:
    return await remove_member(caller.context(), (await present(member)).id)


MAY_CHANGE = [
    (Role.OWNER, Role.OWNER, Role.VIEWER),
    (Role.OWNER, Role.VIEWER, Role.OWNER),
    (Role.ADMIN, Role.ADMIN, Role.MEMBER),
    (Role.ADMIN, Role.VIEWER, Role.ADMIN),
]
MAY_NOT_CHANGE = [
    (Role.ADMIN, Role.OWNER, Role.VIEWER),
    (Role.ADMIN, Role.VIEWER, Role.OWNER),
    (Role.MEMBER, Role.VIEWER, Role.MEMBER),
    (Role.VIEWER, Role.VIEWER, Role.VIEWER),
]


@pytest.mark.parametrize(("own", "old", "new"), MAY_CHANGE)
async def test_role_up_to_ones_own_is_given_and_taken(services: Services, own: Role, old: Role, new: Role) -> None:
    owner = await new_tenant(services)
    caller = await new_member(services, owner.tenant_id, own)
    member = await new_member(services, owner.tenant_id, old)
    record = await changed(caller, member, new)
    assert (record.role, record.version, await role(member)) == (new, 2, new)


@pytest.mark.parametrize(("own", "old", "new"), MAY_NOT_CHANGE)
async def test_role_above_ones_own_is_neither_given_nor_taken(
    services: Services, own: Role, old: Role, new: Role
) -> None:
    owner = await new_tenant(services)
    caller = await new_member(services, owner.tenant_id, own)
    member = await new_member(services, owner.tenant_id, old)
    with pytest.raises(Forbidden):
        await changed(caller, member, new)
    assert await role(member) == old


async def test_admin_cannot_become_owner_alone(services: Services) -> None:
    owner = await new_tenant(services)
    admin = await new_member(services, owner.tenant_id, Role.ADMIN)
    with pytest.raises(Forbidden):
        await changed(admin, admin, Role.OWNER)
    assert await role(admin) == Role.ADMIN


async def test_stale_version_is_a_conflict(services: Services) -> None:
    owner = await new_tenant(services)
    member = await new_member(services, owner.tenant_id, Role.MEMBER)
    await changed(owner, member, Role.VIEWER)
    with pytest.raises(Conflict):
        await change_role(owner.context(), (await present(member)).id, 1, Role.ADMIN)
    assert await role(member) == Role.VIEWER


async def test_last_owner_is_neither_demoted_nor_removed(services: Services) -> None:
    owner = await new_tenant(services)
    with pytest.raises(IllegalTransition):
        await changed(owner, owner, Role.ADMIN)
    with pytest.raises(IllegalTransition):
        await removed(owner, owner)
    assert await role(owner) == Role.OWNER


async def test_change_waits_for_the_one_under_way_and_sees_it(services: Services) -> None:
    first = await new_tenant(services)
    second = await new_member(services, first.tenant_id, Role.OWNER)
    record = await present(first)
    async with services.database.write(first.tenant_id) as session:
        await lock_members(session)
        stepping_down = asyncio.create_task(changed(second, second, Role.MEMBER))
        await waits_for_a_lock(services.database, stepping_down)
        await Memberships(session).update(record.id, record.version, {"role": Role.MEMBER})
    with pytest.raises(IllegalTransition):
        await stepping_down
    assert (await role(first), await role(second)) == (Role.MEMBER, Role.OWNER)


async def test_of_two_owners_who_step_down_at_once_one_stays(services: Services) -> None:
    first = await new_tenant(services)
    second = await new_member(services, first.tenant_id, Role.OWNER)
    outcomes = await asyncio.gather(
        changed(first, first, Role.MEMBER), changed(second, second, Role.MEMBER), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes if isinstance(outcome, DomainError)] == [IllegalTransition]
    assert sorted([await role(first), await role(second)]) == [Role.MEMBER, Role.OWNER]


async def test_of_two_owners_who_demote_each_other_one_stays(services: Services) -> None:
    first = await new_tenant(services)
    second = await new_member(services, first.tenant_id, Role.OWNER)
    outcomes = await asyncio.gather(changed(first, second, Role.MEMBER), removed(second, first), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes if isinstance(outcome, DomainError)] == [Forbidden]
    left = [found.role for found in (await membership(first), await membership(second)) if found is not None]
    assert left.count("OWNER") == 1


async def test_member_may_leave_but_remove_nobody_else(services: Services) -> None:
    owner = await new_tenant(services)
    viewer = await new_member(services, owner.tenant_id, Role.VIEWER)
    other = await new_member(services, owner.tenant_id, Role.VIEWER)
    with pytest.raises(Forbidden):
        await removed(viewer, other)
    assert await role(other) == Role.VIEWER
    await removed(viewer, viewer)
    assert await membership(viewer) is None


async def test_admin_removes_members_but_no_owner(services: Services) -> None:
    owner = await new_tenant(services)
    await new_member(services, owner.tenant_id, Role.OWNER)
    admin = await new_member(services, owner.tenant_id, Role.ADMIN)
    member = await new_member(services, owner.tenant_id, Role.MEMBER)
    with pytest.raises(Forbidden):
        await removed(admin, owner)
    await removed(admin, member)
    assert (await role(owner), await membership(member)) == (Role.OWNER, None)


async def test_who_was_removed_after_the_request_began_changes_nothing(services: Services) -> None:
    owner = await new_tenant(services)
    admin = await new_member(services, owner.tenant_id, Role.ADMIN)
    member = await new_member(services, owner.tenant_id, Role.VIEWER)
    begun = admin.context()
    await removed(owner, admin)
    record = await present(member)
    with pytest.raises(Forbidden):
        await change_role(begun, record.id, record.version, Role.ADMIN)
    with pytest.raises(Forbidden):
        await remove_member(begun, record.id)
    assert await role(member) == Role.VIEWER


async def test_who_was_demoted_after_the_request_began_changes_nothing(services: Services) -> None:
    owner = await new_tenant(services)
    admin = await new_member(services, owner.tenant_id, Role.ADMIN)
    member = await new_member(services, owner.tenant_id, Role.VIEWER)
    begun = admin.context()
    await changed(owner, admin, Role.MEMBER)
    record = await present(member)
    with pytest.raises(Forbidden):
        await change_role(begun, record.id, record.version, Role.MEMBER)
    with pytest.raises(Forbidden):
        await remove_member(begun, record.id)
    assert await role(member) == Role.VIEWER


async def test_another_tenants_membership_is_not_found_and_stays(services: Services) -> None:
    owner, other = await new_tenant(services), await new_tenant(services)
    theirs = await new_member(services, other.tenant_id, Role.MEMBER)
    record = await present(theirs)
    with pytest.raises(NotFound):
        await change_role(owner.context(), record.id, record.version, Role.VIEWER)
    with pytest.raises(NotFound):
        await remove_member(owner.context(), record.id)
    assert await present(theirs) == record


async def test_api_keys_and_strangers_manage_no_members(services: Services) -> None:
    owner = await new_tenant(services)
    member = await new_member(services, owner.tenant_id, Role.MEMBER)
    record = await present(member)
    key = RequestContext(services, Viewer(tenant_id=owner.tenant_id, scopes=frozenset(Scope)))
    for context, error in ((key, Forbidden), (stranger(services), Unauthenticated)):
        with pytest.raises(error):
            await change_role(context, record.id, record.version, Role.VIEWER)
        with pytest.raises(error):
            await remove_member(context, record.id)
    assert await present(member) == record


async def test_unknown_membership_is_not_found(services: Services) -> None:
    owner = await new_tenant(services)
    with pytest.raises(NotFound):
        await change_role(owner.context(), MembershipId(2**62), 1, Role.VIEWER)
