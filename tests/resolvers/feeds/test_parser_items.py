"""Every item of a file is an episode or is rejected with its reason."""

import hashlib

from resolvers.feeds.parser import parse_feed
from resolvers.feeds.reasons import ItemReason, Oddity
from resolvers.feeds.values import RejectedItem
from tests.resolvers.feeds.documents import item, rss

ENCLOSURE = '<enclosure url="https://m.example/a.mp3"/>'
EARLY, LATE = (f"<pubDate>{day:02} Dec 2020 10:00:00 GMT</pubDate>" for day in (1, 2))


def test_item_without_guid_is_known_by_its_enclosure_then_its_link_then_its_title_and_date() -> None:
    link = "<link>https://a.example/2</link>"
    items = (
        item(ENCLOSURE + link, guid=None)
        + item(link, guid=None)
        + item(EARLY, guid=None, title="Three")
        + item(guid=None, title="Four")
    )
    feed = parse_feed(rss(items))
    assert [episode.guid for episode in feed.episodes] == [
        "https://m.example/a.mp3",
        "https://a.example/2",
        f"sha256:{hashlib.sha256(b'Three' + chr(10).encode() + b'01 Dec 2020 10:00:00 GMT').hexdigest()}",
        f"sha256:{hashlib.sha256(b'Four' + chr(10).encode()).hexdigest()}",
    ]
    assert [warning.index for warning in feed.warnings if warning.code is Oddity.NO_GUID] == [0, 1, 2, 3]


def test_newest_of_two_items_with_one_guid_is_kept_and_the_other_reported() -> None:
    feed = parse_feed(rss(item(EARLY, title="Old") + item(LATE, title="New") + item(guid="g2")))
    assert [episode.title for episode in feed.episodes] == ["New", "One"]
    assert feed.rejected == (
        RejectedItem(
            index=0,
            guid="g1",
            title="Old",
            code=ItemReason.DUPLICATE_GUID,
            message="another item of this feed has this guid; item 1 was kept",
        ),
    )


def test_first_of_two_items_with_one_guid_and_no_dates_is_kept() -> None:
    feed = parse_feed(rss(item(title="First") + item(title="Second")))
    assert [episode.title for episode in feed.episodes] == ["First"]
    assert [rejected.index for rejected in feed.rejected] == [1]


def test_item_that_says_nothing_is_rejected() -> None:
    feed = parse_feed(rss("<item/>" + item()))
    assert len(feed.episodes) == 1
    assert [(rejected.index, rejected.code) for rejected in feed.rejected] == [(0, ItemReason.NO_IDENTITY)]


def test_item_within_an_item_is_reported() -> None:
    feed = parse_feed(rss(item("<item><guid>inner</guid></item>")))
    assert [episode.guid for episode in feed.episodes] == ["g1"]
    assert [(rejected.index, rejected.code) for rejected in feed.rejected] == [(None, ItemReason.MISPLACED_ITEM)]


def test_overlong_guid_becomes_its_hash() -> None:
    long = "é" * 501
    feed = parse_feed(rss(item(ENCLOSURE, guid=long)))
    assert feed.episodes[0].guid == f"sha256:{hashlib.sha256(long.encode()).hexdigest()}"
    assert [warning.code for warning in feed.warnings] == [Oddity.LONG_GUID]


def test_items_keep_their_order() -> None:
    feed = parse_feed(rss("".join(item(guid=f"g{number}") for number in (3, 1, 2))))
    assert [episode.guid for episode in feed.episodes] == ["g3", "g1", "g2"]


def test_field_given_twice_counts_once_and_the_first_counts() -> None:
    feed = parse_feed(rss("<item><guid>a</guid><guid>b</guid><title/><title>T</title><title>U</title></item>"))
    assert [(episode.guid, episode.title) for episode in feed.episodes] == [("a", "T")]
