"""Line items: what of a campaign is booked at which price."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, Field

from persistence.ids import CampaignId, LineItemId
from persistence.records import LineItemRecord
from persistence.repositories.campaigns import LineItems, Placements
from resolvers import changes
from resolvers.campaigns.flights import Flight, FlightDay, check_order, check_within
from resolvers.campaigns.locks import locked, open_campaign
from resolvers.campaigns.states import CampaignStatus
from resolvers.campaigns.updates import announce
from resolvers.context import RequestContext
from resolvers.errors import IllegalTransition
from resolvers.numbers import Natural
from resolvers.policy import Permission
from resolvers.texts import Name, NotNull, optional


class Pricing(StrEnum):
    CPM = "CPM"
    FLAT = "FLAT"
    CPA = "CPA"


class NewLineItem(BaseModel):
    name: Name = Field(description="The line item's name, 1 to 200 characters.")
    pricing: Pricing = Field(description="What the rate is paid for.")
    rate_minor: Natural = Field(
        description="The rate in minor units of the campaign's currency: per 1,000 impressions for CPM, for the whole"
        " line item for FLAT, per conversion for CPA."
    )
    booked_impressions: Natural | None = optional("Number of impressions that are booked.")
    starts_on: FlightDay | None = optional(
        "First day of the flight, from 1900 to 2999 and within the campaign's; the campaign's if left out."
    )
    ends_on: FlightDay | None = optional("Last day of the flight, within the campaign's; the campaign's if left out.")


class LineItemChanges(BaseModel):
    """Fields that are left out stay as they are."""

    name: Annotated[Name | None, NotNull] = optional("The line item's name, 1 to 200 characters.")
    pricing: Annotated[Pricing | None, NotNull] = optional("What the rate is paid for.")
    rate_minor: Annotated[Natural | None, NotNull] = optional(
        "The rate in minor units of the campaign's currency: per 1,000 impressions for CPM, for the whole line item for"
        " FLAT, per conversion for CPA."
    )
    booked_impressions: Natural | None = optional("Number of impressions that are booked; null clears it.")
    starts_on: FlightDay | None = optional(
        "First day of the flight, from 1900 to 2999 and within the campaign's; null takes the campaign's."
    )
    ends_on: FlightDay | None = optional("Last day of the flight, within the campaign's; null takes the campaign's.")


async def create_line_item(context: RequestContext, campaign_id: CampaignId, new: NewLineItem) -> LineItemRecord:
    """Raises NotFound, InvalidInput, IllegalTransition when the campaign is COMPLETED or ARCHIVED."""
    tenant_id = context.tenant_for(Permission.WRITE)
    flight = Flight(new.starts_on, new.ends_on)
    check_order(flight)
    async with context.database.write(tenant_id) as session:
        campaign = await open_campaign(session, campaign_id, "campaignId")
        check_within(flight, Flight(campaign.starts_on, campaign.ends_on))
        values = {"campaign_id": campaign_id, "currency": campaign.currency, **new.model_dump()}
        line_item = await LineItems(session).insert(values)
    await announce(context, tenant_id, campaign_id)
    return line_item


async def update_line_item(
    context: RequestContext, line_item_id: LineItemId, version: int, changed: LineItemChanges
) -> LineItemRecord:
    """Raises NotFound, Conflict, InvalidInput, IllegalTransition when it is archived or its campaign closed."""
    tenant_id = context.tenant_for(Permission.WRITE)
    values = changed.model_dump(exclude_unset=True)
    async with context.database.write(tenant_id) as session:
        rows = LineItems(session)
        campaign_id = (await changes.found(rows, line_item_id, "line item")).campaign_id
        campaign = await open_campaign(session, campaign_id, "id")
        line_item = await locked(rows, line_item_id, "line item")
        changes.refuse_stale(line_item, version, "line item")
        changes.refuse_archived(line_item, "line item")
        flight = Flight(values.get("starts_on", line_item.starts_on), values.get("ends_on", line_item.ends_on))
        check_order(flight)
        check_within(flight, Flight(campaign.starts_on, campaign.ends_on))
        line_item = await changes.update(rows, line_item_id, version, values, noun="line item")
    await announce(context, tenant_id, campaign_id)
    return line_item


async def archive_line_item(context: RequestContext, line_item_id: LineItemId, version: int) -> LineItemRecord:
    """Hides the line item and its placements from lists.

    Raises NotFound, Conflict, IllegalTransition when it is archived, its campaign closed, or its campaign active and
    without another line item.
    """
    tenant_id = context.tenant_for(Permission.WRITE)
    now = context.services.clock()
    async with context.database.write(tenant_id) as session:
        rows = LineItems(session)
        campaign_id = (await changes.found(rows, line_item_id, "line item")).campaign_id
        # Not shared: of two concurrent archivals the second must see that one line item is left.
        campaign = await open_campaign(session, campaign_id, "id", shared=False)
        line_item = await locked(rows, line_item_id, "line item")
        changes.refuse_stale(line_item, version, "line item")
        changes.refuse_archived(line_item, "line item")
        if campaign.status == CampaignStatus.ACTIVE and await rows.live_count(campaign_id) == 1:
            raise IllegalTransition("An active campaign needs a line item: pause the campaign first.", ("id",))
        line_item = await changes.update(rows, line_item_id, version, {"archived_at": now}, noun="line item")
        await Placements(session).archive_of(line_item_id, now)
    await announce(context, tenant_id, campaign_id)
    return line_item
