"""Telling subscribers that a campaign, or anything under it, has changed.

A message names the campaign and carries none of its values: each subscriber reads them anew.
"""

from collections.abc import AsyncGenerator
from typing import cast

import msgspec

from persistence.ids import CampaignId, TenantId
from persistence.repositories.campaigns import Campaigns
from persistence.repositories.tenants import ApiKeys, standing
from resolvers import changes
from resolvers.context import RequestContext
from resolvers.errors import Forbidden, Unauthenticated
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

    The caller closes the generator. Instead of giving the next update it raises Unauthenticated when the login was
    ended in the meantime, and Forbidden when the member was removed or the API key revoked. Raises NotFound,
    Unauthenticated, Forbidden.
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
    """Whether the viewer, who was let in when the subscription began, would be let in now.

    Raises Unauthenticated, Forbidden.
    """
    viewer = context.viewer or Viewer()
    if viewer.user_id is not None and viewer.session_id is not None:
        async with context.services.database.read_account(viewer.user_id) as session:
            found = await standing(session, viewer.user_id, viewer.session_id, tenant_id)
        if found is None:
            raise Unauthenticated("This login was ended: sign in again.")
        if found.role is None:
            raise _access_ended()
        tenant_for(msgspec.structs.replace(viewer, role=Role(found.role)), Permission.READ)
    elif viewer.api_key_id is not None:
        async with context.services.database.read(tenant_id) as tenant_session:
            [key] = await ApiKeys(tenant_session).by_ids([viewer.api_key_id])
        if key is None or key.revoked_at is not None:
            raise _access_ended()
    else:
        raise _access_ended()


def _access_ended() -> Forbidden:
    return Forbidden("Your access to this tenant has ended.")


def _topic(tenant_id: TenantId) -> str:
    return f"campaigns:{tenant_id}"
