"""Mutations of events."""

from typing import Annotated

import strawberry

from resolvers.events import tracking
from resolvers.events.tracking import MOST_EVENTS, TrackedEvents
from schema.errors import ForbiddenError, InvalidInputError
from schema.fields import PerItem, root_field
from schema.info import Info
from schema.relay import of_record
from schema.types.event_intake import EventInput, TrackedEvent


@strawberry.type(description="What became of each event.")
class TrackEventsPayload:
    is_type_of = of_record(TrackedEvents)

    results: list[TrackedEvent] = strawberry.field(description="One for each event, in the order of the events.")
    accepted: int = strawberry.field(description="Number of events that are stored now.")
    duplicate: int = strawberry.field(description="Number of events that had been stored before.")
    rejected: int = strawberry.field(description="Number of events that break a rule.")


TrackEventsResult = Annotated[
    TrackEventsPayload | InvalidInputError | ForbiddenError,
    strawberry.union("TrackEventsResult", description="What became of each event, or why none was looked at."),
]


@strawberry.type
class EventMutations:
    @root_field(
        graphql_type=TrackEventsResult,
        description=f"Takes in 1 to {MOST_EVENTS} impressions, visits and conversions. A bad event is rejected and"
        " spoils no other. After any answer, or none, the same call can be sent again: nothing is stored twice.",
        longest=PerItem("events", ("results",)),
    )
    @staticmethod
    async def track_events(
        info: Info,
        events: Annotated[list[EventInput], strawberry.argument(description="What happened, in any order.")],
    ) -> TrackedEvents:
        return await tracking.track_events(info.context, [event.incoming() for event in events])
