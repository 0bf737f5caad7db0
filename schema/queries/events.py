"""Queries of events."""

import strawberry

from persistence.records import EventRecord
from persistence.repositories.events import Conversions
from resolvers import ids, lists
from schema.fields import root_field
from schema.info import Info
from schema.listings import root_connection
from schema.relay import IdArgument
from schema.types.event_lists import CONVERSIONS, EVENTS
from schema.types.events import ConversionEvent


@strawberry.type
class EventQueries:
    events = root_connection(EVENTS, description="What happened: impressions, visits and conversions.")
    conversions = root_connection(
        CONVERSIONS, description="Conversions, further reports of orders among them unless `countedOnly`."
    )

    @root_field(
        graphql_type=ConversionEvent | None, description="One conversion; null if your tenant has none of this id."
    )
    @staticmethod
    async def conversion(info: Info, id: IdArgument) -> EventRecord | None:
        return await lists.by_id(info.context, Conversions, ids.row_id(id, ids.CONVERSION, "id"), reads=info.reads)
