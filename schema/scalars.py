"""Scalars beyond GraphQL's five. On the wire: times and dates as ISO 8601 text, exact decimals as text."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any, Final

from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition, scalar

from resolvers.moments import moment_of
from resolvers.numbers import LARGEST, BigInt


def _big_int(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        raise GraphQLError("BigInt must be a whole number.")
    if abs(value) > LARGEST:
        raise GraphQLError(f"BigInt must be from -{LARGEST} to {LARGEST}.")
    return int(value)


def _moment_text(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _moment(value: object) -> datetime:
    try:
        moment = moment_of(value) if isinstance(value, str) else None
        if moment is not None and moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        moment = None
    if moment is not None:
        raise GraphQLError("DateTime needs a time zone: add 'Z' for UTC, such as '2026-11-23T14:00:00Z'.")
    raise GraphQLError("DateTime must be an ISO 8601 string within the calendar, such as '2026-11-23T14:00:00Z'.")


def _day(value: object) -> date:
    try:
        if isinstance(value, str):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise GraphQLError("Date must be an ISO 8601 string within the calendar, such as '2026-11-23'.")


_LONGEST_DECIMAL = 60
"""Characters: more than any of ours has."""


_CANONICAL = re.compile(r"0|-?(?!0\Z)(0|[1-9][0-9]*)(\.[0-9]*[1-9])?")
"""A decimal as it is written: no exponent, no zero too many."""


def _decimal_text(value: object) -> str:
    if isinstance(value, str) and _CANONICAL.fullmatch(value):
        return value
    if isinstance(value, bool) or not isinstance(value, Decimal | int) or not Decimal(value).is_finite():
        raise GraphQLError("Decimal must be a finite decimal number.")
    text = f"{Decimal(value):f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def _decimal(value: object) -> Decimal:
    try:
        plain = isinstance(value, str) and len(value) <= _LONGEST_DECIMAL and value.isascii() and "_" not in value
        number = Decimal(value) if plain and isinstance(value, str) else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite() or abs(number.adjusted()) > _LONGEST_DECIMAL:
        message = (
            f"Decimal must be a text of digits with a point, at most {_LONGEST_DECIMAL} characters, such as '12.5'."
        )
        raise GraphQLError(message)
    return number


SCALARS: dict[object, ScalarDefinition] = {
    BigInt: scalar(
        name="BigInt",
        description="A whole number from -(2^53 - 1) to 2^53 - 1, as a JSON number; its unit is the field's.",
        serialize=_big_int,
        parse_value=_big_int,
    ),
    Decimal: scalar(
        name="Decimal",
        description="An exact decimal number, as text without an exponent, such as '12.5'; its unit is the field's.",
        serialize=_decimal_text,
        parse_value=_decimal,
    ),
    datetime: scalar(
        name="DateTime",
        description="A moment, ISO 8601 with a time zone; answers are in UTC, such as '2026-11-23T14:00:00Z'.",
        specified_by_url="https://scalars.graphql.org/andimarek/date-time",
        serialize=_moment_text,
        parse_value=_moment,
    ),
    date: scalar(
        name="Date",
        description="A day of the calendar, ISO 8601, such as '2026-11-23'.",
        specified_by_url="https://scalars.graphql.org/chillicream/local-date",
        serialize=date.isoformat,
        parse_value=_day,
    ),
}

WRITTEN_AS_IT_IS: Final[Mapping[Callable[[Any], Any], str]] = MappingProxyType(
    {
        _moment_text: "type({value}) is datetime and {value}.tzinfo is UTC",
        date.isoformat: "type({value}) is date",
        # Nothing but decimals gives fields of decimals a text (`resolvers.attribution.exact.decimal_text`).
        _decimal_text: "type({value}) is str",
        _big_int: f"type({{value}}) is int and -{LARGEST} <= {{value}} <= {LARGEST}",
    }
)
"""Python that is true of a `{value}` for which msgspec's JSON is that of what the function returns, by the function."""
