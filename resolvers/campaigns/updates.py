"""Telling subscribers that a campaign, or anything under it, has changed.

A message names the campaign and carries none of its values: each subscriber reads them anew.
"""

from collections.abc import AsyncGenerator

import msgspec

from persistence.ids import CampaignId, TenantId
from persistence.repositories.campaigns import Campaigns
from resolvers import changes
from resolvers.context import RequestContext
from resolvers.listening import heard
from resolvers.policy import Permission


class CampaignUpdate(msgspec.Struct, frozen=True):
    """The campaign, or one of its line items or placements, has changed."""

    campaign_id: CampaignId


async def announce(context: RequestContext, tenant_id: TenantId, campaign_id: CampaignId) -> None:
    """After the commit of a change: what this operation reads next shows it, and subscribers hear of it."""
    context.loaders.clear()
    message = msgspec.msgpack.encode(CampaignUpdate(campaign_id))
    await context.services.broadcast.publish(_topic(tenant_id), message)


async def campaign_updates(
    context: RequestContext, campaign_id: CampaignId | None
) -> AsyncGenerator[CampaignUpdate, None]:
    """Updates of one campaign, or of all the tenant's, as `heard`. Raises NotFound, Unauthenticated, Forbidden."""

    def wanted(message: bytes) -> list[CampaignUpdate]:
        update = msgspec.msgpack.decode(message, type=CampaignUpdate)
        return [update] if campaign_id in {None, update.campaign_id} else []

    tenant_id = context.tenant_for(Permission.READ)
    updates = await heard(context, tenant_id, _topic(tenant_id), wanted)
    if campaign_id is not None:
        try:
            async with context.database.read(tenant_id) as session:
                await changes.found(Campaigns(session), campaign_id, "campaign", "campaignId")
        except BaseException:
            await updates.aclose()
            raise
    return updates


def _topic(tenant_id: TenantId) -> str:
    return f"campaigns:{tenant_id}"
