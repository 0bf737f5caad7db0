from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from persistence.repositories.metrics import Span
from resolvers.errors import InvalidInput
from resolvers.metrics.rows import LONGEST, UNITS, Grouping
from resolvers.metrics.spans import LONGEST_RANGE, GivenRange, buckets, checked, latest_range

HOURS = st.integers(min_value=0, max_value=20_000)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("unit", "starts"),
    [
        (None, ["2026-02-26T22:00"]),
        ("hour", ["2026-02-26T22:00", "2026-02-26T23:00", "2026-02-27T00:00"]),
        ("day", ["2026-02-26T22:00", "2026-02-27T00:00", "2026-02-28T00:00", "2026-03-01T00:00", "2026-03-02T00:00"]),
        ("week", ["2026-02-26T22:00", "2026-03-02T00:00"]),
        ("month", ["2026-02-26T22:00", "2026-03-01T00:00"]),
    ],
)
def test_buckets_start_at_the_hours_days_mondays_and_months_of_utc(unit: str | None, starts: list[str]) -> None:
    end = "2026-02-27T01:00" if unit == "hour" else "2026-03-02T05:00"
    found = list(buckets(Span(moment("2026-02-26T22:00"), moment(end), unit)))
    assert [start for start, _ in found] == [moment(text) for text in starts]
    assert found[-1][1] == moment(end)


def test_a_day_of_the_change_to_summer_time_has_24_hours() -> None:
    found = list(buckets(Span(moment("2026-03-29T00:00"), moment("2026-03-30T00:00"), "hour")))
    assert len(found) == 24


@given(HOURS, st.integers(min_value=1, max_value=9_000), st.sampled_from(["hour", "day", "week", "month", None]))
def test_buckets_cover_the_span_without_gaps_or_overlaps(first: int, length: int, unit: str | None) -> None:
    start = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(hours=first)
    span = Span(start, start + timedelta(hours=length), unit)
    found = list(buckets(span))
    assert found[0][0] == span.starts_at
    assert found[-1][1] == span.ends_at
    assert [end for _, end in found[:-1]] == [start for start, _ in found[1:]]
    assert all(start < end for start, end in found)


@given(HOURS, st.sampled_from([Grouping.NONE, Grouping.DAY, Grouping.WEEK, Grouping.MONTH]))
def test_a_range_has_no_more_rows_than_are_reckoned_with(first: int, grouping: Grouping) -> None:
    start = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(hours=first)
    span = Span(start, start + LONGEST_RANGE, UNITS.get(grouping))
    assert len(list(buckets(span))) <= LONGEST[grouping]


@pytest.mark.parametrize(
    ("since", "until", "code", "path"),
    [
        ("2026-03-01T00:00:00.000001", "2026-03-02T00:00", "RANGE_NOT_ON_HOURS", ("range", "from")),
        ("2026-03-01T00:00", "2026-03-02T00:59", "RANGE_NOT_ON_HOURS", ("range", "until")),
        ("2026-03-01T00:00", "2026-03-01T00:00", "RANGE_EMPTY", ("range", "until")),
        ("2025-01-01T00:00", "2026-02-05T01:00", "RANGE_TOO_LONG", ("range", "until")),
        ("1899-12-31T23:00", "2026-02-05T01:00", "RANGE_OUT_OF_CALENDAR", ("range", "from")),
    ],
)
def test_a_range_that_cannot_be_counted_is_refused(since: str, until: str, code: str, path: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput) as caught:
        checked(GivenRange(moment(since), moment(until)))
    assert [(problem.code, problem.path) for problem in caught.value.problems] == [(code, path)]


def test_400_days_are_not_too_long() -> None:
    given_range = GivenRange(moment("2025-01-01T00:00"), moment("2025-01-01T00:00") + timedelta(days=400))
    assert checked(given_range) == given_range


def test_without_a_range_it_is_the_30_days_before_the_present_hour_began() -> None:
    assert latest_range(moment("2026-03-31T14:59:59.5")) == GivenRange(
        moment("2026-03-01T14:00"), moment("2026-03-31T14:00")
    )
