"""What a deprecation must say, and when the removal of a deprecated element is forgiven."""

import re
from collections.abc import Callable, Mapping
from datetime import date

import msgspec

from gateway.schema_changes.elements import Coordinate, Element

Excuse = Callable[[Coordinate], str | None]
"""Why no client can depend on this element of the baseline any more, as half a sentence; None when one may.

An excused removal is dangerous, not breaking. Evidence of another kind (nobody used the field for so many days) is
another function of this type.
"""

_REPLACEMENT = re.compile(r"\buse\s+\S.*?\s+instead\b", re.IGNORECASE | re.DOTALL)
_DATE = re.compile(r"(?<![\d-])\d{4}-\d{2}-\d{2}(?![\d-])", re.ASCII)


class Violation(msgspec.Struct, frozen=True):
    """A deprecation that breaks the policy; it fails the check as a breaking change does."""

    coordinate: Coordinate
    message: str


def removal_date(reason: str) -> date | None:
    """The date that the reason names, the last if it names several; None if it names no date of the calendar."""
    dates = []
    for text in _DATE.findall(reason):
        try:
            dates.append(date.fromisoformat(text))
        except ValueError:
            continue
    return max(dates, default=None)


def expired_deprecations(baseline: Mapping[Coordinate, Element], today: date) -> Excuse:
    """The excuse of an element that the baseline deprecated until a date before `today`."""

    def excuse(coordinate: Coordinate) -> str | None:
        element = baseline.get(coordinate)
        if element is None or element.deprecation is None:
            return None
        removal = removal_date(element.deprecation)
        return f"deprecated until {removal}" if removal is not None and removal < today else None

    return excuse


def violations(
    baseline: Mapping[Coordinate, Element], current: Mapping[Coordinate, Element], today: date
) -> tuple[Violation, ...]:
    """Every deprecation of `current` without a replacement and a date, or announced for a date already past.

    Notice is owed when a deprecation is made or reworded; one that stands since the baseline may be overdue.
    """
    found = []
    for coordinate, element in current.items():
        if element.deprecation is None:
            continue
        known = baseline.get(coordinate)
        announced = known is None or known.deprecation != element.deprecation
        for message in _breaches(element.deprecation, today if announced else None):
            found.append(Violation(coordinate, message))
    return tuple(found)


def _breaches(reason: str, today: date | None) -> list[str]:
    breaches = []
    if not _REPLACEMENT.search(reason):
        breaches.append('The reason of @deprecated must say what replaces it: "Use X instead".')
    removal = removal_date(reason)
    if removal is None:
        breaches.append("The reason of @deprecated must name the date of removal as YYYY-MM-DD.")
    elif today is not None and removal <= today:
        breaches.append(
            f"A new deprecation must give notice, but its date of removal, {removal}, is not in the future."
        )
    return breaches
