"""When an item was published: what is written, never what day it is today.

feedparser alone would invent: it reads "10:00" as today, "2020-13-45" as January 2021 and "2019/09/05" as a day of the
present month. It is asked only for what the standard library cannot read, and believed only if the date begins with a
word ("Thurs, 5 Sept 2019", Greek dates) and the year it found is written there.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_tz

from resolvers.calendar import EARLIEST, LATEST

_HALF_DAY = re.compile(r"\s([AP])\.?M\.?(?=\s|$)", re.IGNORECASE)
_ONLY_DIGITS = re.compile(r"[\d\s:.,/TZ+-]*", re.ASCII)
# A year before 1000, which readers take for one of this century, and an offset of more than 18 hours.
_IMPOSSIBLE = re.compile(r"(?<![\d+-])0\d{3}(?!\d)|\s[+-](?:1[89]|[2-9]\d):?\d\d(?!\d)", re.ASCII)


def moment(written: str, interpreted: object) -> datetime | None:
    """`written` (ISO 8601, RFC 822 or one of the forms that feedparser knows) in UTC; None if it is no date,
    or none within EARLIEST and LATEST.

    `interpreted` is feedparser's reading of it: nine numbers in UTC, or None. A date without a zone is taken as UTC, a
    leap second as the second before it.
    """
    text = " ".join(written.split())
    found = _iso(text)
    if found is None and _IMPOSSIBLE.search(text) is None and _ONLY_DIGITS.fullmatch(text) is None:
        found = _rfc822(text) or _believable(text, interpreted)
    try:
        found = found.astimezone(UTC) if found is not None else None
    except (OverflowError, ValueError):  # within hours of the year 1 or 10000
        return None
    return found if found is not None and EARLIEST <= found <= LATEST else None


def _iso(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _rfc822(text: str) -> datetime | None:
    try:
        half = _HALF_DAY.search(text)
        parts = parsedate_tz(_HALF_DAY.sub("", text))
        if parts is None:
            return None
        year, month, day, hour, minute, second, *_, offset = parts
        if half is not None:  # 12 AM is midnight
            hour = hour % 12 + (12 if half[1].upper() == "P" else 0)
        zone = timezone(timedelta(seconds=offset or 0))
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=zone)
    except (ValueError, OverflowError, IndexError, TypeError):  # days and hours that do not exist; stray separators
        return None


def _believable(text: str, interpreted: object) -> datetime | None:
    match interpreted:
        case (int(year), int(month), int(day), int(hour), int(minute), int(second), *_):
            pass
        case _:
            return None
    if not text[0].isalpha() or re.search(rf"(?<!\d){year:04}(?!\d)", text) is None:
        return None
    try:
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except ValueError:
        return None
