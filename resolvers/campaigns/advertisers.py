"""Advertisers: whose campaigns they are."""

from typing import Annotated

from pydantic import BaseModel, Field

from persistence.ids import AdvertiserId
from persistence.records import AdvertiserRecord
from persistence.repositories.campaigns import Advertisers, CampaignFilter, Campaigns
from resolvers import changes
from resolvers.campaigns.locks import locked
from resolvers.campaigns.states import CampaignStatus
from resolvers.context import RequestContext
from resolvers.errors import IllegalTransition
from resolvers.policy import Permission
from resolvers.texts import Name, NotNull, WebUrl, optional

_TAKEN = {"advertisers_live_name_key": "name"}


class NewAdvertiser(BaseModel):
    name: Name = Field(description="The advertiser's name, 1 to 200 characters; unique among those not archived.")
    website_url: WebUrl | None = optional("The advertiser's page, an http or https URL.")


class AdvertiserChanges(BaseModel):
    """Fields that are left out stay as they are."""

    name: Annotated[Name | None, NotNull] = optional(
        "The advertiser's name, 1 to 200 characters; unique among those not archived."
    )
    website_url: WebUrl | None = optional("The advertiser's page; null clears it.")


async def create_advertiser(context: RequestContext, new: NewAdvertiser) -> AdvertiserRecord:
    """Raises Conflict when the name is taken."""
    tenant_id = context.tenant_for(Permission.WRITE)
    async with context.database.write(tenant_id) as session:
        advertiser = await changes.insert(Advertisers(session), new.model_dump(), taken=_TAKEN)
    context.loaders.clear()
    return advertiser


async def update_advertiser(
    context: RequestContext, advertiser_id: AdvertiserId, version: int, changed: AdvertiserChanges
) -> AdvertiserRecord:
    """Raises NotFound, Conflict, IllegalTransition when it is archived."""
    tenant_id = context.tenant_for(Permission.WRITE)
    async with context.database.write(tenant_id) as session:
        rows = Advertisers(session)
        advertiser = await locked(rows, advertiser_id, "advertiser")
        changes.refuse_stale(advertiser, version, "advertiser")
        changes.refuse_archived(advertiser, "advertiser")
        values = changed.model_dump(exclude_unset=True)
        advertiser = await changes.update(rows, advertiser_id, version, values, noun="advertiser", taken=_TAKEN)
    context.loaders.clear()
    return advertiser


async def archive_advertiser(context: RequestContext, advertiser_id: AdvertiserId, version: int) -> AdvertiserRecord:
    """Hides the advertiser from lists; its campaigns stay, but none of them can be activated any more.

    Raises NotFound, Conflict, IllegalTransition when it is archived or one of its campaigns is active.
    """
    tenant_id = context.tenant_for(Permission.WRITE)
    now = context.services.clock()
    async with context.database.write(tenant_id) as session:
        rows = Advertisers(session)
        advertiser = await locked(rows, advertiser_id, "advertiser")
        changes.refuse_stale(advertiser, version, "advertiser")
        changes.refuse_archived(advertiser, "advertiser")
        active = CampaignFilter(statuses=(CampaignStatus.ACTIVE,), advertiser_id=advertiser_id)
        running = await Campaigns(session).count(active)
        if running:
            message = f"{running} of the advertiser's campaigns are active: pause or complete them first."
            raise IllegalTransition(message, ("id",))
        advertiser = await changes.update(rows, advertiser_id, version, {"archived_at": now}, noun="advertiser")
    context.loaders.clear()
    return advertiser
