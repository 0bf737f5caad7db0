"""Feeds written for these tests."""

ITUNES = "http://www.itunes.com/dtds/podcast-1.0.dtd"
PODCAST = "https://podcastindex.org/namespace/1.0"
CONTENT = "http://purl.org/rss/1.0/modules/content/"


def rss(items: str = "", channel: str = "<title>Harbour Lights</title>", *, itunes: str = ITUNES) -> bytes:
    """An RSS 2.0 feed of one channel."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<rss version="2.0" xmlns:itunes="{itunes}" xmlns:podcast="{PODCAST}" xmlns:content="{CONTENT}">'
        f"<channel>{channel}{items}</channel></rss>\n"
    ).encode()


def item(body: str = "", *, guid: str | None = "g1", title: str | None = "One") -> str:
    """An item with a guid and a title, and `body` besides."""
    known = "" if guid is None else f'<guid isPermaLink="false">{guid}</guid>'
    named = "" if title is None else f"<title>{title}</title>"
    return f"<item>{known}{named}{body}</item>"


FULL = rss(
    channel="""
    <title>Harbour
      Lights</title>
    <link>https://harbour.example/</link>
    <description>Stories &amp;amp; sea</description>
    <itunes:subtitle>A shorter text</itunes:subtitle>
    <itunes:summary>Another text</itunes:summary>
    <language>en_GB</language>
    <itunes:author>Ada Quay</itunes:author>
    <itunes:owner><itunes:name>Ada Quay</itunes:name><itunes:email>ada@harbour.example</itunes:email></itunes:owner>
    <image><url>https://harbour.example/old.png</url><title>x</title></image>
    <itunes:image href="https://harbour.example/cover.png"/>
    <itunes:category text="News"><itunes:category text="Daily News"/></itunes:category>
    <itunes:category text="Arts"/>
    <itunes:explicit>false</itunes:explicit>
    <itunes:block>Yes</itunes:block>
    <itunes:new-feed-url>https://harbour.example/new.xml</itunes:new-feed-url>
    <podcast:guid>917393e3-1b1e-5cef-ace4-edaa54e1f810</podcast:guid>
    <podcast:liveItem><title>Live</title><link>https://harbour.example/live</link><guid>live</guid></podcast:liveItem>
    """,
    items="""
    <item>
      <title>The pier</title>
      <guid isPermaLink="false">pier-1</guid>
      <link>https://harbour.example/pier</link>
      <description><![CDATA[<p>Wood &amp; tar</p>]]></description>
      <content:encoded><![CDATA[<p>Longer</p>]]></content:encoded>
      <pubDate>Tue, 15 Dec 2020 19:15:00 -0800</pubDate>
      <enclosure url="https://media.example/pier.mp3" length="46838827" type="audio/mp3"/>
      <itunes:duration>1:05:03</itunes:duration>
      <podcast:season name="Second">2</podcast:season>
      <itunes:episode>7</itunes:episode>
      <itunes:episodeType>bonus</itunes:episodeType>
      <itunes:explicit>yes</itunes:explicit>
      <itunes:image href="https://harbour.example/pier.png"/>
    </item>
    """,
)
