"""Positions only grow, over promotions too, and clients carry them as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from persistence.positions import lsn_of, position, position_of, timeline_of, token_of


def test_token_is_the_timeline_and_the_place_in_hex() -> None:
    assert token_of(position(3, 0x16B374D848)) == "3/16B374D848"
    assert position_of("3/16B374D848") == position(3, 0x16B374D848)


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1))
def test_a_token_is_read_as_it_was_written(timeline: int, lsn: int) -> None:
    place = position(timeline, lsn)
    assert position_of(token_of(place)) == place
    assert (timeline_of(place), lsn_of(place)) == (timeline, lsn)


def test_a_later_timeline_is_newer_whatever_its_place() -> None:
    assert position(2, 0) > position(1, 2**64 - 1)


def test_a_place_in_a_log_is_newer_than_any_time_of_a_clock() -> None:
    assert position(1, 0) > 4_000_000_000_000_000


@pytest.mark.parametrize(
    "token",
    [
        *("", "3", "3/", "/16", "3/xyz", "3/16b", "-3/16", "3/-16", " 3/16", "3/16\n", "3/16/1", "٣/16"),
        *("3/12345678901234567", "4294967296/0", "99999999999/0"),
    ],
)
def test_whatever_else_a_client_sends_is_no_token(token: str) -> None:
    with pytest.raises(ValueError, match="no consistency token"):
        position_of(token)
