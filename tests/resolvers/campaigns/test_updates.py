"""Subscribers hear of every change to a campaign and to what is under it, and of nothing else."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

import pytest

from persistence.ids import CampaignId
from persistence.repositories.campaigns import Campaigns
from persistence.repositories.tenants import ApiKeys, Memberships
from resolvers.campaigns.campaigns import CampaignChanges, update_campaign
from resolvers.campaigns.lifecycle import activate_campaign, archive_campaign, complete_campaign, pause_campaign
from resolvers.campaigns.line_items import LineItemChanges, archive_line_item, update_line_item
from resolvers.campaigns.placements import PlacementChanges, archive_placement, update_placement
from resolvers.campaigns.updates import CampaignUpdate, campaign_updates
from resolvers.context import RequestContext, Services
from resolvers.errors import Conflict, DomainError, Forbidden, InvalidCredentials, NotFound, Unauthenticated
from resolvers.identity.accounts import PasswordChange, change_password
from resolvers.identity.sessions import LoginCredentials, RefreshToken, login, logout, refresh
from resolvers.policy import Role, Scope, Viewer
from tests.actors import Actor, new_tenant
from tests.identity import PASSWORD, Account, new_account, stranger
from tests.resolvers.campaigns.scene import new_campaign, new_episode, new_line_item, new_placement


async def one(updates: AsyncGenerator[CampaignUpdate, None]) -> CampaignId:
    async with asyncio.timeout(5):
        return (await anext(updates)).campaign_id


async def test_every_change_is_announced_once(services: Services) -> None:
    actor = await new_tenant(services)
    episode = await new_episode(actor)
    updates = await campaign_updates(actor.context(), None)
    async with aclosing(updates):
        campaign = await new_campaign(actor)
        assert await one(updates) == campaign.id
        await update_campaign(actor.context(), campaign.id, 1, CampaignChanges(name="x"))
        assert await one(updates) == campaign.id
        line_item = await new_line_item(actor, campaign.id)
        assert await one(updates) == campaign.id
        await update_line_item(actor.context(), line_item.id, 1, LineItemChanges(name="x"))
        assert await one(updates) == campaign.id
        placement = await new_placement(actor, line_item.id, episode.id)
        assert await one(updates) == campaign.id
        await update_placement(actor.context(), placement.id, 1, PlacementChanges(promo_code="X"))
        assert await one(updates) == campaign.id
        await archive_placement(actor.context(), placement.id, 2)
        assert await one(updates) == campaign.id
        spare = await new_line_item(actor, campaign.id)
        assert await one(updates) == campaign.id
        await archive_line_item(actor.context(), spare.id, 1)
        assert await one(updates) == campaign.id
        for version, move in enumerate((activate_campaign, pause_campaign, complete_campaign, archive_campaign), 2):
            await move(actor.context(), campaign.id, version)
            assert await one(updates) == campaign.id
        after = await new_campaign(actor)
        assert await one(updates) == after.id


async def test_refused_change_is_not_announced(services: Services) -> None:
    actor = await new_tenant(services)
    campaign = await new_campaign(actor)
    updates = await campaign_updates(actor.context(), None)
    async with aclosing(updates):
        with pytest.raises(Conflict):
            await update_campaign(actor.context(), campaign.id, 7, CampaignChanges(name="x"))
        after = await new_campaign(actor)
        assert await one(updates) == after.id


async def test_subscriber_of_one_campaign_hears_of_that_one_only(services: Services) -> None:
    actor = await new_tenant(services)
    wanted, other = await new_campaign(actor), await new_campaign(actor)
    updates = await campaign_updates(actor.context(), wanted.id)
    async with aclosing(updates):
        await new_line_item(actor, other.id)
        await new_line_item(actor, wanted.id)
        assert await one(updates) == wanted.id


async def test_subscriber_hears_nothing_of_another_tenant(services: Services) -> None:
    actor, stranger = await new_tenant(services), await new_tenant(services)
    updates = await campaign_updates(stranger.context(), None)
    async with aclosing(updates):
        await new_campaign(actor)
        own = await new_campaign(stranger)
        assert await one(updates) == own.id


async def test_update_is_announced_after_it_can_be_read(services: Services) -> None:
    actor = await new_tenant(services)
    campaign = await new_campaign(actor)
    updates = await campaign_updates(actor.context(), campaign.id)
    async with aclosing(updates):
        changing = asyncio.create_task(update_campaign(actor.context(), campaign.id, 1, CampaignChanges(name="Newest")))
        await one(updates)
        read = await actor.context().loaders.by_id(Campaigns).fetch_one(campaign.id)
        assert read == await changing


async def test_closed_subscription_leaves_no_listener(services: Services) -> None:
    actor = await new_tenant(services)
    updates = await campaign_updates(actor.context(), None)
    topic = f"campaigns:{actor.tenant_id}"
    assert topic in services.broadcast.topics
    await updates.aclose()
    assert topic not in services.broadcast.topics


async def test_subscription_to_an_unknown_campaign_is_refused_and_leaves_no_listener(services: Services) -> None:
    actor = await new_tenant(services)
    with pytest.raises(NotFound) as caught:
        await campaign_updates(actor.context(), CampaignId(2**63 - 1))
    assert caught.value.path == ("campaignId",)
    assert f"campaigns:{actor.tenant_id}" not in services.broadcast.topics


async def test_stranger_cannot_subscribe(services: Services) -> None:
    with pytest.raises(Unauthenticated):
        await campaign_updates(RequestContext(services, None), None)


async def test_key_without_read_scope_cannot_subscribe(services: Services) -> None:
    actor = await new_tenant(services)
    viewer = Viewer(api_key_id=None, tenant_id=actor.tenant_id, scopes=frozenset({Scope.EVENTS}))
    with pytest.raises(Forbidden):
        await campaign_updates(RequestContext(services, viewer), None)


async def test_removed_member_hears_no_more(services: Services) -> None:
    actor = await new_tenant(services)
    campaign = await new_campaign(actor)
    updates = await campaign_updates(actor.context(), None)
    async with services.database.write(actor.tenant_id) as session:
        membership = await Memberships(session).of_user(actor.user_id)
        assert membership is not None
        await Memberships(session).delete(membership.id)
    await new_line_item(actor, campaign.id)
    await expect_end(updates, actor)


async def test_revoked_key_hears_no_more(services: Services) -> None:
    actor = await new_tenant(services)
    campaign = await new_campaign(actor)
    async with services.database.write(actor.tenant_id) as session:
        values = {"name": "k", "secret_hash": "h", "hint": "h", "scopes": ["read"], "created_by": actor.user_id}
        key = await ApiKeys(session).insert(values)
    viewer = Viewer(api_key_id=key.id, tenant_id=actor.tenant_id, scopes=frozenset({Scope.READ}))
    updates = await campaign_updates(RequestContext(services, viewer), None)
    await new_line_item(actor, campaign.id)
    assert await one(updates) == campaign.id
    async with services.database.write(actor.tenant_id) as session:
        await ApiKeys(session).revoke(key.id, services.clock())
    await new_line_item(actor, campaign.id)
    await expect_end(updates, actor)


async def expect_end(
    updates: AsyncGenerator[CampaignUpdate, None], actor: Actor, error: type[DomainError] = Forbidden
) -> None:
    async with asyncio.timeout(5):
        with pytest.raises(error):
            await anext(updates)
    assert f"campaigns:{actor.tenant_id}" not in actor.services.broadcast.topics


async def end_by_logout(account: Account) -> None:
    await logout(stranger(account.services), RefreshToken(refresh_token=account.tokens.refresh_token))


async def end_by_reuse(account: Account) -> None:
    token = RefreshToken(refresh_token=account.tokens.refresh_token)
    await refresh(stranger(account.services), token)
    with pytest.raises(InvalidCredentials):
        await refresh(stranger(account.services), token)


async def end_by_new_password(account: Account) -> None:
    change = PasswordChange(current_password=PASSWORD, new_password=f"not {PASSWORD}")
    await change_password(account.context(), change)


@pytest.mark.parametrize("end", [end_by_logout, end_by_reuse, end_by_new_password])
async def test_ended_login_hears_no_more(services: Services, end: Callable[[Account], Awaitable[None]]) -> None:
    actor, account = await new_tenant(services), await new_account(services)
    async with services.database.write(actor.tenant_id) as session:
        await Memberships(session).insert({"user_id": account.user_id, "role": Role.VIEWER})
    campaign = await new_campaign(actor)
    updates = await campaign_updates(account.context(actor.tenant_id, Role.VIEWER), None)
    await new_line_item(actor, campaign.id)
    assert await one(updates) == campaign.id
    await end(account)
    await new_line_item(actor, campaign.id)
    await expect_end(updates, actor, Unauthenticated)


async def test_end_of_one_login_leaves_the_other_its_updates(services: Services) -> None:
    actor, account = await new_tenant(services), await new_account(services)
    async with services.database.write(actor.tenant_id) as session:
        await Memberships(session).insert({"user_id": account.user_id, "role": Role.VIEWER})
    other = stranger(services)
    await login(other, LoginCredentials(email=account.email, password=PASSWORD))
    updates = await campaign_updates(other, None)
    async with aclosing(updates):
        await end_by_logout(account)
        campaign = await new_campaign(actor)
        assert await one(updates) == campaign.id
