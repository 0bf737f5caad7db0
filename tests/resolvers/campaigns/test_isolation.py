"""Another tenant's ids see nothing and change nothing, in every use case."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from persistence.records import (
    AdvertiserRecord,
    CampaignRecord,
    EpisodeRecord,
    LineItemRecord,
    PlacementRecord,
)
from persistence.repositories.campaigns import (
    AdvertiserFilter,
    Advertisers,
    CampaignFilter,
    Campaigns,
    LineItemFilter,
    LineItems,
    PlacementFilter,
    Placements,
)
from persistence.repositories.owned import OwnedRows
from resolvers import lists
from resolvers.campaigns import advertisers, campaigns, lifecycle, line_items, placements, updates
from resolvers.context import RequestContext, Services
from resolvers.errors import NotFound
from resolvers.pages import requested_page
from tests.actors import Actor, new_tenant
from tests.resolvers.campaigns.scene import (
    new_advertiser,
    new_campaign,
    new_episode,
    new_line_item,
    new_placement,
)


class Scene(msgspec.Struct, frozen=True):
    """One of everything, all of one tenant."""

    owner: Actor
    advertiser: AdvertiserRecord
    campaign: CampaignRecord
    line_item: LineItemRecord
    placement: PlacementRecord
    episode: EpisodeRecord


async def new_scene(services: Services) -> Scene:
    owner = await new_tenant(services)
    advertiser = await new_advertiser(owner)
    campaign = await new_campaign(owner, advertiser.id)
    line_item = await new_line_item(owner, campaign.id)
    episode = await new_episode(owner)
    placement = await new_placement(owner, line_item.id, episode.id)
    return Scene(
        owner=owner,
        advertiser=advertiser,
        campaign=campaign,
        line_item=line_item,
        placement=placement,
        episode=episode,
    )


@pytest_asyncio.fixture(scope="module")
async def victim(services: Services) -> Scene:
    return await new_scene(services)


@pytest_asyncio.fixture(scope="module")
async def intruder(services: Services) -> Scene:
    return await new_scene(services)


NEW_CAMPAIGN = campaigns.NewCampaign(name="x", currency="USD")
NEW_LINE_ITEM = line_items.NewLineItem(name="x", pricing=line_items.Pricing.CPM, rate_minor=1)
NEW_PLACEMENT = placements.NewPlacement(
    position=placements.Position.PRE_ROLL,
    insertion_type=placements.InsertionType.DYNAMIC,
    read_type=placements.ReadType.HOST_READ,
)

UseCase = Callable[[RequestContext, Scene, Scene], Awaitable[object]]
USE_CASES: dict[str, UseCase] = {
    "update_advertiser": lambda c, v, _: advertisers.update_advertiser(
        c, v.advertiser.id, 1, advertisers.AdvertiserChanges(name="x")
    ),
    "archive_advertiser": lambda c, v, _: advertisers.archive_advertiser(c, v.advertiser.id, 1),
    "create_campaign": lambda c, v, _: campaigns.create_campaign(c, v.advertiser.id, NEW_CAMPAIGN),
    "update_campaign": lambda c, v, _: campaigns.update_campaign(
        c, v.campaign.id, 1, campaigns.CampaignChanges(name="x")
    ),
    "activate_campaign": lambda c, v, _: lifecycle.activate_campaign(c, v.campaign.id, 1),
    "pause_campaign": lambda c, v, _: lifecycle.pause_campaign(c, v.campaign.id, 1),
    "complete_campaign": lambda c, v, _: lifecycle.complete_campaign(c, v.campaign.id, 1),
    "archive_campaign": lambda c, v, _: lifecycle.archive_campaign(c, v.campaign.id, 1),
    "create_line_item": lambda c, v, _: line_items.create_line_item(c, v.campaign.id, NEW_LINE_ITEM),
    "update_line_item": lambda c, v, _: line_items.update_line_item(
        c, v.line_item.id, 1, line_items.LineItemChanges(name="x")
    ),
    "archive_line_item": lambda c, v, _: line_items.archive_line_item(c, v.line_item.id, 1),
    "create_placement": lambda c, v, _: placements.create_placement(c, v.line_item.id, v.episode.id, NEW_PLACEMENT),
    "create_placement with own episode": lambda c, v, own: placements.create_placement(
        c, v.line_item.id, own.episode.id, NEW_PLACEMENT
    ),
    "create_placement under own line item": lambda c, v, own: placements.create_placement(
        c, own.line_item.id, v.episode.id, NEW_PLACEMENT
    ),
    "update_placement": lambda c, v, _: placements.update_placement(
        c, v.placement.id, 1, placements.PlacementChanges(promo_code="X")
    ),
    "archive_placement": lambda c, v, _: placements.archive_placement(c, v.placement.id, 1),
    "campaign_updates": lambda c, v, _: updates.campaign_updates(c, v.campaign.id),
}
ROWS: list[tuple[type[OwnedRows[Any, Any]], object]] = [
    (Advertisers, AdvertiserFilter()),
    (Campaigns, CampaignFilter()),
    (LineItems, LineItemFilter()),
    (Placements, PlacementFilter()),
]


async def everything(scene: Scene) -> list[object]:
    """All that the tenant has."""
    found: list[object] = []
    for rows, wanted in ROWS:
        request = requested_page(
            rows.orders, order="CREATED_AT", descending=False, first=1_000, after=None, last=None, before=None
        )
        found += (await lists.page(scene.owner.context(), rows, request, wanted)).nodes
    return found


@pytest.mark.parametrize("name", USE_CASES)
async def test_another_tenants_ids_change_nothing(victim: Scene, intruder: Scene, name: str) -> None:
    theirs, ours = await everything(victim), await everything(intruder)
    with pytest.raises(NotFound):
        await USE_CASES[name](intruder.owner.context(), victim, intruder)
    assert await everything(victim) == theirs
    assert await everything(intruder) == ours


async def test_another_tenants_ids_see_nothing(victim: Scene, intruder: Scene) -> None:
    context = intruder.owner.context()
    ids: list[tuple[type[OwnedRows[Any, Any]], int]] = [
        (Advertisers, victim.advertiser.id),
        (Campaigns, victim.campaign.id),
        (LineItems, victim.line_item.id),
        (Placements, victim.placement.id),
    ]
    assert [await lists.by_id(context, rows, row_id) for rows, row_id in ids] == [None] * 4


async def test_lists_hold_own_rows_only(victim: Scene, intruder: Scene) -> None:
    assert await everything(intruder) == [
        intruder.advertiser,
        intruder.campaign,
        intruder.line_item,
        intruder.placement,
    ]


async def test_lists_and_counts_by_another_tenants_parent_are_empty(victim: Scene, intruder: Scene) -> None:
    context = intruder.owner.context()
    parents: list[tuple[type[OwnedRows[Any, Any]], str, int, object]] = [
        (Campaigns, "advertiser_id", victim.advertiser.id, CampaignFilter()),
        (LineItems, "campaign_id", victim.campaign.id, LineItemFilter()),
        (Placements, "campaign_id", victim.campaign.id, PlacementFilter()),
        (Placements, "line_item_id", victim.line_item.id, PlacementFilter()),
        (Placements, "episode_id", victim.episode.id, PlacementFilter()),
    ]
    for rows, parent, parent_id, wanted in parents:
        request = requested_page(
            rows.orders, order="CREATED_AT", descending=False, first=10, after=None, last=None, before=None
        )
        [page] = await lists.pages_by(context, rows, parent, [parent_id], request, wanted)
        assert page.nodes == []
        assert await page.counts.fetch_one(page.count_key) == 0


async def test_cursor_of_another_tenant_is_a_position_and_shows_nothing_of_theirs(
    victim: Scene, intruder: Scene
) -> None:
    request = requested_page(
        Campaigns.orders, order="CREATED_AT", descending=False, first=1, after=None, last=None, before=None
    )
    theirs = (await lists.page(victim.owner.context(), Campaigns, request, CampaignFilter())).end_cursor
    request = requested_page(
        Campaigns.orders, order="CREATED_AT", descending=False, first=10, after=theirs, last=None, before=None
    )
    ours = await lists.page(intruder.owner.context(), Campaigns, request, CampaignFilter())
    assert [campaign.tenant_id for campaign in ours.nodes] == [intruder.owner.tenant_id] * len(ours.nodes)
