"""Monthly periods: on the anchor's day, or the last one of a shorter month."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from resolvers.billing.periods import Period, period_at
from resolvers.calendar import LATEST


def at(year: int, month: int, day: int, hour: int = 0) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


def test_periods_from_the_31st_end_with_short_months_and_come_back_to_the_31st() -> None:
    anchor = at(2027, 12, 31, 15)
    begins = [anchor, at(2028, 1, 31, 15), at(2028, 2, 29, 15), at(2028, 3, 31, 15), at(2028, 4, 30, 15)]
    for start, end in pairwise(begins):
        assert period_at(anchor, start) == period_at(anchor, end - timedelta(microseconds=1)) == Period(start, end)


def test_february_of_a_common_year_ends_with_the_28th() -> None:
    assert period_at(at(2027, 1, 30), at(2027, 3, 1)) == Period(at(2027, 2, 28), at(2027, 3, 30))


def test_moment_before_the_anchor_is_in_the_first_period() -> None:
    anchor = at(2026, 11, 23)
    for moment in (at(2026, 11, 22), at(2025, 12, 24), at(1970, 1, 1)):
        assert period_at(anchor, moment) == Period(anchor, at(2026, 12, 23))


def test_clock_at_the_end_of_the_calendar_is_in_the_last_period_that_there_is() -> None:
    end = datetime.max.replace(tzinfo=UTC)
    assert period_at(at(2026, 1, 31), end) == period_at(at(2026, 1, 31), LATEST) == Period(LATEST, at(3000, 1, 31))


MOMENTS = st.timedeltas(timedelta(), timedelta(days=365 * 130)).map(lambda later: at(2020, 1, 1) + later)


@given(MOMENTS, MOMENTS)
def test_every_moment_from_the_anchor_on_is_in_one_period_that_begins_on_the_anchors_day(
    one: datetime, other: datetime
) -> None:
    anchor, moment = sorted((one, other))
    period = period_at(anchor, moment)
    assert period.starts_at <= moment < period.ends_at
    assert period_at(anchor, period.starts_at) == period
    assert period_at(anchor, period.ends_at).starts_at == period.ends_at
    assert period.starts_at.time() == anchor.time()
    assert period.starts_at.day == anchor.day or (period.starts_at + timedelta(days=1)).day == 1
