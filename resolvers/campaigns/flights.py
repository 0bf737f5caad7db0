"""Flights: the days from the first to the last on which something runs, both included; either may be open."""

from datetime import date
from typing import Annotated

import msgspec
from pydantic import Field

from resolvers.errors import InvalidInput, Problem, invalid

# The first and the last day of Python's calendar would be stored as infinities: asyncpg takes them for such.
FlightDay = Annotated[date, Field(ge=date(1900, 1, 1), le=date(2999, 12, 31))]
"""A day from 1900 to 2999."""


class Flight(msgspec.Struct, frozen=True):
    starts_on: date | None
    ends_on: date | None


def check_order(flight: Flight) -> None:
    """Raises InvalidInput (ENDS_BEFORE_START)."""
    if flight.starts_on is not None and flight.ends_on is not None and flight.ends_on < flight.starts_on:
        message = f"The flight ends on {flight.ends_on}, before it starts on {flight.starts_on}."
        raise invalid("ENDS_BEFORE_START", message, "input", "endsOn")


def check_within(line_item: Flight, campaign: Flight) -> None:
    """Every day that a line item names lies in its campaign's flight. Raises InvalidInput (OUTSIDE_CAMPAIGN)."""
    problems = [
        Problem("OUTSIDE_CAMPAIGN", f"{day} is outside the campaign's flight, {_text(campaign)}.", ("input", field))
        for field, day in (("startsOn", line_item.starts_on), ("endsOn", line_item.ends_on))
        if day is not None and not _contains(campaign, day)
    ]
    if problems:
        raise InvalidInput(problems)


def check_covers(campaign: Flight, days: Flight) -> None:
    """A campaign's flight covers all `days` that its line items name. Raises InvalidInput (EXCLUDES_LINE_ITEMS)."""
    problems = []
    if campaign.starts_on is not None and days.starts_on is not None and days.starts_on < campaign.starts_on:
        message = f"A line item's flight reaches back to {days.starts_on}: change or archive it first."
        problems.append(Problem("EXCLUDES_LINE_ITEMS", message, ("input", "startsOn")))
    if campaign.ends_on is not None and days.ends_on is not None and days.ends_on > campaign.ends_on:
        message = f"A line item's flight reaches to {days.ends_on}: change or archive it first."
        problems.append(Problem("EXCLUDES_LINE_ITEMS", message, ("input", "endsOn")))
    if problems:
        raise InvalidInput(problems)


def _contains(flight: Flight, day: date) -> bool:
    return (flight.starts_on is None or flight.starts_on <= day) and (flight.ends_on is None or day <= flight.ends_on)


def _text(flight: Flight) -> str:
    return f"{flight.starts_on or 'open'} to {flight.ends_on or 'open'}"
