"""Ranges of time that metrics are asked for, and the buckets that they fall into: in whole hours of UTC."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from persistence.partitions import month_of
from persistence.repositories.metrics import Span
from resolvers.calendar import EARLIEST, LATEST
from resolvers.errors import invalid

HOUR: Final = timedelta(hours=1)
DEFAULT_RANGE: Final = timedelta(days=30)
LONGEST_RANGE: Final = timedelta(days=400)


class GivenRange(msgspec.Struct, frozen=True):
    """As a client gives it: aware datetimes in UTC."""

    since: datetime
    until: datetime


def checked(given: GivenRange) -> GivenRange:
    """Raises InvalidInput (RANGE_NOT_ON_HOURS, RANGE_EMPTY, RANGE_TOO_LONG, RANGE_OUT_OF_CALENDAR)."""
    for name, moment in (("from", given.since), ("until", given.until)):
        if not EARLIEST <= moment <= LATEST:
            message = "Choose a moment from the year 1900 to 2999."
            raise invalid("RANGE_OUT_OF_CALENDAR", message, "range", name)
        if moment != whole_hour(moment):
            message = (
                f"Metrics are counted by the hour: choose {whole_hour(moment):%Y-%m-%dT%H:%M:%SZ} or an hour later."
            )
            raise invalid("RANGE_NOT_ON_HOURS", message, "range", name)
    if given.until <= given.since:
        raise invalid("RANGE_EMPTY", "The range must end after it begins.", "range", "until")
    if given.until - given.since > LONGEST_RANGE:
        message = f"Ask for at most {LONGEST_RANGE.days} days at once."
        raise invalid("RANGE_TOO_LONG", message, "range", "until")
    return given


def latest_range(now: datetime) -> GivenRange:
    """The 30 days before the present hour began."""
    until = whole_hour(now)
    return GivenRange(until - DEFAULT_RANGE, until)


def whole_hour(moment: datetime) -> datetime:
    """When the moment's hour (UTC) began."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def buckets(span: Span) -> Iterator[tuple[datetime, datetime]]:
    """When each bucket starts and ends, in order; the first and the last are cut where the span begins and ends.

    Weeks begin on Monday. As the repository's buckets, for which it names the start.
    """
    start = span.starts_at
    while start < span.ends_at:
        end = span.ends_at if span.unit is None else min(_next(span.unit, start), span.ends_at)
        yield start, end
        start = end


def _next(unit: str, moment: datetime) -> datetime:
    """When the bucket after the moment's own starts."""
    midnight = moment.replace(hour=0)
    if unit == "hour":
        return moment + HOUR
    if unit == "day":
        return midnight + timedelta(days=1)
    if unit == "week":
        return midnight + timedelta(days=7 - moment.weekday())
    first = month_of(moment, 1)
    return datetime(first.year, first.month, first.day, tzinfo=UTC)
