"""An event as it came, from whatever door: nothing is checked yet."""

import msgspec


class IncomingEvent(msgspec.Struct, frozen=True, rename="camel"):
    """None is a field that was left out; an empty text is a value, and refused. On the wire the names are camelCase."""

    key: str | None = None
    """The client's idempotency key: a second event with the same key is a duplicate, whatever else it says."""
    type: str | None = None
    occurred_at: str | None = None
    """ISO 8601 with a time zone."""
    ip_address: str | None = None
    """Becomes a household; it is neither stored, nor logged, nor part of a problem's message."""
    placement_id: str | None = None
    advertiser_id: str | None = None
    source: str | None = None
    order_id: str | None = None
    value_minor: int | float | str | None = None
    """Minor units of `currency`: a whole number, also as a float or as decimal digits."""
    currency: str | None = None
    promo_code: str | None = None
