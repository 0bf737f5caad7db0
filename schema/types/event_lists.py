"""How events are listed: below `events.py`, so that placements can list theirs."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import strawberry
from pydantic import BaseModel, Field

from persistence.ids import AdvertiserId, CampaignId, LineItemId, PlacementId, PodcastId
from persistence.repositories.events import Conversions, EventFilter, Events
from resolvers import ids
from resolvers.campaigns.promo_codes import PromoCode
from resolvers.events.kinds import ConversionType, EventType
from resolvers.moments import Moment
from resolvers.texts import SearchText, optional
from schema.enums import described
from schema.listings import Listing, OrderDirection

if TYPE_CHECKING:
    from schema.types.events import ConversionEvent, Event


class EventOrderField(StrEnum):
    OCCURRED_AT = "OCCURRED_AT"


described(
    EventOrderField,
    "What events are sorted by.",
    {EventOrderField.OCCURRED_AT: "When it happened; events of one moment by their ids."},
)
described(
    EventType,
    "What happened.",
    {
        EventType.AD_DELIVERED: "An impression: all bytes of the ad were delivered, as a valid download (IAB).",
        EventType.CLIENT_CONFIRMED: "An impression: the player confirmed that the ad was played.",
        EventType.VISIT: "A visit to the advertiser's site.",
        EventType.PURCHASE: "A conversion: something was bought.",
        EventType.LEAD: "A conversion: somebody left their contact.",
        EventType.SIGNUP: "A conversion: somebody opened an account.",
        EventType.INSTALL: "A conversion: an app was installed.",
    },
)
described(
    ConversionType,
    "What a conversion is.",
    {
        ConversionType.PURCHASE: "Something was bought.",
        ConversionType.LEAD: "Somebody left their contact.",
        ConversionType.SIGNUP: "Somebody opened an account.",
        ConversionType.INSTALL: "An app was installed.",
    },
)


@strawberry.input(description="How events are sorted.")
class EventOrder:
    field: EventOrderField = strawberry.field(description="What to sort by.")
    direction: OrderDirection = strawberry.field(description="Which way.", default=OrderDirection.DESC)


class _Wanted(BaseModel):
    """What events of any kind are found by."""

    since: Annotated[Moment | None, strawberry.field(name="from")] = optional(
        "The moment from which on it happened, from 1900 to 2999."
    )
    until: Moment | None = optional("The moment before which it happened, from 1900 to 2999.")
    advertiser_id: strawberry.ID | None = optional("The advertiser it is about.")
    household: str | None = optional("The household, as an event shows it.")


@strawberry.pydantic.input(description="Which events to list; all that is given must hold.")
class EventFilterInput(_Wanted):
    types: Annotated[list[EventType], Field(max_length=20)] | None = optional("Any of these; all if left out.")
    placement_ids: Annotated[list[strawberry.ID], Field(max_length=100)] | None = optional(
        "Any of these placements, at most 100."
    )
    line_item_id: strawberry.ID | None = optional("The line item of its placement.")
    campaign_id: strawberry.ID | None = optional("The campaign of its placement; conversions have no placement.")
    podcast_id: strawberry.ID | None = optional("The podcast that carries its placement.")


@strawberry.pydantic.input(description="Which conversions to list; all that is given must hold.")
class ConversionFilterInput(_Wanted):
    types: Annotated[list[ConversionType], Field(max_length=20)] | None = optional("Any of these; all if left out.")
    order_id: SearchText | None = optional("The whole id of the order, in the same case.")
    promo_code: PromoCode | None = optional("The whole promo code, in upper or lower case.")
    counted_only: bool = Field(False, description="True to leave out further reports of orders that are counted.")


def wanted_events(given: EventFilterInput | None) -> EventFilter:
    """Raises InvalidInput (INVALID_ID, WRONG_ID_TYPE, INVALID_HOUSEHOLD)."""
    if given is None:
        return EventFilter()
    placement_ids = None
    if given.placement_ids is not None:
        row_ids = ids.row_ids(given.placement_ids, ids.PLACEMENT, "filter", "placementIds")
        placement_ids = tuple(PlacementId(row_id) for row_id in row_ids)
    line_item_id = _row_id(given.line_item_id, ids.LINE_ITEM, "lineItemId")
    campaign_id = _row_id(given.campaign_id, ids.CAMPAIGN, "campaignId")
    podcast_id = _row_id(given.podcast_id, ids.PODCAST, "podcastId")
    return EventFilter(
        since=given.since,
        until=given.until,
        types=None if given.types is None else tuple(given.types),
        placement_ids=placement_ids,
        line_item_id=None if line_item_id is None else LineItemId(line_item_id),
        campaign_id=None if campaign_id is None else CampaignId(campaign_id),
        podcast_id=None if podcast_id is None else PodcastId(podcast_id),
        advertiser_id=_advertiser_id(given),
        household=_household(given),
    )


def wanted_conversions(given: ConversionFilterInput | None) -> EventFilter:
    """Raises InvalidInput (INVALID_ID, WRONG_ID_TYPE, INVALID_HOUSEHOLD)."""
    if given is None:
        return EventFilter()
    return EventFilter(
        since=given.since,
        until=given.until,
        types=None if given.types is None else tuple(given.types),
        advertiser_id=_advertiser_id(given),
        household=_household(given),
        order_id=given.order_id,
        promo_code=given.promo_code,
        counted_only=given.counted_only,
    )


def _row_id(text: str | None, prefix: str, field: str) -> int | None:
    return None if text is None else ids.row_id(text, prefix, "filter", field)


def _advertiser_id(given: _Wanted) -> AdvertiserId | None:
    row_id = _row_id(given.advertiser_id, ids.ADVERTISER, "advertiserId")
    return None if row_id is None else AdvertiserId(row_id)


def _household(given: _Wanted) -> int | None:
    return None if given.household is None else ids.household_number(given.household, "filter", "household")


EVENTS = Listing(
    rows=Events,
    node=Annotated["Event", strawberry.lazy("schema.types.events")],
    order_by=EventOrder(field=EventOrderField.OCCURRED_AT, direction=OrderDirection.DESC),
    filter_input=EventFilterInput,
    wanted=wanted_events,
    by_default="newest first",
    unfiltered="all",
)
CONVERSIONS = Listing(
    rows=Conversions,
    node=Annotated["ConversionEvent", strawberry.lazy("schema.types.events")],
    order_by=EventOrder(field=EventOrderField.OCCURRED_AT, direction=OrderDirection.DESC),
    filter_input=ConversionFilterInput,
    wanted=wanted_conversions,
    by_default="newest first",
    unfiltered="all",
)
