"""The feeds of real publishers: every item of each file becomes an episode."""

import re
from collections import Counter
from pathlib import Path
from time import process_time

import pytest

from resolvers.feeds import parse_feed

FEEDS = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "feeds"

pytestmark = pytest.mark.skipif(
    not FEEDS.is_dir(), reason="the real feeds (../shared/data/feeds) are not on this machine"
)


def feed_files() -> list[Path]:
    return sorted(FEEDS.glob("*.xml"))


@pytest.mark.parametrize("path", feed_files(), ids=lambda path: path.stem)
def test_episode_count_equals_the_items_in_the_file(path: Path) -> None:
    body = path.read_bytes()
    feed = parse_feed(body)
    assert len(feed.episodes) == len(re.findall(rb"<item[\s>]", body))
    assert (feed.rejected, feed.warnings) == ((), ())


@pytest.mark.parametrize("path", feed_files(), ids=lambda path: path.stem)
def test_every_episode_has_a_date_a_title_and_an_enclosure(path: Path) -> None:
    for episode in parse_feed(path.read_bytes()).episodes:
        assert episode.published_at is not None
        assert episode.published_at.year >= 2013
        assert episode.enclosure_url is not None
        assert episode.enclosure_type == "audio/mpeg"
        assert episode.title != "Untitled episode"
        assert "\x00" not in (episode.description or "")


@pytest.mark.skipif(not (FEEDS / "2020-12-19-LinuxUnplugged.xml").is_file(), reason="no LinuxUnplugged feed")
def test_large_feed_is_read_exactly_and_in_seconds() -> None:
    body = (FEEDS / "2020-12-19-LinuxUnplugged.xml").read_bytes()
    started = process_time()
    feed = parse_feed(body)
    assert process_time() - started < 5  # 0.2 s of CPU where this was written
    assert (feed.title, len(feed.episodes)) == ("LINUX Unplugged", 384)
    assert feed.categories == ("Technology", "News", "Tech News")
    assert Counter(episode.explicit for episode in feed.episodes) == {False: 349, True: 35}
    assert (feed.episodes[0].duration_seconds, feed.episodes[0].enclosure_bytes) == (3903, 46838827)


@pytest.mark.skipif(not (FEEDS / "2020-12-29-replyall.xml").is_file(), reason="no replyall feed")
def test_feed_whose_enclosures_have_length_zero_has_no_byte_counts() -> None:
    feed = parse_feed((FEEDS / "2020-12-29-replyall.xml").read_bytes())
    assert {episode.enclosure_bytes for episode in feed.episodes} == {None}
    assert feed.new_feed_url == "https://feeds.megaphone.fm/replyall"


@pytest.mark.skipif(not (FEEDS / "podcast-namespace_example.xml").is_file(), reason="no podcast namespace example")
def test_live_items_are_not_episodes_and_do_not_leak_into_the_feed() -> None:
    feed = parse_feed((FEEDS / "podcast-namespace_example.xml").read_bytes())
    assert (feed.link, feed.guid) == ("https://example.com/podcast", "y0ur-gu1d-g035-h3r3")
    assert [(episode.season, episode.episode_number) for episode in feed.episodes] == [(1, 3), (1, 2), (1, 1)]
