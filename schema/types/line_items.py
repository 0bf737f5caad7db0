"""Line items."""

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import strawberry
from pydantic import BaseModel, Field

from persistence.records import CampaignRecord, LineItemRecord
from persistence.repositories.campaigns import Campaigns, LineItemFilter, LineItems
from resolvers import ids, lists
from resolvers.campaigns.line_items import LineItemChanges, NewLineItem, Pricing
from resolvers.campaigns.money import Money as MoneyRecord
from resolvers.numbers import BigInt
from resolvers.texts import SearchText, optional
from schema.enums import described
from schema.fields import batched
from schema.info import Info
from schema.listings import Listing, OrderDirection, connection
from schema.relay import Node, node_id, of_record
from schema.types.metrics import metrics_of
from schema.types.money import Money
from schema.types.placements import PLACEMENTS

if TYPE_CHECKING:
    from schema.types.campaigns import Campaign


class LineItemOrderField(StrEnum):
    CREATED_AT = "CREATED_AT"
    NAME = "NAME"


described(
    Pricing,
    "What the rate is paid for.",
    {
        Pricing.CPM: "Per 1,000 impressions.",
        Pricing.FLAT: "Once, for the whole line item.",
        Pricing.CPA: "Per conversion.",
    },
)
described(
    LineItemOrderField,
    "What line items are sorted by.",
    {
        LineItemOrderField.CREATED_AT: "When the line item was added to Podgraph.",
        LineItemOrderField.NAME: "The line item's name.",
    },
)


@strawberry.input(description="How line items are sorted.")
class LineItemOrder:
    field: LineItemOrderField = strawberry.field(description="What to sort by.")
    direction: OrderDirection = strawberry.field(description="Which way.", default=OrderDirection.ASC)


@strawberry.pydantic.input(description="Which line items to list; all that is given must hold.")
class LineItemFilterInput(BaseModel):
    search: SearchText | None = optional("Text that the name contains, ignoring case.")
    pricings: Annotated[list[Pricing], Field(max_length=20)] | None = optional("Any of these; all if left out.")
    archived: bool = Field(False, description="True for archived line items only, false for all others.")


def wanted_line_items(given: LineItemFilterInput | None) -> LineItemFilter:
    if given is None:
        return LineItemFilter()
    pricings = None if given.pricings is None else tuple(given.pricings)
    return LineItemFilter(search=given.search, archived=given.archived, pricings=pricings)


@strawberry.pydantic.input(description="A new line item.")
class CreateLineItemInput(NewLineItem):
    pass


@strawberry.pydantic.input(description="What to change of a line item; fields that are left out stay as they are.")
class UpdateLineItemInput(LineItemChanges):
    pass


@strawberry.type(description="A part of a campaign that is booked at one price.")
class LineItem(Node):
    is_type_of = of_record(LineItemRecord)

    id: strawberry.ID = node_id(ids.LINE_ITEM, "line item")
    name: str = strawberry.field(description="The line item's name.")
    pricing: Pricing = strawberry.field(description="What the rate is paid for.")
    booked_impressions: BigInt | None = strawberry.field(
        description="Number of impressions that are booked; null if none are."
    )
    starts_on: date | None = strawberry.field(description="First day of the flight; null if the campaign's holds.")
    ends_on: date | None = strawberry.field(description="Last day of the flight; null if the campaign's holds.")
    archived_at: datetime | None = strawberry.field(description="When it was archived; null while it is not.")
    version: int = strawberry.field(description="Number of the object's state, counted from 1; updates name it.")
    created_at: datetime = strawberry.field(description="When the line item was added to Podgraph.")
    updated_at: datetime = strawberry.field(description="When the line item itself last changed.")

    @batched(
        graphql_type=Money,
        description="The price in the campaign's currency: per 1,000 impressions for CPM, for the whole line item for"
        " FLAT, per conversion for CPA.",
        reads=("rate_minor", "currency"),
    )
    @staticmethod
    def rate(parents: Sequence[LineItemRecord], info: Info) -> list[MoneyRecord]:
        return [MoneyRecord(line_item.rate_minor, line_item.currency) for line_item in parents]

    @batched(
        graphql_type=Annotated["Campaign", strawberry.lazy("schema.types.campaigns")],
        description="The campaign it is a part of.",
        reads=("campaign_id",),
    )
    @staticmethod
    async def campaign(parents: Sequence[LineItemRecord], info: Info) -> list[CampaignRecord]:
        return await lists.existing(
            info.context, Campaigns, [line_item.campaign_id for line_item in parents], reads=info.reads
        )

    placements = connection(PLACEMENTS, "line_item_id", description="Its spots in episodes.")
    metrics = metrics_of("line item")


LINE_ITEMS = Listing(
    rows=LineItems,
    node=LineItem,
    order_by=LineItemOrder(field=LineItemOrderField.CREATED_AT, direction=OrderDirection.ASC),
    filter_input=LineItemFilterInput,
    wanted=wanted_line_items,
    by_default="oldest first",
    unfiltered="all but archived",
)
