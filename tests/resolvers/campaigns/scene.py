"""Advertisers, campaigns, line items and placements to test with, made by the use cases.

What is not given does not matter to the test.
"""

from typing import Any

from persistence.ids import AdvertiserId, CampaignId, EpisodeId, LineItemId
from persistence.records import AdvertiserRecord, CampaignRecord, EpisodeRecord, LineItemRecord, PlacementRecord
from resolvers.campaigns.advertisers import NewAdvertiser, create_advertiser
from resolvers.campaigns.campaigns import NewCampaign, create_campaign
from resolvers.campaigns.lifecycle import activate_campaign, archive_campaign, complete_campaign, pause_campaign
from resolvers.campaigns.line_items import NewLineItem, create_line_item
from resolvers.campaigns.placements import NewPlacement, create_placement
from resolvers.campaigns.states import CampaignStatus
from resolvers.podcasts import NewEpisode, NewPodcast, create_episode, create_podcast
from tests.actors import Actor


async def new_advertiser(actor: Actor, name: str = "Acme") -> AdvertiserRecord:
    return await create_advertiser(actor.context(), NewAdvertiser(name=name))


async def new_campaign(actor: Actor, advertiser_id: AdvertiserId | None = None, **values: Any) -> CampaignRecord:
    """A draft; its advertiser is new if none is given."""
    if advertiser_id is None:
        advertiser_id = (await new_advertiser(actor, f"Acme {actor.services.random_token()[:8]}")).id
    new = NewCampaign.model_validate({"name": "Spring", "currency": "USD", **values})
    return await create_campaign(actor.context(), advertiser_id, new)


async def new_line_item(actor: Actor, campaign_id: CampaignId, **values: Any) -> LineItemRecord:
    new = NewLineItem.model_validate({"name": "Mid-rolls", "pricing": "CPM", "rate_minor": 2_500, **values})
    return await create_line_item(actor.context(), campaign_id, new)


async def new_episode(actor: Actor) -> EpisodeRecord:
    podcast = await create_podcast(actor.context(), NewPodcast(title="A Show"))
    return await create_episode(actor.context(), podcast.id, NewEpisode(title="An Episode"))


async def new_placement(
    actor: Actor, line_item_id: LineItemId, episode_id: EpisodeId | None = None, **values: Any
) -> PlacementRecord:
    """The episode is new if none is given."""
    if episode_id is None:
        episode_id = (await new_episode(actor)).id
    given = {"position": "MID_ROLL", "insertion_type": "DYNAMIC", "read_type": "HOST_READ", **values}
    return await create_placement(actor.context(), line_item_id, episode_id, NewPlacement.model_validate(given))


async def campaign_in(actor: Actor, status: CampaignStatus) -> CampaignRecord:
    """A campaign with one line item that has been moved to this status."""
    campaign = await new_campaign(actor)
    await new_line_item(actor, campaign.id)
    if status is not CampaignStatus.DRAFT:
        campaign = await activate_campaign(actor.context(), campaign.id, campaign.version)
    return await moved(actor, campaign, status)


async def moved(actor: Actor, campaign: CampaignRecord, status: CampaignStatus) -> CampaignRecord:
    """A draft or active campaign, moved on."""
    if status is CampaignStatus.PAUSED:
        return await pause_campaign(actor.context(), campaign.id, campaign.version)
    if status in {CampaignStatus.COMPLETED, CampaignStatus.ARCHIVED}:
        campaign = await complete_campaign(actor.context(), campaign.id, campaign.version)
    if status is CampaignStatus.ARCHIVED:
        campaign = await archive_campaign(actor.context(), campaign.id, campaign.version)
    return campaign
