"""Feeds from files are held to the same limits."""

import gzip
import os
from pathlib import Path

import pytest

from resolvers.errors import FeedRejected
from resolvers.feeds.body import BodyLimits
from resolvers.feeds.file import read_feed_file
from resolvers.feeds.reasons import Reason

LIMITS = BodyLimits(transfer=1_000, body=10_000, ratio=1_000)


def refusal(path: Path) -> str:
    with pytest.raises(FeedRejected) as caught:
        read_feed_file(path, LIMITS)
    assert caught.value.path == ("path",)
    return caught.value.reason


def test_plain_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "feed.xml"
    path.write_bytes(b"<rss/>")
    assert read_feed_file(path) == b"<rss/>"


def test_empty_file_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "feed.xml"
    path.touch()
    assert read_feed_file(path) == b""


def test_compressed_file_is_decompressed_whatever_its_name(tmp_path: Path) -> None:
    path = tmp_path / "feed.xml"
    path.write_bytes(gzip.compress(b"<rss/>"))
    assert read_feed_file(path) == b"<rss/>"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"x" * 10_001, Reason.TOO_LARGE),
        (gzip.compress(b"x" * 10_001), Reason.TOO_LARGE),
        (gzip.compress(os.urandom(2_000)), Reason.TOO_LARGE),
        (gzip.compress(b"<rss/>")[:-1], Reason.INCOMPLETE),
        (b"\x1f\x8bgarbage", Reason.MALFORMED),
    ],
    ids=["large", "bomb", "large compressed", "cut", "garbage"],
)
def test_hostile_file_is_refused(tmp_path: Path, content: bytes, reason: Reason) -> None:
    path = tmp_path / "feed.xml.gz"
    path.write_bytes(content)
    assert refusal(path) == reason


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for path in (tmp_path, tmp_path / "missing.xml", fifo, Path("a\0b")):
        assert refusal(path) == Reason.UNREADABLE_FILE
