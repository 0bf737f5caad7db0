"""Advertisers."""

from datetime import datetime
from enum import StrEnum

import strawberry
from pydantic import BaseModel, Field

from persistence.records import AdvertiserRecord
from persistence.repositories.campaigns import AdvertiserFilter, Advertisers
from resolvers import ids
from resolvers.campaigns.advertisers import AdvertiserChanges, NewAdvertiser
from resolvers.texts import SearchText, optional
from schema.enums import described
from schema.listings import Listing, OrderDirection, connection
from schema.relay import Node, node_id, of_record
from schema.types.campaigns import CAMPAIGNS


class AdvertiserOrderField(StrEnum):
    CREATED_AT = "CREATED_AT"
    NAME = "NAME"


described(
    AdvertiserOrderField,
    "What advertisers are sorted by.",
    {
        AdvertiserOrderField.CREATED_AT: "When the advertiser was added to Podgraph.",
        AdvertiserOrderField.NAME: "The advertiser's name.",
    },
)


@strawberry.input(description="How advertisers are sorted.")
class AdvertiserOrder:
    field: AdvertiserOrderField = strawberry.field(description="What to sort by.")
    direction: OrderDirection = strawberry.field(description="Which way.", default=OrderDirection.ASC)


@strawberry.pydantic.input(description="Which advertisers to list; all that is given must hold.")
class AdvertiserFilterInput(BaseModel):
    search: SearchText | None = optional("Text that the name contains, ignoring case.")
    archived: bool = Field(False, description="True for archived advertisers only, false for all others.")


def wanted_advertisers(given: AdvertiserFilterInput | None) -> AdvertiserFilter:
    return AdvertiserFilter(**given.model_dump()) if given else AdvertiserFilter()


@strawberry.pydantic.input(description="A new advertiser.")
class CreateAdvertiserInput(NewAdvertiser):
    pass


@strawberry.pydantic.input(description="What to change of an advertiser; fields that are left out stay as they are.")
class UpdateAdvertiserInput(AdvertiserChanges):
    pass


@strawberry.type(description="Whose campaigns they are: a company that buys placements.")
class Advertiser(Node):
    is_type_of = of_record(AdvertiserRecord)

    id: strawberry.ID = node_id(ids.ADVERTISER, "advertiser")
    name: str = strawberry.field(description="The advertiser's name; unique among those not archived.")
    website_url: str | None = strawberry.field(description="The advertiser's page.")
    archived_at: datetime | None = strawberry.field(description="When it was archived; null while it is not.")
    version: int = strawberry.field(description="Number of the object's state, counted from 1; updates name it.")
    created_at: datetime = strawberry.field(description="When the advertiser was added to Podgraph.")
    updated_at: datetime = strawberry.field(description="When the advertiser last changed.")

    campaigns = connection(CAMPAIGNS, "advertiser_id", description="The advertiser's campaigns.")


ADVERTISERS = Listing(
    rows=Advertisers,
    node=Advertiser,
    order_by=AdvertiserOrder(field=AdvertiserOrderField.NAME, direction=OrderDirection.ASC),
    filter_input=AdvertiserFilterInput,
    wanted=wanted_advertisers,
    by_default="by name",
    unfiltered="all but archived",
)
