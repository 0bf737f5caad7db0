"""How far a standby lags is told from when the primary was where."""

import pytest

from persistence.lag import History

PAGE = 8192


@pytest.mark.parametrize(("position", "lag"), [(100, 7.0), (101, 6.0), (150, 6.0), (299, 5.0), (300, 0.0), (999, 0.0)])
def test_lag_begins_when_the_primary_was_first_seen_beyond(position: int, lag: float) -> None:
    history = History(60)
    for at, place in ((1.0, 100), (3.0, 101), (4.0, 250), (5.0, 300), (6.0, 300)):
        history.add(at, place)
    assert history.lag(position, 10.0) == lag


def test_before_any_sample_nobody_lags() -> None:
    assert History(60).lag(0, 5.0) == 0.0


def test_position_that_goes_back_is_passed_over() -> None:
    history = History(60)
    history.add(1.0, 200)
    history.add(2.0, 100)
    assert history.lag(150, 3.0) == 2.0


def test_half_a_record_at_the_end_of_a_page_is_nothing_that_a_standby_could_show() -> None:
    history = History(60)
    history.add(1.0, PAGE - 8)
    history.add(2.0, 2 * PAGE)
    assert history.lag(PAGE - 8, 100.0) == 0.0


def test_what_is_kept_is_bounded_and_what_lags_by_more_lags_by_as_much() -> None:
    history = History(10)
    for second in range(1, 10_001):
        history.add(float(second), 8 * second + 1)
    assert len(history._times) <= 21
    assert 10 <= history.lag(0, 10_000.0) <= 20
    assert history.lag(8 * 9_995 + 1, 10_000.0) == 4.0
