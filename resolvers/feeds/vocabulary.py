"""Which elements of RSS, RSS 1.0 and Atom feeds are read, and who reads them.

Dates, links, guids, enclosures and categories go to feedparser, which knows what publishers mean by them. All other
values are kept word for word: feedparser would lose some of them (itunes:explicit: "no" and "true" both become None; a
channel's description: overwritten by itunes:subtitle; podcast:season: dropped if it has an attribute).
"""

from collections.abc import Mapping
from enum import Enum, auto
from types import MappingProxyType

import msgspec


class Shape(Enum):
    """What is kept of an element. Word for word:"""

    TEXT = auto()
    """Its text and that of its children, in one piece."""
    MARKUP = auto()
    """Its text; children that should have been escaped are escaped."""
    VALUE = auto()
    """One attribute, as if it were the element's text."""
    IMAGE = auto()
    """Its url child."""
    PERSON = auto()
    """Its name child: RSS's author is an e-mail address, Atom's is a structure."""

    # For feedparser:
    DATE = auto()
    """Its text."""
    ATTRIBUTES = auto()
    """Its attributes and text."""
    CATEGORIES = auto()
    """One attribute, and the same of the categories within."""


class Field(msgspec.Struct, frozen=True):
    """`name`: under which a value is kept, or the tag that feedparser sees. `limit`: most characters of text kept.

    Of fields of one name in one place the first `most` that are not empty count.
    """

    shape: Shape
    name: str
    attributes: tuple[str, ...] = ()
    limit: int = 16_384
    most: int = 1

    @property
    def interpreted(self) -> bool:
        """True if feedparser is to read it."""
        return self.shape in (Shape.DATE, Shape.ATTRIBUTES, Shape.CATEGORIES)


Fields = Mapping[tuple[str, str], Field]

_NAMESPACES = MappingProxyType(
    {
        "": "",
        "backend.userland.com/rss": "",
        "backend.userland.com/rss2": "",
        "blogs.law.harvard.edu/tech/rss": "",
        "cyber.law.harvard.edu/rss/rss.html": "",
        "purl.org/rss/1.0": "",
        "purl.org/rss/1.0/modules/rss091#": "",
        "my.netscape.com/rdf/simple/0.9": "",
        "purl.org/rss/2.0": "",
        "purl.org/atom/ns#": "atom",
        "www.w3.org/2005/atom": "atom",
        "www.itunes.com/dtds/podcast-1.0.dtd": "itunes",
        "itunes.com/dtds/podcast-1.0.dtd": "itunes",
        "podcastindex.org/namespace/1.0": "podcast",
        "github.com/podcastindex-org/podcast-namespace/blob/main/docs/1.0.md": "podcast",
        "github.com/podcastindex-org/podcast-namespace/blob/master/docs/1.0.md": "podcast",
        "purl.org/rss/1.0/modules/content": "content",
        "purl.org/dc/elements/1.1": "dc",
        "purl.org/dc/terms": "dc",
        "www.w3.org/1999/02/22-rdf-syntax-ns#": "rdf",
    }
)


def family(uri: str) -> str | None:
    """The vocabulary a namespace belongs to, under any of the addresses it has had; None for all others."""
    return _NAMESPACES.get(uri.strip().lower().removeprefix("https://").removeprefix("http://").rstrip("/"))


_LINK = Field(Shape.ATTRIBUTES, "link", ("href", "rel", "type", "length"), limit=8_192, most=4)
_CATEGORY = Field(Shape.ATTRIBUTES, "category", ("term", "label"), limit=200, most=50)
_ITUNES_CATEGORY = Field(Shape.CATEGORIES, "itunes:category", ("text",), limit=0, most=50)
_IMAGE = Field(Shape.VALUE, "image", ("href", "url"))
_DESCRIPTION = Field(Shape.MARKUP, "description", limit=1_000_000)
_CONTENT = Field(Shape.MARKUP, "content", limit=1_000_000)
_SUMMARY = Field(Shape.MARKUP, "summary", limit=1_000_000)
_PUBLISHED = Field(Shape.DATE, "pubDate", limit=100)
_UPDATED = Field(Shape.DATE, "updated", limit=100)
_AUTHOR = Field(Shape.PERSON, "person")


def _text(name: str) -> Field:
    return Field(Shape.TEXT, f"{name}")


FEED_FIELDS: Fields = MappingProxyType(
    {
        ("", "title"): _text("title"),
        ("", "link"): _LINK,
        ("", "description"): _DESCRIPTION,
        ("", "subtitle"): _DESCRIPTION,
        ("", "tagline"): _DESCRIPTION,
        ("", "language"): _text("language"),
        ("dc", "language"): _text("dclanguage"),
        ("", "image"): Field(Shape.IMAGE, "rssimage"),
        ("", "logo"): _text("rssimage"),
        ("", "author"): _AUTHOR,
        ("dc", "creator"): _text("person"),
        ("", "category"): _CATEGORY,
        ("itunes", "category"): _ITUNES_CATEGORY,
        ("itunes", "author"): _text("author"),
        ("itunes", "summary"): _SUMMARY,
        ("itunes", "image"): _IMAGE,
        ("itunes", "explicit"): _text("explicit"),
        ("itunes", "block"): _text("block"),
        ("itunes", "new-feed-url"): _text("newfeedurl"),
        ("podcast", "guid"): _text("feedguid"),
    }
)

ITEM_FIELDS: Fields = MappingProxyType(
    {
        ("", "title"): _text("title"),
        ("itunes", "title"): _text("itunestitle"),
        ("", "link"): _LINK,
        ("", "description"): _DESCRIPTION,
        ("", "summary"): _SUMMARY,
        ("", "content"): _CONTENT,
        ("content", "encoded"): _CONTENT,
        ("itunes", "summary"): _SUMMARY,
        ("", "guid"): Field(Shape.ATTRIBUTES, "guid", ("isPermaLink",)),
        ("", "id"): Field(Shape.ATTRIBUTES, "guid"),
        ("", "pubdate"): _PUBLISHED,
        ("", "published"): _PUBLISHED,
        ("", "issued"): _PUBLISHED,
        ("", "updated"): _UPDATED,
        ("", "modified"): _UPDATED,
        ("dc", "date"): _UPDATED,
        ("", "enclosure"): Field(Shape.ATTRIBUTES, "enclosure", ("url", "href", "length", "type"), limit=0, most=4),
        ("itunes", "duration"): _text("duration"),
        ("itunes", "season"): _text("season"),
        ("itunes", "episode"): _text("episode"),
        ("podcast", "season"): _text("podcastseason"),
        ("podcast", "episode"): _text("podcastepisode"),
        ("itunes", "episodetype"): _text("episodetype"),
        ("itunes", "explicit"): _text("explicit"),
        ("itunes", "image"): _IMAGE,
    }
)
