"""Events as clients report them, and what became of each."""

import strawberry

from resolvers.events.checks import LONGEST_KEY, LONGEST_ORDER_ID, MOST_PROBLEMS
from resolvers.events.incoming import IncomingEvent
from resolvers.events.intake import OutcomeStatus
from resolvers.events.tracking import TrackedEventRecord
from schema.enums import described
from schema.errors import InputProblem
from schema.fields import LONGEST
from schema.relay import of_record

described(
    OutcomeStatus,
    "What became of an event.",
    {
        OutcomeStatus.ACCEPTED: "It is stored.",
        OutcomeStatus.DUPLICATE: "An event with this key had been stored before; nothing was changed.",
        OutcomeStatus.REJECTED: "It breaks a rule, as its problems say; nothing of it was stored.",
    },
    name="TrackedEventStatus",
)


@strawberry.input(
    description="Something that happened. Every field is plain text or a number, so that a wrong value is this"
    " event's problem and not the whole call's; text for a number, or a number for text, is the call's. Impressions"
    " need `placementId`, conversions `advertiserId`, a visit one of them."
)
class EventInput:
    key: str | None = strawberry.field(
        default=None,
        description=f"Required: the event's idempotency key, at most {LONGEST_KEY} characters. Send an event again with"
        " the same key, and it is stored once.",
    )
    type: str | None = strawberry.field(
        default=None, description="Required: a value of EventType, such as AD_DELIVERED, VISIT or PURCHASE."
    )
    occurred_at: str | None = strawberry.field(
        default=None,
        description="Required: when it happened, ISO 8601 with a time zone; at most 5 minutes ahead of our clock.",
    )
    ip_address: str | None = strawberry.field(
        default=None,
        description="Required: the public IPv4 or IPv6 address that it came from. A keyed hash of it, the household, is"
        " kept, and the address itself is not.",
    )
    placement_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The placement that was heard, or by whose vanity URL the visitor came; not for conversions.",
    )
    advertiser_id: strawberry.ID | None = strawberry.field(
        default=None, description="Whose site it is about; can be left out where a placement says it."
    )
    source: str | None = strawberry.field(
        default=None,
        description="Who reports it, a value of ConversionSource; SERVER if left out. Only for conversions.",
    )
    order_id: str | None = strawberry.field(
        default=None,
        description=f"The advertiser's own id of the order, at most {LONGEST_ORDER_ID} characters. The first report of"
        " an order, by advertiser and type, counts; further ones are kept as evidence. Only for conversions.",
    )
    value_minor: float | None = strawberry.field(
        default=None,
        description="What the conversion is worth: a whole number of minor units of `currency`, such as cents.",
    )
    currency: str | None = strawberry.field(
        default=None, description="ISO 4217 code of the value's currency; both or neither. Only for conversions."
    )
    promo_code: str | None = strawberry.field(
        default=None, description="The code that was used at checkout, in upper or lower case. Only for conversions."
    )

    def incoming(self) -> IncomingEvent:
        return IncomingEvent(
            self.key,
            self.type,
            self.occurred_at,
            self.ip_address,
            self.placement_id,
            self.advertiser_id,
            self.source,
            self.order_id,
            self.value_minor,
            self.currency,
            self.promo_code,
        )


@strawberry.type(description="What became of one event.")
class TrackedEvent:
    is_type_of = of_record(TrackedEventRecord)

    index: int = strawberry.field(description="Which event it is: its place in the list, counting from 0.")
    status: OutcomeStatus = strawberry.field(description="Whether it is stored.")
    event_id: strawberry.ID | None = strawberry.field(
        description="The id of the stored event; of a duplicate, of the one stored first; null if it was rejected."
    )
    problems: list[InputProblem] = strawberry.field(
        description="Why it was rejected; empty if it was not.", metadata={LONGEST: MOST_PROBLEMS}
    )
