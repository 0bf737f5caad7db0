"""Invitations: who may make them, who may accept them, and what ends them."""

import asyncio
from datetime import timedelta

import pytest

from persistence.records import InviteRecord, MembershipRecord
from persistence.repositories.tenants import Invites, Memberships
from resolvers.context import RequestContext, Services
from resolvers.errors import Conflict, DomainError, Forbidden, InvalidCredentials, NotFound, TooManyAttempts
from resolvers.identity.invites import InviteAcceptance, NewInvite, accept_invite, invite_member, revoke_invite
from resolvers.identity.members import change_role, remove_member
from resolvers.policy import Role, Scope, Viewer
from tests.actors import Actor, new_member, new_tenant
from tests.identity import Account, clocked, new_account


async def invited(inviter: Actor, account: Account, role: Role = Role.MEMBER) -> tuple[InviteRecord, str]:
    return await invite_member(inviter.context(), NewInvite(email=account.email.upper(), role=role))


async def accepted(account: Account, token: str) -> MembershipRecord:
    return await accept_invite(account.context(), InviteAcceptance(token=token))


async def membership(actor: Actor, account: Account) -> MembershipRecord | None:
    async with actor.services.database.read(actor.tenant_id) as session:
        return await Memberships(session).of_user(account.user_id)


async def test_accepted_invitation_makes_a_member_once(services: Services) -> None:
    owner, account = await new_tenant(services), await new_account(services)
    invite, token = await invited(owner, account, Role.ADMIN)
    assert (invite.email, invite.role, invite.invited_by, invite.accepted_at) == (
        account.email, Role.ADMIN, owner.user_id, None
    )  # fmt: skip
    joined = await accepted(account, token)
    assert (joined.tenant_id, joined.user_id, joined.role) == (owner.tenant_id, account.user_id, Role.ADMIN)
    with pytest.raises(InvalidCredentials):
        await accepted(account, token)


async def test_user_without_a_tenant_goes_on_in_the_one_joined(services: Services) -> None:
    owner, account = await new_tenant(services), await new_account(services)
    _, token = await invited(owner, account)
    context = account.context()
    await accept_invite(context, InviteAcceptance(token=token))
    assert context.viewer == account.context(owner.tenant_id, Role.MEMBER).viewer


async def test_user_in_a_tenant_stays_there(services: Services) -> None:
    owner, account = await new_tenant(services), await new_account(services)
    other = await new_tenant(services)
    _, token = await invited(owner, account)
    context = account.context(other.tenant_id, Role.VIEWER)
    await accept_invite(context, InviteAcceptance(token=token))
    assert context.viewer == account.context(other.tenant_id, Role.VIEWER).viewer


async def test_of_two_concurrent_acceptances_one_succeeds(services: Services) -> None:
    owner, account = await new_tenant(services), await new_account(services)
    _, token = await invited(owner, account)
    outcomes = await asyncio.gather(accepted(account, token), accepted(account, token), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes if isinstance(outcome, DomainError)] == [InvalidCredentials]


async def test_invitation_is_for_its_email_alone(services: Services) -> None:
    owner, account, thief = await new_tenant(services), await new_account(services), await new_account(services)
    _, token = await invited(owner, account)
    with pytest.raises(InvalidCredentials):
        await accepted(thief, token)
    assert await membership(owner, thief) is None
    await accepted(account, token)


async def test_expired_invitation_is_refused(services: Services) -> None:
    clocked_services, clock = clocked(services)
    owner, account = await new_tenant(clocked_services), await new_account(clocked_services)
    _, token = await invited(owner, account)
    clock.now += timedelta(days=7)
    with pytest.raises(InvalidCredentials):
        await accepted(account, token)
    assert await membership(owner, account) is None
    clock.now -= timedelta(seconds=1)
    await accepted(account, token)


async def test_newer_invitation_replaces_the_older(services: Services) -> None:
    owner, account = await new_tenant(services), await new_account(services)
    _, older = await invited(owner, account, Role.ADMIN)
    _, newer = await invited(owner, account, Role.VIEWER)
    with pytest.raises(InvalidCredentials):
        await accepted(account, older)
    assert (await accepted(account, newer)).role == Role.VIEWER


async def test_revoked_invitation_is_refused_and_revoked_once(services: Services) -> None:
    owner, account = await new_tenant(services), await new_account(services)
    invite, token = await invited(owner, account)
    await revoke_invite(owner.context(), invite.id)
    with pytest.raises(InvalidCredentials):
        await accepted(account, token)
    with pytest.raises(NotFound):
        await revoke_invite(owner.context(), invite.id)


async def test_accepted_invitation_cannot_be_revoked(services: Services) -> None:
    owner, account = await new_tenant(services), await new_account(services)
    invite, token = await invited(owner, account)
    await accepted(account, token)
    with pytest.raises(NotFound):
        await revoke_invite(owner.context(), invite.id)


async def test_member_is_not_invited_again(services: Services) -> None:
    owner, account = await new_tenant(services), await new_account(services)
    _, token = await invited(owner, account)
    await accepted(account, token)
    with pytest.raises(Conflict) as again:
        await invited(owner, account)
    assert again.value.path == ("input", "email")


@pytest.mark.parametrize(
    ("own", "role"), [(Role.ADMIN, Role.OWNER), (Role.MEMBER, Role.VIEWER), (Role.VIEWER, Role.VIEWER)]
)
async def test_nobody_invites_to_more_than_they_may_grant(services: Services, own: Role, role: Role) -> None:
    caller, account = await new_tenant(services, own), await new_account(services)
    with pytest.raises(Forbidden):
        await invited(caller, account, role)
    async with services.database.read(caller.tenant_id) as session:
        assert await Invites(session).count() == 0


async def test_api_key_invites_nobody(services: Services) -> None:
    owner = await new_tenant(services)
    key = RequestContext(services, Viewer(tenant_id=owner.tenant_id, scopes=frozenset(Scope)))
    with pytest.raises(Forbidden):
        await invite_member(key, NewInvite(email="ada@example.com", role=Role.VIEWER))
    async with services.database.read(owner.tenant_id) as session:
        assert await Invites(session).count() == 0


@pytest.mark.parametrize("loss", ["removed", "demoted"])
async def test_invitation_dies_with_its_makers_role(services: Services, loss: str) -> None:
    owner, account = await new_tenant(services), await new_account(services)
    admin = await new_member(services, owner.tenant_id, Role.ADMIN)
    _, token = await invited(admin, account, Role.ADMIN)
    async with services.database.read(owner.tenant_id) as session:
        record = await Memberships(session).of_user(admin.user_id)
    assert record is not None
    if loss == "removed":
        await remove_member(owner.context(), record.id)
    else:
        await change_role(owner.context(), record.id, record.version, Role.MEMBER)
    with pytest.raises(InvalidCredentials):
        await accepted(account, token)
    assert await membership(owner, account) is None


async def test_another_tenants_invitation_is_not_found_and_stays(services: Services) -> None:
    owner, other, account = await new_tenant(services), await new_tenant(services), await new_account(services)
    invite, token = await invited(other, account)
    with pytest.raises(NotFound):
        await revoke_invite(owner.context(), invite.id)
    forged = f"pgi_{owner.tenant_id}_{token.split('_', 2)[2]}"
    with pytest.raises(InvalidCredentials):
        await accepted(account, forged)
    await accepted(account, token)


@pytest.mark.parametrize("token", ["", "pgi_1", "pgi_0_" + "x" * 43, "pgk_1_" + "x" * 43, "pgi_1_" + "x" * 43])
async def test_what_is_no_invitation_is_refused(services: Services, token: str) -> None:
    with pytest.raises(InvalidCredentials):
        await accepted(await new_account(services), token)


async def test_guesses_at_invitations_are_limited_by_address(services: Services) -> None:
    own_services, _ = clocked(services)
    account = await new_account(own_services)
    for _ in range(20):
        with pytest.raises(InvalidCredentials):
            await accepted(account, "pgi_1_" + "x" * 43)
    with pytest.raises(TooManyAttempts):
        await accepted(account, "pgi_1_" + "x" * 43)
