"""What a feed says becomes exactly these values."""

from datetime import UTC, datetime

import pytest

from resolvers.feeds.parser import parse_feed
from resolvers.feeds.reasons import Oddity
from resolvers.feeds.values import EpisodeType, ParsedEpisode, ParsedFeed
from tests.resolvers.feeds.documents import FULL, item, rss

OLD_ITUNES = "https://www.itunes.com/DTDs/Podcast-1.0.dtd/"


def only_episode(body: str, **known: str | None) -> ParsedEpisode:
    (episode,) = parse_feed(rss(item(body, **known))).episodes
    return episode


def codes(feed: ParsedFeed) -> list[Oddity]:
    return [warning.code for warning in feed.warnings]


def test_every_field_of_a_feed_is_read() -> None:
    assert parse_feed(FULL) == ParsedFeed(
        title="Harbour Lights",
        description="Stories &amp; sea",
        author="Ada Quay",
        language="en-GB",
        link="https://harbour.example/",
        image_url="https://harbour.example/cover.png",
        categories=("News", "Daily News", "Arts"),
        explicit=False,
        guid="917393e3-1b1e-5cef-ace4-edaa54e1f810",
        new_feed_url="https://harbour.example/new.xml",
        blocked=True,
        episodes=(
            ParsedEpisode(
                guid="pier-1",
                title="The pier",
                description="<p>Wood &amp; tar</p>",
                published_at=datetime(2020, 12, 16, 3, 15, tzinfo=UTC),
                duration_seconds=3903,
                enclosure_url="https://media.example/pier.mp3",
                enclosure_type="audio/mpeg",
                enclosure_bytes=46838827,
                season=2,
                episode_number=7,
                episode_type=EpisodeType.BONUS,
                explicit=True,
                link="https://harbour.example/pier",
                image_url="https://harbour.example/pier.png",
            ),
        ),
        rejected=(),
        warnings=(),
    )


def test_feed_without_items_has_no_episodes() -> None:
    feed = parse_feed(rss())
    assert (feed.title, feed.episodes, feed.rejected, feed.warnings) == ("Harbour Lights", (), (), ())


def test_owners_name_and_address_appear_nowhere() -> None:
    owner = "<itunes:owner><itunes:name>Bo</itunes:name><itunes:email>bo@x.example</itunes:email></itunes:owner>"
    feed = parse_feed(rss(channel=f"<title>T</title><managingEditor>ed@x.example</managingEditor>{owner}"))
    assert feed.author is None
    assert "x.example" not in repr(feed)


@pytest.mark.parametrize(
    ("written", "author"),
    [
        ("john@x.example (John Doe)", "John Doe"),
        ("Jo Roe &lt;jo@x.example&gt;", "Jo Roe"),
        ("jo@x.example", None),
        ("Ada @ Home", "Ada @ Home"),
    ],
)
def test_author_loses_an_email_address(written: str, author: str | None) -> None:
    assert parse_feed(rss(channel=f"<title>T</title><itunes:author>{written}</itunes:author>")).author == author


def test_itunes_namespace_is_known_under_its_old_addresses() -> None:
    feed = parse_feed(rss(item("<itunes:duration>61</itunes:duration>"), itunes=OLD_ITUNES))
    assert feed.episodes[0].duration_seconds == 61


def test_podcast_namespace_is_known_under_its_old_address() -> None:
    body = (
        b'<rss xmlns:p="https://github.com/Podcastindex-org/podcast-namespace/blob/main/docs/1.0.md">'
        b"<channel><title>T</title><p:guid>abc</p:guid></channel></rss>"
    )
    assert parse_feed(body).guid == "abc"


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("0", None),
        ("3723", 3723),
        ("3723.9", 3723),
        ("62:03", 3723),
        ("01:02:03", 3723),
        ("1:2:3", 3723),
        ("01:02:03.500", 3723),
        ("1h 2m 3s", 3723),
        ("PT1H2M3S", 3723),
        ("62 min", 3720),
    ],
)
def test_duration_is_read_in_every_common_form(written: str, seconds: int | None) -> None:
    feed = parse_feed(rss(item(f"<itunes:duration>{written}</itunes:duration>")))
    assert feed.episodes[0].duration_seconds == seconds
    assert Oddity.BAD_DURATION not in codes(feed)


@pytest.mark.parametrize(
    "written", ["long", "-5", "1:2:3:4", "2678401", "99999999999999999999", "PT", "1:62:", "٣", f"1h{' ' * 16_000}x"]
)
def test_unreadable_duration_is_none_with_a_warning(written: str) -> None:
    feed = parse_feed(rss(item(f"<itunes:duration>{written}</itunes:duration>")))
    assert feed.episodes[0].duration_seconds is None
    assert Oddity.BAD_DURATION in codes(feed)


@pytest.mark.parametrize(
    ("written", "published_at"),
    [
        ("Tue, 15 Dec 2020 19:15:00 GMT", datetime(2020, 12, 15, 19, 15, tzinfo=UTC)),
        ("15 Dec 2020 19:15 EST", datetime(2020, 12, 16, 0, 15, tzinfo=UTC)),
        ("Wed, 15 Dec 2020 19:15:00 +0000", datetime(2020, 12, 15, 19, 15, tzinfo=UTC)),
        ("2020-12-15T19:15:00Z", datetime(2020, 12, 15, 19, 15, tzinfo=UTC)),
        ("2020-12-15T19:15:00+02:00", datetime(2020, 12, 15, 17, 15, tzinfo=UTC)),
        ("2020-12-15 19:15:00", datetime(2020, 12, 15, 19, 15, tzinfo=UTC)),
        ("Tue, 1 Jan 80 00:00:00 GMT", datetime(1980, 1, 1, tzinfo=UTC)),
        ("Κυρ, 11 Ιούλ 2004 12:00:00 EST", datetime(2004, 7, 11, 17, 0, tzinfo=UTC)),  # noqa: RUF001  # Greek
        ("Fri, 2006/09/15 08:19:53 EDT", datetime(2006, 9, 15, 12, 19, 53, tzinfo=UTC)),
        ("Thursday, September 5, 2019 10:30 PM", datetime(2019, 9, 5, 22, 30, tzinfo=UTC)),
        ("Thu, 5 Sep 2019 12:30 a.m. EST", datetime(2019, 9, 5, 5, 30, tzinfo=UTC)),
        ("Thurs, 5 Sept 2019 10:00:00 EST", datetime(2019, 9, 5, 15, 0, tzinfo=UTC)),
        ("Tue, 15 Dec 2020 23:59:60 GMT", datetime(2020, 12, 15, 23, 59, 59, tzinfo=UTC)),
        ("Tue,\n 15 Dec 2020 19:15:00 GMT", datetime(2020, 12, 15, 19, 15, tzinfo=UTC)),
        ("2020-12-15", datetime(2020, 12, 15, tzinfo=UTC)),
    ],
)
def test_date_is_read_in_many_forms(written: str, published_at: datetime) -> None:
    assert only_episode(f"<pubDate>{written}</pubDate>").published_at == published_at


@pytest.mark.parametrize(
    "written",
    [
        "yesterday",
        "10:00",
        "1607990000",
        "Tue, 31 Feb 2020 10:00:00 GMT",
        "Tue, 15 Dec 0000 10:00:00 GMT",
        "Tue, 15 Dec 2020 10:00:00 +9999",
        "0001-01-01T00:00:00+14:00",
        "2020-02-30",
        "2020-13-45",
        "2019/09/05 10:00",
        "2004-05-28 \uc624\ud6c4 11:31:15",
        "Κυρ, 11 Ιούλ 99999 12:00:00 EST",  # noqa: RUF001  # Greek
        "99999-01-01",
        "--",
    ],
)
def test_impossible_date_is_none_with_a_warning(written: str) -> None:
    feed = parse_feed(rss(item(f"<pubDate>{written}</pubDate>")))
    assert feed.episodes[0].published_at is None
    assert Oddity.BAD_DATE in codes(feed)


@pytest.mark.parametrize(("length", "expected"), [("0", None), ("12", 12), ("", None), ("12 MB", None), ("-1", None)])
def test_enclosure_length_zero_absent_or_wrong_is_none(length: str, expected: int | None) -> None:
    episode = only_episode(f'<enclosure url="https://m.example/a.mp3" length="{length}" type="audio/mpeg"/>')
    assert episode.enclosure_bytes == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("audio/mp3", "audio/mpeg"),
        ("Audio/MPEG; a=b", "audio/mpeg"),
        ("audio/x-m4a", "audio/mp4"),
        ("mp3", "audio/mpeg"),
    ],
)
def test_enclosure_type_is_normalised(written: str, expected: str) -> None:
    episode = only_episode(f'<enclosure url="https://m.example/a.mp3?x=1" type="{written}"/>')
    assert episode.enclosure_type == expected


def test_item_without_enclosure_is_kept() -> None:
    feed = parse_feed(rss(item()))
    assert (feed.episodes[0].enclosure_url, feed.episodes[0].enclosure_type) == (None, None)
    assert codes(feed) == [Oddity.NO_ENCLOSURE]


def test_first_audio_of_several_enclosures_is_taken() -> None:
    feed = parse_feed(
        rss(item('<enclosure url="https://m.example/a.pdf"/><enclosure url="https://m.example/b" type="audio/ogg"/>'))
    )
    assert feed.episodes[0].enclosure_url == "https://m.example/b"
    assert codes(feed) == [Oddity.MANY_ENCLOSURES]


@pytest.mark.parametrize(
    ("written", "expected"),
    [("yes", True), ("True", True), ("explicit", True), ("no", False), ("clean", False), ("false", False), ("?", None)],
)
def test_explicit_is_read_in_all_its_spellings(written: str, expected: bool | None) -> None:
    assert only_episode(f"<itunes:explicit>{written}</itunes:explicit>").explicit is expected


@pytest.mark.parametrize(
    ("written", "expected"), [("7", 7), ("0", 0), ("1.5", None), ("x", None), ("9999999999", None)]
)
def test_episode_number_is_a_whole_number_or_none(written: str, expected: int | None) -> None:
    assert only_episode(f"<itunes:episode>{written}</itunes:episode>").episode_number == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("/pier", "https://harbour.example/pier"),
        ("http://a.example/my file.mp3", "http://a.example/my%20file.mp3"),
        ("http://bücher.example/é?q=ü", "http://xn--bcher-kva.example/%C3%A9?q=%C3%BC"),
        ("HTTPS://a.example/", "https://a.example/"),
        ("javascript:alert(1)", None),
        ("ftp://a.example/x", None),
        ("http://[bad/", None),
        ("http://a.example:99999/", None),
        ("http://" + "a" * 2_100, None),
    ],
)
def test_link_is_an_absolute_web_address_or_none(written: str, expected: str | None) -> None:
    feed = parse_feed(rss(item(f"<link>{written}</link>")), base_url="https://harbour.example/feed.xml")
    assert feed.episodes[0].link == expected
    assert (Oddity.BAD_URL in codes(feed)) == (expected is None)


def test_guid_that_is_a_permalink_serves_as_the_link() -> None:
    (episode,) = parse_feed(rss("<item><guid>https://harbour.example/p</guid></item>")).episodes
    assert (episode.guid, episode.link) == ("https://harbour.example/p", "https://harbour.example/p")


def test_long_title_is_cut_with_a_warning() -> None:
    feed = parse_feed(rss(item("<enclosure url='https://m.example/a.mp3'/>", title="x" * 501)))
    assert feed.episodes[0].title == "x" * 500
    assert codes(feed) == [Oddity.LONG_TEXT]


def test_missing_titles_are_stood_in_for() -> None:
    feed = parse_feed(rss(item(title=None), channel=""))
    assert (feed.title, feed.episodes[0].title) == ("Untitled podcast", "Untitled episode")
    assert codes(feed).count(Oddity.MISSING_TITLE) == 2


def test_control_characters_and_nul_are_removed() -> None:
    feed = parse_feed(rss(item(title="a\x00b\x0bc&#0;d&#x1F;e\x85f&#150;g")))
    assert feed.episodes[0].title == "abcde\u2026f\u2013g"
    assert {Oddity.CONTROL_CHARACTERS, Oddity.BAD_ENTITY} <= set(codes(feed))


def test_description_markup_is_kept_as_published() -> None:
    markup = '<p onclick="x()">A<script>b</script></p>'
    assert only_episode(f"<description><![CDATA[{markup}]]></description>").description == markup


def test_description_with_unescaped_markup_is_kept() -> None:
    body = "<description>See <b class='k'>R&amp;D</b><br/>now</description>"
    assert only_episode(body).description == 'See <b class="k">R&amp;D</b><br>now'


def test_description_falls_back_to_content_then_summary() -> None:
    assert only_episode("<itunes:summary>S</itunes:summary><content:encoded>C</content:encoded>").description == "C"
    assert only_episode("<itunes:summary>S</itunes:summary>").description == "S"


def test_atom_feed_is_read() -> None:
    body = b"""<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="de">
      <title>Licht</title><subtitle>Am Hafen</subtitle><author><name>Ada</name><email>a@x.example</email></author>
      <link rel="self" href="https://a.example/feed"/><link href="https://a.example/"/>
      <entry><id>urn:1</id><title>Eins</title><published>2020-01-02T03:04:05Z</published>
        <updated>2021-01-02T03:04:05Z</updated><link rel="related" href="https://b.example/"/>
        <link rel="enclosure" href="https://a.example/1.ogg" type="audio/ogg" length="9"/>
        <content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">Hallo <i>Welt</i></div></content></entry>
      </feed>"""
    feed = parse_feed(body)
    assert (feed.title, feed.description, feed.author) == ("Licht", "Am Hafen", "Ada")
    assert (feed.language, feed.link) == ("de", "https://a.example/")
    (episode,) = feed.episodes
    assert (episode.guid, episode.title, episode.link) == ("urn:1", "Eins", None)
    assert episode.published_at == datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert (episode.enclosure_url, episode.enclosure_type) == ("https://a.example/1.ogg", "audio/ogg")
    assert (episode.enclosure_bytes, episode.description) == (9, "<div>Hallo <i>Welt</i></div>")
    assert feed.warnings == ()


def test_rss_1_0_feed_is_read() -> None:
    body = b"""<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
      xmlns:dc="http://purl.org/dc/elements/1.1/"><channel rdf:about="x"><title>Old</title><dc:creator>Ada</dc:creator>
      <items><rdf:Seq><rdf:li resource="u:1"/></rdf:Seq></items></channel>
      <item rdf:about="u:1"><title>One</title><link>https://a.example/1</link><dc:date>2003-12-13T18:30:02Z</dc:date></item>
      </rdf:RDF>"""
    feed = parse_feed(body)
    (episode,) = feed.episodes
    assert (feed.title, feed.author) == ("Old", "Ada")
    assert (episode.guid, episode.title, episode.link) == ("u:1", "One", "https://a.example/1")
    assert episode.published_at == datetime(2003, 12, 13, 18, 30, 2, tzinfo=UTC)


def test_categories_without_itunes_are_those_of_the_feed() -> None:
    feed = parse_feed(rss(channel="<title>T</title><category>Sea</category><category>Land</category>"))
    assert feed.categories == ("Sea", "Land")
