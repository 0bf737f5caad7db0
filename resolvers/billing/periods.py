"""Monthly periods, anchored on a day: after the 31st of January come the last of February and the 31st of March."""

import calendar
from datetime import datetime

import msgspec

from resolvers.calendar import LATEST

_MONTHS = 12


class Period(msgspec.Struct, frozen=True):
    """From `starts_at` to before `ends_at`."""

    starts_at: datetime
    ends_at: datetime


def period_at(anchor: datetime, moment: datetime) -> Period:
    """The period that holds the moment; the first one for a moment before the anchor."""
    # A clock that has run away must not take the calendar's end with it.
    moment = min(moment, LATEST)
    months = max(0, _MONTHS * (moment.year - anchor.year) + moment.month - anchor.month)
    if months and _boundary(anchor, months) > moment:
        months -= 1
    return Period(_boundary(anchor, months), _boundary(anchor, months + 1))


def _boundary(anchor: datetime, months: int) -> datetime:
    """The anchor so many months later: on its day, or the month's last one."""
    year, month = divmod(anchor.month - 1 + months, _MONTHS)
    last = calendar.monthrange(anchor.year + year, month + 1)[1]
    return anchor.replace(year=anchor.year + year, month=month + 1, day=min(anchor.day, last))
