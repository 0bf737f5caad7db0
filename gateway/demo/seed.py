"""Writes the demo into a tenant, in one transaction: cut in the middle, it has never begun."""

from collections.abc import Callable

from gateway.demo.content import DemoContent
from persistence.database import Database
from persistence.ids import TenantId
from persistence.repositories.campaigns import Advertisers, Campaigns, LineItems, Placements
from persistence.repositories.podcasts import Episodes, Podcasts
from persistence.sessions import TenantSession

Advance = Callable[[int], None]
"""Called with the number of objects just written."""


def size(content: DemoContent) -> int:
    """Number of objects that `seed_content` writes."""
    line_items = [line_item for campaign in content.campaigns for line_item in campaign.line_items]
    return (
        len(content.shows)
        + sum(len(show.episodes) for show in content.shows)
        + len(content.advertisers)
        + len(content.campaigns)
        + len(line_items)
        + sum(len(line_item.placements) for line_item in line_items)
    )


async def seed_content(database: Database, tenant_id: TenantId, content: DemoContent, advance: Advance) -> None:
    async with database.write(tenant_id) as session:
        episode_ids = await _shows(session, content, advance)
        advertiser_ids = await Advertisers(session).insert_many(content.advertisers)
        advance(len(advertiser_ids))
        await _campaigns(session, content, advertiser_ids, episode_ids, advance)


async def _shows(session: TenantSession, content: DemoContent, advance: Advance) -> list[list[int]]:
    podcast_ids = await Podcasts(session).insert_many([show.podcast for show in content.shows])
    advance(len(podcast_ids))
    episode_ids = []
    for podcast_id, show in zip(podcast_ids, content.shows, strict=True):
        rows = [{"podcast_id": podcast_id, **episode} for episode in show.episodes]
        episode_ids.append(await Episodes(session).insert_many(rows))
        advance(len(rows))
    return episode_ids


async def _campaigns(
    session: TenantSession,
    content: DemoContent,
    advertiser_ids: list[int],
    episode_ids: list[list[int]],
    advance: Advance,
) -> None:
    campaign_ids = await Campaigns(session).insert_many(
        [{"advertiser_id": advertiser_ids[campaign.advertiser], **campaign.campaign} for campaign in content.campaigns]
    )
    advance(len(campaign_ids))
    for campaign_id, campaign in zip(campaign_ids, content.campaigns, strict=True):
        line_item_ids = await LineItems(session).insert_many(
            [
                {"campaign_id": campaign_id, "currency": campaign.campaign["currency"], **line_item.line_item}
                for line_item in campaign.line_items
            ]
        )
        placements = [
            {
                "campaign_id": campaign_id,
                "line_item_id": line_item_id,
                "episode_id": episode_ids[show][episode],
                **placement,
            }
            for line_item_id, line_item in zip(line_item_ids, campaign.line_items, strict=True)
            for show, episode, placement in line_item.placements
        ]
        await Placements(session).insert_many(placements)
        advance(len(line_item_ids) + len(placements))
