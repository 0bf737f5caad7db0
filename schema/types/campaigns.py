"""Campaigns."""

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import strawberry
from pydantic import BaseModel, Field

from persistence.ids import AdvertiserId
from persistence.records import AdvertiserRecord, CampaignRecord
from persistence.repositories.campaigns import Advertisers, CampaignFilter, Campaigns
from resolvers import ids, lists
from resolvers.campaigns.campaigns import CampaignChanges, NewCampaign
from resolvers.campaigns.flights import FlightDay
from resolvers.campaigns.money import Money as MoneyRecord
from resolvers.campaigns.states import CampaignStatus
from resolvers.texts import SearchText, optional
from schema.enums import described
from schema.fields import batched
from schema.info import Info
from schema.listings import Listing, OrderDirection, connection
from schema.relay import Node, node_id, of_record
from schema.types.line_items import LINE_ITEMS
from schema.types.metrics import metrics_of
from schema.types.money import Money
from schema.types.placements import PLACEMENTS
from schema.types.run_lists import RUNS

if TYPE_CHECKING:
    from schema.types.advertisers import Advertiser


class CampaignOrderField(StrEnum):
    CREATED_AT = "CREATED_AT"
    NAME = "NAME"
    STARTS_ON = "STARTS_ON"


described(
    CampaignStatus,
    "Where a campaign is in its life.",
    {
        CampaignStatus.DRAFT: "Being prepared; may become ACTIVE or ARCHIVED.",
        CampaignStatus.ACTIVE: "Running; may become PAUSED or COMPLETED.",
        CampaignStatus.PAUSED: "Not running for now; may become ACTIVE, COMPLETED or ARCHIVED.",
        CampaignStatus.COMPLETED: "Over, nothing in it changes any more; may become ARCHIVED.",
        CampaignStatus.ARCHIVED: "Hidden from lists for good; nothing in it changes any more.",
    },
)
described(
    CampaignOrderField,
    "What campaigns are sorted by.",
    {
        CampaignOrderField.CREATED_AT: "When the campaign was added to Podgraph.",
        CampaignOrderField.NAME: "The campaign's name.",
        CampaignOrderField.STARTS_ON: "The first day of the flight; campaigns without one come after all others.",
    },
)


@strawberry.input(description="How campaigns are sorted.")
class CampaignOrder:
    field: CampaignOrderField = strawberry.field(description="What to sort by.")
    direction: OrderDirection = strawberry.field(description="Which way.", default=OrderDirection.ASC)


@strawberry.pydantic.input(description="Which campaigns to list; all that is given must hold.")
class CampaignFilterInput(BaseModel):
    search: SearchText | None = optional("Text that the name contains, ignoring case.")
    statuses: Annotated[list[CampaignStatus], Field(max_length=20)] | None = optional(
        "Any of these; every status but ARCHIVED if left out."
    )
    advertiser_id: strawberry.ID | None = optional("The advertiser whose campaigns they are.")
    runs_from: FlightDay | None = optional(
        "A day from 1900 to 2999: the flight ends on it or later, or is open at that end."
    )
    runs_until: FlightDay | None = optional(
        "A day from 1900 to 2999: the flight starts on it or earlier, or is open at that end."
    )


def wanted_campaigns(given: CampaignFilterInput | None) -> CampaignFilter:
    """Raises InvalidInput (INVALID_ID, WRONG_ID_TYPE)."""
    if given is None:
        return CampaignFilter()
    advertiser_id = None
    if given.advertiser_id is not None:
        advertiser_id = AdvertiserId(ids.row_id(given.advertiser_id, ids.ADVERTISER, "filter", "advertiserId"))
    statuses = None if given.statuses is None else tuple(given.statuses)
    return CampaignFilter(
        search=given.search,
        statuses=statuses,
        advertiser_id=advertiser_id,
        runs_from=given.runs_from,
        runs_until=given.runs_until,
    )


@strawberry.pydantic.input(description="A new campaign; it begins as a DRAFT.")
class CreateCampaignInput(NewCampaign):
    pass


@strawberry.pydantic.input(description="What to change of a campaign; fields that are left out stay as they are.")
class UpdateCampaignInput(CampaignChanges):
    pass


@strawberry.type(description="What an advertiser wants to reach, when, and for how much.")
class Campaign(Node):
    is_type_of = of_record(CampaignRecord)

    id: strawberry.ID = node_id(ids.CAMPAIGN, "campaign")
    name: str = strawberry.field(description="The campaign's name.")
    status: CampaignStatus = strawberry.field(description="Where the campaign is in its life.")
    currency: str = strawberry.field(
        description="ISO 4217 code of the currency of the budget and of all rates, such as 'USD'; it never changes."
    )
    starts_on: date | None = strawberry.field(description="First day of the flight; null if open.")
    ends_on: date | None = strawberry.field(description="Last day of the flight; null if open.")
    version: int = strawberry.field(description="Number of the object's state, counted from 1; updates name it.")
    created_at: datetime = strawberry.field(description="When the campaign was added to Podgraph.")
    updated_at: datetime = strawberry.field(description="When the campaign itself last changed.")

    @batched(
        graphql_type=Money | None,
        description="The whole budget, in the campaign's currency; null if unlimited.",
        reads=("budget_minor", "currency"),
    )
    @staticmethod
    def budget(parents: Sequence[CampaignRecord], info: Info) -> list[MoneyRecord | None]:
        return [None if p.budget_minor is None else MoneyRecord(p.budget_minor, p.currency) for p in parents]

    @batched(
        graphql_type=Annotated["Advertiser", strawberry.lazy("schema.types.advertisers")],
        description="Whose campaign it is.",
        reads=("advertiser_id",),
    )
    @staticmethod
    async def advertiser(parents: Sequence[CampaignRecord], info: Info) -> list[AdvertiserRecord]:
        return await lists.existing(
            info.context, Advertisers, [campaign.advertiser_id for campaign in parents], reads=info.reads
        )

    line_items = connection(LINE_ITEMS, "campaign_id", description="What is booked, at which prices.")
    placements = connection(PLACEMENTS, "campaign_id", description="The placements of all the campaign's line items.")
    metrics = metrics_of("campaign")
    attribution_runs = connection(
        RUNS, "campaign_id", description="The attribution runs that credit this campaign's placements alone."
    )


CAMPAIGNS = Listing(
    rows=Campaigns,
    node=Campaign,
    order_by=CampaignOrder(field=CampaignOrderField.CREATED_AT, direction=OrderDirection.DESC),
    filter_input=CampaignFilterInput,
    wanted=wanted_campaigns,
    by_default="newest first",
    unfiltered="all but archived",
)
