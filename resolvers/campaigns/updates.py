"""Telling subscribers that a campaign, or anything under it, has changed.

A message names the campaign and carries none of its values: each subscriber reads them anew.
"""

from collections.abc import AsyncGenerator
from typing import cast

import msgspec

from persistence.ids import CampaignId, TenantId
from persistence.repositories.campaigns import Campaigns
from persistence.repositories.tenants import ApiKeys, Memberships
from resolvers import changes
from resolvers.context import RequestContext
from resolvers.errors import Forbidden
from resolvers.policy import Permission, Role, Viewer, tenant_for


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
    """Updates of one campaign, or of all the tenant's, from the moment this returns.

    The caller closes the generator. It raises Forbidden, instead of giving the next update, when the member has been
    removed or the API key revoked in the meantime. Raises NotFound, Unauthenticated, Forbidden.
    """
    tenant_id = context.tenant_for(Permission.READ)
    updates = _updates(context, tenant_id, campaign_id)
    # Up to its first value, which says that it listens: whatever happens from here on is not missed.
    await anext(updates)
    if campaign_id is not None:
        try:
            async with context.services.database.read(tenant_id) as session:
                await changes.found(Campaigns(session), campaign_id, "campaign", "campaignId")
        except BaseException:
            await updates.aclose()
            raise
    return cast("AsyncGenerator[CampaignUpdate, None]", updates)


async def _updates(
    context: RequestContext, tenant_id: TenantId, campaign_id: CampaignId | None
) -> AsyncGenerator[CampaignUpdate | None, None]:
    async with context.services.broadcast.listen(_topic(tenant_id)) as messages:
        yield None
        async for message in messages:
            update = msgspec.msgpack.decode(message, type=CampaignUpdate)
            if campaign_id is None or update.campaign_id == campaign_id:
                await _check_access(context, tenant_id)
                yield update


async def _check_access(context: RequestContext, tenant_id: TenantId) -> None:
    """Whether the viewer, who was let in when the subscription began, would be let in now. Raises Forbidden."""
    viewer = context.viewer or Viewer()
    now: Viewer | None = None
    async with context.services.database.read(tenant_id) as session:
        if viewer.api_key_id is not None:
            [key] = await ApiKeys(session).by_ids([viewer.api_key_id])
            now = viewer if key is not None and key.revoked_at is None else None
        elif viewer.user_id is not None:
            membership = await Memberships(session).of_user(viewer.user_id)
            now = msgspec.structs.replace(viewer, role=Role(membership.role)) if membership is not None else None
    if now is None:
        raise Forbidden("Your access to this tenant has ended.")
    tenant_for(now, Permission.READ)


def _topic(tenant_id: TenantId) -> str:
    return f"campaigns:{tenant_id}"
