"""What holds when two people act at the same moment."""

import asyncio
from datetime import date
from typing import Any

import pytest
from sqlalchemy import text

from persistence.repositories.campaigns import Campaigns, PlacementFilter, Placements
from resolvers import lists
from resolvers.campaigns.advertisers import NewAdvertiser, archive_advertiser, create_advertiser
from resolvers.campaigns.campaigns import CampaignChanges, update_campaign
from resolvers.campaigns.lifecycle import activate_campaign, complete_campaign
from resolvers.campaigns.line_items import archive_line_item
from resolvers.campaigns.locks import open_campaign
from resolvers.campaigns.states import CampaignStatus
from resolvers.context import Services
from resolvers.errors import Conflict, DomainError, IllegalTransition, InvalidInput
from tests.actors import new_tenant
from tests.resolvers.campaigns.scene import (
    campaign_in,
    new_advertiser,
    new_campaign,
    new_episode,
    new_line_item,
    new_placement,
)

ROUNDS = 10
"""A race that is lost one time in two is seen in all but one of a thousand runs."""


async def outcomes(*attempts: Any) -> list[type[DomainError] | None]:
    """What each of several concurrent attempts came to: None for success; anything but a domain error is raised."""
    found: list[type[DomainError] | None] = []
    for result in await asyncio.gather(*attempts, return_exceptions=True):
        if isinstance(result, BaseException) and not isinstance(result, DomainError):
            raise result
        found.append(type(result) if isinstance(result, DomainError) else None)
    return found


async def test_of_two_concurrent_updates_one_wins(services: Services) -> None:
    actor = await new_tenant(services)
    for _ in range(ROUNDS):
        campaign = await new_campaign(actor)
        found = await outcomes(
            *(update_campaign(actor.context(), campaign.id, 1, CampaignChanges(name=name)) for name in ("A", "B"))
        )
        assert set(found) == {None, Conflict}
        stored = await lists.by_id(actor.context(), Campaigns, campaign.id)
        assert stored is not None
        assert (stored.name, stored.version) == ("A" if found[0] is None else "B", 2)


async def test_of_two_concurrent_advertisers_of_one_name_one_is_made(services: Services) -> None:
    actor = await new_tenant(services)
    for number in range(ROUNDS):
        new = NewAdvertiser(name=f"Acme {number}")
        found = await outcomes(*(create_advertiser(actor.context(), new) for _ in range(2)))
        assert set(found) == {None, Conflict}


async def waits_for_a_lock(services: Services, attempt: asyncio.Task[Any]) -> bool:
    """Whether the attempt, the only one under way, is held up by another transaction; False once it is done."""
    statement = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    while not attempt.done():
        async with services.database.read_account() as session:
            if await session.scalar(statement):
                return True
        await asyncio.sleep(0.01)
    return False


async def test_line_item_waits_for_a_campaign_that_is_being_completed_and_is_refused(services: Services) -> None:
    actor = await new_tenant(services)
    campaign = await campaign_in(actor, CampaignStatus.ACTIVE)
    async with services.database.write(actor.tenant_id) as session:
        await Campaigns(session).update(campaign.id, campaign.version, {"status": "COMPLETED"})
        creating = asyncio.create_task(new_line_item(actor, campaign.id))
        waited = await waits_for_a_lock(services, creating)
    with pytest.raises(IllegalTransition):
        await creating
    assert waited


async def test_completing_waits_for_a_line_item_that_is_being_made(services: Services) -> None:
    actor = await new_tenant(services)
    campaign = await campaign_in(actor, CampaignStatus.ACTIVE)
    async with services.database.write(actor.tenant_id) as session:
        await open_campaign(session, campaign.id)
        completing = asyncio.create_task(complete_campaign(actor.context(), campaign.id, campaign.version))
        waited = await waits_for_a_lock(services, completing)
    assert (await completing).status == "COMPLETED"
    assert waited


async def test_no_campaign_becomes_active_while_its_advertiser_is_being_archived(services: Services) -> None:
    actor = await new_tenant(services)
    for number in range(ROUNDS):
        advertiser = await new_advertiser(actor, f"Acme {number}")
        campaign = await new_campaign(actor, advertiser.id)
        await new_line_item(actor, campaign.id)
        found = await outcomes(
            archive_advertiser(actor.context(), advertiser.id, 1), activate_campaign(actor.context(), campaign.id, 1)
        )
        assert found.count(None) == 1


async def test_active_campaign_keeps_one_of_two_line_items_archived_at_once(services: Services) -> None:
    actor = await new_tenant(services)
    for _ in range(ROUNDS):
        campaign = await new_campaign(actor)
        items = [await new_line_item(actor, campaign.id) for _ in range(2)]
        await activate_campaign(actor.context(), campaign.id, 1)
        found = await outcomes(*(archive_line_item(actor.context(), item.id, 1) for item in items))
        assert set(found) == {None, IllegalTransition}


async def test_no_live_placement_is_left_under_a_line_item_that_is_being_archived(services: Services) -> None:
    actor = await new_tenant(services)
    episode = await new_episode(actor)
    for _ in range(ROUNDS):
        item = await new_line_item(actor, (await new_campaign(actor)).id)
        archiving, _placing = await outcomes(
            archive_line_item(actor.context(), item.id, 1), new_placement(actor, item.id, episode.id)
        )
        [live] = await actor.context().loaders.counts(Placements, "line_item_id", PlacementFilter()).fetch([item.id])
        assert (archiving, live) == (None, 0)


async def test_flights_of_campaign_and_line_item_stay_compatible(services: Services) -> None:
    actor = await new_tenant(services)
    for _ in range(ROUNDS):
        campaign = await new_campaign(actor)
        shortened = CampaignChanges(ends_on=date(2026, 3, 1))
        found = await outcomes(
            update_campaign(actor.context(), campaign.id, 1, shortened),
            new_line_item(actor, campaign.id, ends_on="2026-03-02"),
        )
        assert set(found) == {None, InvalidInput}
