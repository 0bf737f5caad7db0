"""Placements."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import strawberry
from pydantic import BaseModel, Field

from persistence.records import CampaignRecord, EpisodeRecord, LineItemRecord, PlacementRecord
from persistence.repositories.campaigns import Campaigns, LineItems, PlacementFilter, Placements
from persistence.repositories.podcasts import Episodes
from resolvers import ids, lists
from resolvers.campaigns.placements import (
    InsertionType,
    NewPlacement,
    PlacementChanges,
    Position,
    ReadType,
)
from resolvers.campaigns.promo_codes import PromoCode
from resolvers.texts import optional
from schema.enums import described
from schema.fields import batched
from schema.info import Info
from schema.listings import Listing, OrderDirection, connection
from schema.relay import Node, node_id, of_record
from schema.types.event_lists import EVENTS
from schema.types.metrics import metrics_of

if TYPE_CHECKING:
    from schema.types.campaigns import Campaign
    from schema.types.line_items import LineItem
    from schema.types.podcasts import Episode


class PlacementOrderField(StrEnum):
    CREATED_AT = "CREATED_AT"


described(
    Position,
    "Where in an episode a placement is heard.",
    {
        Position.PRE_ROLL: "Before the content.",
        Position.MID_ROLL: "Within the content.",
        Position.POST_ROLL: "After the content.",
    },
)
described(
    InsertionType,
    "How a placement gets into the audio.",
    {
        InsertionType.BAKED_IN: "It is part of the audio file, for everybody and for good.",
        InsertionType.DYNAMIC: "It is stitched in for each download.",
        InsertionType.STREAMING: "It is inserted while the episode is played.",
    },
)
described(
    ReadType,
    "Who reads a placement.",
    {
        ReadType.HOST_READ: "The show's host.",
        ReadType.ANNOUNCER_READ: "An announcer.",
        ReadType.PRE_PRODUCED: "Nobody in the show: the advertiser delivers the audio.",
    },
)
described(
    PlacementOrderField,
    "What placements are sorted by.",
    {PlacementOrderField.CREATED_AT: "When the placement was added to Podgraph."},
)


@strawberry.input(description="How placements are sorted.")
class PlacementOrder:
    field: PlacementOrderField = strawberry.field(description="What to sort by.")
    direction: OrderDirection = strawberry.field(description="Which way.", default=OrderDirection.ASC)


@strawberry.pydantic.input(description="Which placements to list; all that is given must hold.")
class PlacementFilterInput(BaseModel):
    positions: Annotated[list[Position], Field(max_length=20)] | None = optional("Any of these; all if left out.")
    insertion_types: Annotated[list[InsertionType], Field(max_length=20)] | None = optional(
        "Any of these; all if left out."
    )
    read_types: Annotated[list[ReadType], Field(max_length=20)] | None = optional("Any of these; all if left out.")
    promo_code: PromoCode | None = optional("The whole promo code, in upper or lower case.")
    archived: bool = Field(False, description="True for archived placements only, false for all others.")


def wanted_placements(given: PlacementFilterInput | None) -> PlacementFilter:
    if given is None:
        return PlacementFilter()
    # A filter is part of a loader's identity, so its lists are tuples.
    return PlacementFilter(
        archived=given.archived,
        positions=None if given.positions is None else tuple(given.positions),
        insertion_types=None if given.insertion_types is None else tuple(given.insertion_types),
        read_types=None if given.read_types is None else tuple(given.read_types),
        promo_code=given.promo_code,
    )


@strawberry.pydantic.input(description="A new placement.")
class CreatePlacementInput(NewPlacement):
    pass


@strawberry.pydantic.input(description="What to change of a placement; fields that are left out stay as they are.")
class UpdatePlacementInput(PlacementChanges):
    pass


@strawberry.type(description="A line item's spot in one episode.")
class Placement(Node):
    is_type_of = of_record(PlacementRecord)

    id: strawberry.ID = node_id(ids.PLACEMENT, "placement")
    position: Position = strawberry.field(description="Where in the episode it is heard.")
    insertion_type: InsertionType = strawberry.field(description="How it gets into the audio.")
    read_type: ReadType = strawberry.field(description="Who reads it.")
    offset_seconds: int | None = strawberry.field(
        description="When a mid-roll starts, in seconds from the start of the episode; null if unknown."
    )
    promo_code: str | None = strawberry.field(
        description="The code that listeners use at checkout, in upper case; null if there is none."
    )
    vanity_url: str | None = strawberry.field(description="The address that listeners are told to visit.")
    archived_at: datetime | None = strawberry.field(description="When it was archived; null while it is not.")
    version: int = strawberry.field(description="Number of the object's state, counted from 1; updates name it.")
    created_at: datetime = strawberry.field(description="When the placement was added to Podgraph.")
    updated_at: datetime = strawberry.field(description="When the placement last changed.")

    @batched(
        graphql_type=Annotated["LineItem", strawberry.lazy("schema.types.line_items")],
        description="The line item it is booked under.",
        reads=("line_item_id",),
    )
    @staticmethod
    async def line_item(parents: Sequence[PlacementRecord], info: Info) -> list[LineItemRecord]:
        return await lists.existing(
            info.context, LineItems, [placement.line_item_id for placement in parents], reads=info.reads
        )

    @batched(
        graphql_type=Annotated["Campaign", strawberry.lazy("schema.types.campaigns")],
        description="The campaign of its line item.",
        reads=("campaign_id",),
    )
    @staticmethod
    async def campaign(parents: Sequence[PlacementRecord], info: Info) -> list[CampaignRecord]:
        return await lists.existing(
            info.context, Campaigns, [placement.campaign_id for placement in parents], reads=info.reads
        )

    @batched(
        graphql_type=Annotated["Episode", strawberry.lazy("schema.types.podcasts")],
        description="The episode that carries it.",
        reads=("episode_id",),
    )
    @staticmethod
    async def episode(parents: Sequence[PlacementRecord], info: Info) -> list[EpisodeRecord]:
        return await lists.existing(
            info.context, Episodes, [placement.episode_id for placement in parents], reads=info.reads
        )

    metrics = metrics_of("placement")
    events = connection(EVENTS, "placement_id", description="Its impressions, and the visits that it led to.")


PLACEMENTS = Listing(
    rows=Placements,
    node=Placement,
    order_by=PlacementOrder(field=PlacementOrderField.CREATED_AT, direction=OrderDirection.ASC),
    filter_input=PlacementFilterInput,
    wanted=wanted_placements,
    by_default="oldest first",
    unfiltered="all but archived",
)
