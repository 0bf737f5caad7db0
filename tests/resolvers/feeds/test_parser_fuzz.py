"""Whatever the bytes, a feed comes out or FeedRejected: nothing else, and soon."""

from datetime import timedelta

from hypothesis import example, given, settings
from hypothesis import strategies as st

from resolvers.errors import FeedRejected
from resolvers.feeds.parser import parse_feed
from resolvers.feeds.reasons import Reason
from resolvers.feeds.values import ParsedFeed
from tests.resolvers.feeds.documents import FULL, item, rss

SEEDS = (
    FULL,
    rss(item("<description>a & b&nbsp;<p>c</p></description>") + "<item/>"),
    FULL.decode().replace("UTF-8", "UTF-16").encode("utf-16"),
    b'<feed xmlns="http://www.w3.org/2005/Atom"><title>T</title><entry><id>1</id><link href="http://a/"/></entry></feed>',
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><channel/><item rdf:about="x"/></rdf:RDF>',
)
PIECES = (
    *(b"<", b">", b"&", b"<![CDATA[", b"]]>", b"<!--", b"-->", b"<?", b"?>", b"\x00", b"\xff", b"&#0;", b"&#xD800;"),
    *(b"&nbsp;", b"<item>", b"</item>", b"<channel>", b"</channel>", b"<!DOCTYPE rss [", b"<!ENTITY a 'b'>", b"&a;"),
    *(b'xmlns:itunes="x"', b"<svg>", b"</svg>", b"<image>", b"</image>", b"<textinput>", b"<source>", b"<link>"),
    *(
        b"<title>",
        b"</title>",
        b"<guid>",
        b"<pubDate>99 Foo 99999999999</pubDate>",
        b"<a:b/>",
        b"\xe2\x80",
        b"99:99:99",
    ),
    *(b"<category/>", b"<enclosure url='http://[::'/>", b"<link>http://\xc3\xa9\xe2\x80\xae..</link>", b"&#x10FFFF;"),
)
QUICK = settings(max_examples=300, deadline=timedelta(seconds=2))


@st.composite
def mutated_feeds(draw: st.DrawFn) -> bytes:
    body = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(body)))
        match draw(st.sampled_from(["flip", "cut", "insert", "insert", "repeat", "truncate"])):
            case "flip" if start < len(body):
                body[start] ^= 1 << draw(st.integers(0, 7))
            case "cut":
                del body[start : start + draw(st.integers(1, 40))]
            case "insert":
                body[start:start] = draw(st.sampled_from(PIECES) | st.binary(max_size=8))
            case "repeat":
                body[start:start] = body[start : start + draw(st.integers(1, 200))] * 2
            case _:
                del body[max(start, len(body) // 2) :]
    return bytes(body)


def accounted_for(body: bytes) -> None:
    try:
        feed = parse_feed(body, base_url="https://a.example/feed")
    except FeedRejected as refusal:
        Reason(refusal.reason)  # raises ValueError for a code that is not one of ours
        return
    assert type(feed) is ParsedFeed
    assert "\x00" not in repr(feed)
    assert len({episode.guid for episode in feed.episodes}) == len(feed.episodes)


@QUICK
@given(st.binary(max_size=400))
@example(b"<rss><channel><item><link>http://\xe2\x84\xaa[</link></item></channel></rss>")
def test_arbitrary_bytes_are_a_feed_or_refused(body: bytes) -> None:
    accounted_for(body)


@QUICK
@given(mutated_feeds())
def test_mutated_feed_is_a_feed_or_refused(body: bytes) -> None:
    accounted_for(body)


@QUICK
@given(st.text(max_size=200))
def test_text_of_every_kind_is_kept_or_refused_in_every_field(text: str) -> None:
    safe = text.replace("]]>", "").encode("utf-8", "replace").decode()
    fields = ("title", "link", "guid", "description", "pubDate", "itunes:duration", "itunes:episode", "itunes:author")
    body = "".join(f"<{field}><![CDATA[{safe}]]></{field}>" for field in fields)
    accounted_for(rss(f"<item>{body}</item>", channel=body))


@QUICK
@given(st.sampled_from(SEEDS[:1]), st.integers(min_value=0))
def test_truncated_feed_never_passes_for_a_shorter_one(body: bytes, end: int) -> None:
    whole = body.rstrip()
    try:
        parse_feed(whole[: end % len(whole)])
    except FeedRejected:
        return
    raise AssertionError("a truncated feed was accepted")
