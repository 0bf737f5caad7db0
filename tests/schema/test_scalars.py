"""What the scalars take and give."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from graphql import GraphQLError, GraphQLScalarType

from tests.graph import schema


def scalar(name: str) -> GraphQLScalarType:
    found = schema()._schema.type_map[name]
    assert isinstance(found, GraphQLScalarType)
    return found


@pytest.mark.parametrize(
    ("given", "read"), [(0, 0), (-5, -5), (2.0, 2), (2**53 - 1, 2**53 - 1), (-(2**53 - 1), -(2**53 - 1))]
)
def test_big_int_reads_whole_numbers_that_json_carries_exactly(given: Any, read: int) -> None:
    assert scalar("BigInt").coerce_input_value(given) == read


@pytest.mark.parametrize("given", [2**53, -(2**53), 1.5, True, "1", float("inf"), float("nan"), None, [1]])
def test_big_int_refuses_everything_else(given: Any) -> None:
    with pytest.raises(GraphQLError, match="BigInt must be"):
        scalar("BigInt").coerce_input_value(given)


@pytest.mark.parametrize(
    "given", ["2026-11-23T14:00:00Z", "2026-11-23T15:00:00+01:00", "2026-11-23T08:30:00-05:30", "2026-11-23T14:00Z"]
)
def test_date_time_is_read_in_any_zone(given: str) -> None:
    assert scalar("DateTime").coerce_input_value(given) == datetime(2026, 11, 23, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("2026-11-23T14:00:00", "needs a time zone"),
        ("2026-11-23", "needs a time zone"),
        ("2026-02-30T14:00:00Z", "within the calendar"),
        ("2026-11-20x10:00:00Z", "within the calendar"),
        ("0001-01-01T00:00:00+14:00", "needs a time zone|within the calendar"),
        ("yesterday", "within the calendar"),
        (1_700_000_000, "within the calendar"),
        (None, "within the calendar"),
    ],
)
def test_date_time_refuses_what_is_no_moment(given: Any, message: str) -> None:
    with pytest.raises(GraphQLError, match=message):
        scalar("DateTime").coerce_input_value(given)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (Decimal("12.500"), "12.5"),
        (Decimal("1E+3"), "1000"),
        (Decimal("1E-12"), "0.000000000001"),
        (Decimal("-0.0"), "0"),
        (Decimal("1234567890123456789012345678.123456789012"), "1234567890123456789012345678.123456789012"),
        (100, "100"),
        ("-12.5", "-12.5"),
        ("0", "0"),
    ],
)
def test_decimal_answers_every_digit_without_an_exponent(number: Decimal | int | str, text: str) -> None:
    assert scalar("Decimal").coerce_output_value(number) == text


@pytest.mark.parametrize("number", [Decimal("NaN"), Decimal("Infinity"), 0.1, True, "1.0", "-0", "1e3", "01", ""])
def test_decimal_answers_nothing_else(number: Any) -> None:
    with pytest.raises(GraphQLError, match="finite decimal"):
        scalar("Decimal").coerce_output_value(number)


@pytest.mark.parametrize(
    ("given", "read"), [("12.5", Decimal("12.5")), ("-3", Decimal(-3)), ("1e-3", Decimal("0.001"))]
)
def test_decimal_is_read_from_text(given: str, read: Decimal) -> None:
    assert scalar("Decimal").coerce_input_value(given) == read


@pytest.mark.parametrize("given", ["", "NaN", "inf", "1_000", "1e99999", "١٢", " ", 12, 1.5, None, "1" * 61])
def test_decimal_refuses_everything_else(given: Any) -> None:
    with pytest.raises(GraphQLError, match="Decimal must be"):
        scalar("Decimal").coerce_input_value(given)


def test_date_time_answers_in_utc() -> None:
    moment = datetime(2026, 11, 23, 15, 0, 0, 250_000, tzinfo=timezone(timedelta(hours=1)))
    assert scalar("DateTime").coerce_output_value(moment) == "2026-11-23T14:00:00.250000Z"


def test_date_is_read_and_answered_as_iso_8601() -> None:
    assert scalar("Date").coerce_input_value("2026-11-23") == date(2026, 11, 23)
    assert scalar("Date").coerce_output_value(date(2026, 11, 23)) == "2026-11-23"


@pytest.mark.parametrize("given", ["2026-02-30", "23.11.2026", "", 20261123, None])
def test_date_refuses_what_is_no_day(given: Any) -> None:
    with pytest.raises(GraphQLError, match="Date must be"):
        scalar("Date").coerce_input_value(given)
