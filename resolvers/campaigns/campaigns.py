"""Campaigns: what an advertiser wants to reach, when, and for how much."""

from typing import Annotated

from pydantic import BaseModel, Field

from persistence.ids import AdvertiserId, CampaignId
from persistence.records import CampaignRecord
from persistence.repositories.campaigns import Advertisers, Campaigns, LineItems
from resolvers import changes
from resolvers.campaigns.flights import Flight, FlightDay, check_covers, check_order
from resolvers.campaigns.locks import locked, refuse_closed
from resolvers.campaigns.money import CurrencyCode
from resolvers.campaigns.updates import announce
from resolvers.context import RequestContext
from resolvers.numbers import Natural
from resolvers.policy import Permission
from resolvers.texts import Name, NotNull, optional


class NewCampaign(BaseModel):
    name: Name = Field(description="The campaign's name, 1 to 200 characters.")
    currency: CurrencyCode = Field(
        description="ISO 4217 code of the currency of the budget and of all rates, such as 'USD'; it never changes."
    )
    budget_minor: Natural | None = optional("The whole budget, in minor units of the campaign's currency.")
    starts_on: FlightDay | None = optional("First day of the flight, from 1900 to 2999; open if left out.")
    ends_on: FlightDay | None = optional("Last day of the flight, not before the first; open if left out.")


class CampaignChanges(BaseModel):
    """Fields that are left out stay as they are."""

    name: Annotated[Name | None, NotNull] = optional("The campaign's name, 1 to 200 characters.")
    budget_minor: Natural | None = optional(
        "The whole budget, in minor units of the campaign's currency; null clears it."
    )
    starts_on: FlightDay | None = optional("First day of the flight, from 1900 to 2999; null opens it.")
    ends_on: FlightDay | None = optional("Last day of the flight, not before the first; null opens it.")


async def create_campaign(context: RequestContext, advertiser_id: AdvertiserId, new: NewCampaign) -> CampaignRecord:
    """A draft. Raises NotFound, InvalidInput, IllegalTransition when the advertiser is archived."""
    tenant_id = context.tenant_for(Permission.WRITE)
    check_order(Flight(new.starts_on, new.ends_on))
    async with context.database.write(tenant_id) as session:
        advertiser = await locked(Advertisers(session), advertiser_id, "advertiser", "advertiserId", shared=True)
        changes.refuse_archived(advertiser, "advertiser", "advertiserId")
        campaign = await Campaigns(session).insert({"advertiser_id": advertiser_id, **new.model_dump()})
    await announce(context, tenant_id, campaign.id)
    return campaign


async def update_campaign(
    context: RequestContext, campaign_id: CampaignId, version: int, changed: CampaignChanges
) -> CampaignRecord:
    """Raises NotFound, Conflict, InvalidInput, IllegalTransition when it is COMPLETED or ARCHIVED."""
    tenant_id = context.tenant_for(Permission.WRITE)
    values = changed.model_dump(exclude_unset=True)
    async with context.database.write(tenant_id) as session:
        rows = Campaigns(session)
        campaign = await locked(rows, campaign_id, "campaign")
        changes.refuse_stale(campaign, version, "campaign")
        refuse_closed(campaign)
        flight = Flight(values.get("starts_on", campaign.starts_on), values.get("ends_on", campaign.ends_on))
        if flight != Flight(campaign.starts_on, campaign.ends_on):
            check_order(flight)
            check_covers(flight, Flight(*await LineItems(session).flight_span(campaign_id)))
        campaign = await changes.update(rows, campaign_id, version, values, noun="campaign")
    await announce(context, tenant_id, campaign_id)
    return campaign
