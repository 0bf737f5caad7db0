"""Events: impressions, visits and conversions."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import strawberry

from persistence.records import AdvertiserRecord, EventRecord, PlacementRecord
from persistence.repositories.campaigns import Advertisers
from persistence.repositories.events import CONVERSIONS, IMPRESSIONS, VISITS
from resolvers import ids, lists
from resolvers.campaigns.money import Money as MoneyRecord
from resolvers.events.kinds import ConversionSource, EventType
from resolvers.paths import conversions
from schema.enums import described
from schema.fields import batched
from schema.info import Info
from schema.relay import Node, node_id, of_record
from schema.types.advertisers import Advertiser
from schema.types.explanations import conversion_credits, conversion_explain
from schema.types.money import Money
from schema.types.paths import conversion_path, placements_of
from schema.types.placements import Placement
from schema.types.reconciliation import conversion_promo, conversion_reconciliation

described(
    ConversionSource,
    "Who reported a conversion.",
    {
        ConversionSource.PIXEL: "A pixel on the advertiser's site.",
        ConversionSource.SERVER: "The advertiser's server.",
        ConversionSource.IMPORT: "A file.",
    },
)


@strawberry.interface(description="Something that happened: an impression, a visit or a conversion.")
class Event(Node):
    type: EventType = strawberry.field(description="What happened.")
    occurred_at: datetime = strawberry.field(description="When it happened, as reported.")
    received_at: datetime = strawberry.field(description="When Podgraph got to know of it.")
    key: str = strawberry.field(description="The idempotency key that it was reported with; unique in the tenant.")

    @batched(
        graphql_type=str,
        description="Whose event it is: an opaque text, the same for all events from one network address, which is"
        " never stored. It can be filtered by.",
        reads=("household",),
    )
    @staticmethod
    def household(parents: Sequence[EventRecord], info: Info) -> list[str]:
        return [ids.household_text(event.household) for event in parents]

    @batched(
        graphql_type=Advertiser,
        description="The advertiser whose ad or whose site it is about.",
        reads=("advertiser_id",),
    )
    @staticmethod
    async def advertiser(parents: Sequence[EventRecord], info: Info) -> list[AdvertiserRecord]:
        return await lists.existing(
            info.context, Advertisers, [event.advertiser_id for event in parents], reads=info.reads
        )


@strawberry.interface(description="An event that may lead to a conversion: an impression, or a visit.")
class Touchpoint(Event):
    @batched(
        graphql_type=Placement | None,
        description="The placement it is credited to; null if none is known.",
        reads=("placement_id",),
    )
    @staticmethod
    async def placement(parents: Sequence[EventRecord], info: Info) -> list[PlacementRecord | None]:
        return await placements_of([event.placement_id for event in parents], info)


@strawberry.type(description="A placement reached a household.")
class ImpressionEvent(Touchpoint):
    is_type_of = of_record(EventRecord, IMPRESSIONS)

    id: strawberry.ID = node_id(ids.IMPRESSION, "impression")


@strawberry.type(description="A household came to the advertiser's site.")
class VisitEvent(Touchpoint):
    is_type_of = of_record(EventRecord, VISITS)

    id: strawberry.ID = node_id(ids.VISIT, "visit")


@strawberry.type(description="A household did what the advertiser wants. Further reports of an order are not counted.")
class ConversionEvent(Event):
    is_type_of = of_record(EventRecord, CONVERSIONS)

    id: strawberry.ID = node_id(ids.CONVERSION, "conversion")
    source: ConversionSource = strawberry.field(description="Who reported it.")
    order_id: str | None = strawberry.field(
        description="The advertiser's own id of the order; the first report of an order counts, further ones do not."
    )
    promo_code: str | None = strawberry.field(description="The code that was used, in upper case; null if none was.")
    counted: bool = strawberry.field(
        description="Whether metrics and attribution count it; false for a further report of an order."
    )

    path = conversion_path
    explain = conversion_explain
    credits = conversion_credits
    reconciliation = conversion_reconciliation
    promo = conversion_promo

    @batched(
        graphql_type=Money | None,
        description="What it is worth to the advertiser; null if nobody said.",
        reads=("value_minor", "currency"),
    )
    @staticmethod
    def value(parents: Sequence[EventRecord], info: Info) -> list[MoneyRecord | None]:
        return [
            None if event.value_minor is None else MoneyRecord(event.value_minor, str(event.currency))
            for event in parents
        ]

    @batched(
        graphql_type=Annotated["ConversionEvent", strawberry.lazy("schema.types.events")] | None,
        description="The report that counts the order, if this is a further one; null if this one is counted, or if"
        " the one that counts is older than events are kept.",
    )
    @staticmethod
    async def counted_by(parents: Sequence[EventRecord], info: Info) -> list[EventRecord | None]:
        counting = await conversions.counting_reports(info.context, parents)
        return [None if event.counted else counted for event, counted in zip(parents, counting, strict=True)]
