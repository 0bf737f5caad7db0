"""The states of a campaign: every move there is, and what each state allows."""

import itertools
from collections.abc import Awaitable, Callable

import pytest

from persistence.ids import CampaignId
from persistence.records import CampaignRecord
from persistence.repositories.campaigns import Campaigns, LineItemFilter, LineItems, Placements
from resolvers import lists
from resolvers.campaigns.advertisers import archive_advertiser
from resolvers.campaigns.campaigns import CampaignChanges, update_campaign
from resolvers.campaigns.lifecycle import activate_campaign, archive_campaign, complete_campaign, pause_campaign
from resolvers.campaigns.line_items import (
    LineItemChanges,
    NewLineItem,
    Pricing,
    archive_line_item,
    create_line_item,
    update_line_item,
)
from resolvers.campaigns.placements import (
    InsertionType,
    NewPlacement,
    PlacementChanges,
    Position,
    ReadType,
    archive_placement,
    create_placement,
    update_placement,
)
from resolvers.campaigns.states import CampaignRequirement, CampaignStatus, IllegalMove, NotReady
from resolvers.context import RequestContext, Services
from resolvers.errors import Conflict, Forbidden, IllegalTransition
from resolvers.policy import Role
from tests.actors import Actor, new_member, new_tenant
from tests.resolvers.campaigns.scene import (
    campaign_in,
    moved,
    new_advertiser,
    new_campaign,
    new_episode,
    new_line_item,
    new_placement,
)

DRAFT, ACTIVE, PAUSED, COMPLETED, ARCHIVED = CampaignStatus

Move = Callable[[RequestContext, CampaignId, int], Awaitable[CampaignRecord]]
MOVES: dict[CampaignStatus, Move] = {
    ACTIVE: activate_campaign,
    PAUSED: pause_campaign,
    COMPLETED: complete_campaign,
    ARCHIVED: archive_campaign,
}
ALLOWED: dict[CampaignStatus, tuple[CampaignStatus, ...]] = {
    DRAFT: (ACTIVE, ARCHIVED),
    ACTIVE: (PAUSED, COMPLETED),
    PAUSED: (ACTIVE, COMPLETED, ARCHIVED),
    COMPLETED: (ARCHIVED,),
    ARCHIVED: (),
}


async def stored(actor: Actor, campaign_id: CampaignId) -> CampaignRecord:
    campaign = await lists.by_id(actor.context(), Campaigns, campaign_id)
    assert campaign is not None
    return campaign


@pytest.mark.parametrize(("current", "wanted"), list(itertools.product(CampaignStatus, MOVES)))
async def test_every_move(services: Services, current: CampaignStatus, wanted: CampaignStatus) -> None:
    actor = await new_tenant(services)
    campaign = await campaign_in(actor, current)
    assert campaign.status == current
    if wanted in ALLOWED[current]:
        result = await MOVES[wanted](actor.context(), campaign.id, campaign.version)
        assert (result.status, result.version) == (wanted, campaign.version + 1)
        assert await stored(actor, campaign.id) == result
        return
    with pytest.raises(IllegalMove) as caught:
        await MOVES[wanted](actor.context(), campaign.id, campaign.version)
    error = caught.value
    assert (error.code, error.current, error.wanted, error.allowed, error.path) == (
        "ILLEGAL_TRANSITION",
        current,
        wanted,
        ALLOWED[current],
        ("id",),
    )
    assert await stored(actor, campaign.id) == campaign


@pytest.mark.parametrize("wanted", MOVES)
async def test_move_of_a_stale_version_is_a_conflict_even_where_the_move_is_illegal(
    services: Services, wanted: CampaignStatus
) -> None:
    actor = await new_tenant(services)
    campaign = await campaign_in(actor, ARCHIVED)
    with pytest.raises(Conflict) as caught:
        await MOVES[wanted](actor.context(), campaign.id, campaign.version - 1)
    assert caught.value.path == ("version",)
    assert await stored(actor, campaign.id) == campaign


@pytest.mark.parametrize("wanted", MOVES)
async def test_a_viewer_moves_nothing(services: Services, wanted: CampaignStatus) -> None:
    actor = await new_tenant(services)
    campaign = await campaign_in(actor, PAUSED)
    viewer = await new_member(services, actor.tenant_id, Role.VIEWER)
    with pytest.raises(Forbidden):
        await MOVES[wanted](viewer.context(), campaign.id, campaign.version)
    assert await stored(actor, campaign.id) == campaign


async def test_campaign_without_a_line_item_is_not_ready(services: Services) -> None:
    actor = await new_tenant(services)
    campaign = await new_campaign(actor)
    with pytest.raises(NotReady) as caught:
        await activate_campaign(actor.context(), campaign.id, campaign.version)
    assert (caught.value.code, caught.value.missing) == ("CAMPAIGN_NOT_READY", (CampaignRequirement.LINE_ITEM,))
    assert await stored(actor, campaign.id) == campaign


async def test_archived_line_items_do_not_make_a_campaign_ready(services: Services) -> None:
    actor = await new_tenant(services)
    campaign = await new_campaign(actor)
    line_item = await new_line_item(actor, campaign.id)
    await archive_line_item(actor.context(), line_item.id, line_item.version)
    with pytest.raises(NotReady):
        await activate_campaign(actor.context(), campaign.id, campaign.version)


async def test_campaign_of_an_archived_advertiser_is_not_ready(services: Services) -> None:
    actor = await new_tenant(services)
    advertiser = await new_advertiser(actor)
    campaign = await new_campaign(actor, advertiser.id)
    await archive_advertiser(actor.context(), advertiser.id, advertiser.version)
    with pytest.raises(NotReady) as caught:
        await activate_campaign(actor.context(), campaign.id, campaign.version)
    assert caught.value.missing == (CampaignRequirement.LIVE_ADVERTISER, CampaignRequirement.LINE_ITEM)


@pytest.mark.parametrize("status", [COMPLETED, ARCHIVED])
async def test_nothing_in_a_closed_campaign_changes(services: Services, status: CampaignStatus) -> None:
    actor = await new_tenant(services)
    draft = await new_campaign(actor)
    line_item = await new_line_item(actor, draft.id)
    placement = await new_placement(actor, line_item.id)
    episode = await new_episode(actor)
    campaign = await moved(actor, await activate_campaign(actor.context(), draft.id, draft.version), status)

    new_item = NewLineItem(name="More", pricing=Pricing.FLAT, rate_minor=1)
    new_spot = NewPlacement(
        position=Position.PRE_ROLL, insertion_type=InsertionType.DYNAMIC, read_type=ReadType.HOST_READ
    )
    attempts: list[tuple[Awaitable[object], tuple[str, ...]]] = [
        (update_campaign(actor.context(), campaign.id, campaign.version, CampaignChanges(name="x")), ("id",)),
        (create_line_item(actor.context(), campaign.id, new_item), ("campaignId",)),
        (update_line_item(actor.context(), line_item.id, line_item.version, LineItemChanges(name="x")), ("id",)),
        (archive_line_item(actor.context(), line_item.id, line_item.version), ("id",)),
        (create_placement(actor.context(), line_item.id, episode.id, new_spot), ("lineItemId",)),
        (update_placement(actor.context(), placement.id, placement.version, PlacementChanges(promo_code="X")), ("id",)),
        (archive_placement(actor.context(), placement.id, placement.version), ("id",)),
    ]
    for attempt, path in attempts:
        with pytest.raises(IllegalTransition, match=f"^The campaign is {status}: ") as caught:
            await attempt
        assert caught.value.path == path
    context = actor.context()
    assert await stored(actor, campaign.id) == campaign
    assert await context.loaders.count(LineItems).fetch_one(LineItemFilter()) == 1
    assert await context.loaders.by_id(LineItems).fetch_one(line_item.id) == line_item
    assert await context.loaders.by_id(Placements).fetch_one(placement.id) == placement
