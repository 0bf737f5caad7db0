"""Moving a campaign from state to state."""

from collections.abc import Awaitable, Callable

from persistence.ids import CampaignId
from persistence.records import AdvertiserRecord, CampaignRecord
from persistence.repositories.campaigns import Advertisers, Campaigns, LineItems
from persistence.sessions import TenantSession
from resolvers import changes
from resolvers.campaigns.locks import locked
from resolvers.campaigns.states import CampaignRequirement, CampaignStatus, NotReady, check_move
from resolvers.campaigns.updates import announce
from resolvers.context import RequestContext
from resolvers.policy import Permission


async def activate_campaign(context: RequestContext, campaign_id: CampaignId, version: int) -> CampaignRecord:
    """Also resumes a paused campaign. Raises NotFound, Conflict, IllegalMove, NotReady."""
    return await _moved(context, campaign_id, version, CampaignStatus.ACTIVE, _check_ready)


async def pause_campaign(context: RequestContext, campaign_id: CampaignId, version: int) -> CampaignRecord:
    """Raises NotFound, Conflict, IllegalMove."""
    return await _moved(context, campaign_id, version, CampaignStatus.PAUSED)


async def complete_campaign(context: RequestContext, campaign_id: CampaignId, version: int) -> CampaignRecord:
    """Closes the campaign for good: nothing in it changes any more. Raises NotFound, Conflict, IllegalMove."""
    return await _moved(context, campaign_id, version, CampaignStatus.COMPLETED)


async def archive_campaign(context: RequestContext, campaign_id: CampaignId, version: int) -> CampaignRecord:
    """Closes the campaign and hides it from lists. Raises NotFound, Conflict, IllegalMove."""
    return await _moved(context, campaign_id, version, CampaignStatus.ARCHIVED)


async def _moved(
    context: RequestContext,
    campaign_id: CampaignId,
    version: int,
    wanted: CampaignStatus,
    check: Callable[[TenantSession, CampaignRecord, AdvertiserRecord], Awaitable[None]] | None = None,
) -> CampaignRecord:
    tenant_id = context.tenant_for(Permission.WRITE)
    async with context.database.write(tenant_id) as session:
        rows = Campaigns(session)
        known = await changes.found(rows, campaign_id, "campaign")
        # Advertisers are locked before campaigns, always: whoever archives this one waits, or we wait.
        advertiser = await locked(Advertisers(session), known.advertiser_id, "advertiser", shared=True)
        campaign = await locked(rows, campaign_id, "campaign")
        changes.refuse_stale(campaign, version, "campaign")
        check_move(CampaignStatus(campaign.status), wanted)
        if check is not None:
            await check(session, campaign, advertiser)
        campaign = await changes.update(rows, campaign_id, version, {"status": wanted}, noun="campaign")
    await announce(context, tenant_id, campaign_id)
    return campaign


async def _check_ready(session: TenantSession, campaign: CampaignRecord, advertiser: AdvertiserRecord) -> None:
    """Raises NotReady."""
    missing = []
    if advertiser.archived_at is not None:
        missing.append(CampaignRequirement.LIVE_ADVERTISER)
    if await LineItems(session).live_count(campaign.id) == 0:
        missing.append(CampaignRequirement.LINE_ITEM)
    if missing:
        raise NotReady(tuple(missing))
