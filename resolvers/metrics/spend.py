"""What placements cost: exact, in minor units of their line item's currency."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction

import msgspec

from persistence.repositories.metrics import PlacementSet

_THOUSAND = 1_000


class Price(msgspec.Struct, frozen=True):
    """A line item's rate and flight, as far as some of its placements go.

    `share` is the part of the line item's placements that they are. The flight, its first and last day, is the
    campaign's where the line item names none; None where neither does.
    """

    pricing: str
    rate_minor: int
    currency: str
    starts_on: date | None
    ends_on: date | None
    share: Fraction


class Part(msgspec.Struct, frozen=True):
    """The placements of a row that are one line item's."""

    placements: PlacementSet
    price: Price


class Account(msgspec.Struct, frozen=True, cache_hash=True):
    """The placements of a row that are paid in one currency, together and by line item."""

    currency: str
    placements: PlacementSet
    parts: tuple[Part, ...]


def spend(
    price: Price, starts_at: datetime, ends_at: datetime, impressions: int, conversions: Decimal | None
) -> Fraction | None:
    """CPM: rate ÷ 1,000 × impressions. CPA: rate × conversions. FLAT: the rate, evenly over the flight and the line
    item's placements. None where it is not known: a flat rate without a flight, or unknown conversions.
    """
    if price.pricing == "CPM":
        return Fraction(price.rate_minor * impressions, _THOUSAND)
    if price.pricing == "CPA":
        return None if conversions is None else price.rate_minor * Fraction(conversions)
    flown = flown_share(price.starts_on, price.ends_on, starts_at, ends_at)
    return None if flown is None else price.rate_minor * price.share * flown


def flown_share(
    starts_on: date | None, ends_on: date | None, starts_at: datetime, ends_at: datetime
) -> Fraction | None:
    """The part of the flight, of whole days (UTC), that lies in the range; None without a flight."""
    if starts_on is None or ends_on is None or ends_on < starts_on:
        return None
    began = datetime.combine(starts_on, time(), UTC)
    ended = datetime.combine(ends_on, time(), UTC) + timedelta(days=1)
    flown = max(min(ends_at, ended) - max(starts_at, began), timedelta())
    return Fraction(flown // _RESOLUTION, (ended - began) // _RESOLUTION)


_RESOLUTION = timedelta(microseconds=1)
