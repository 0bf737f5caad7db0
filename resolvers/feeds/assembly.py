"""From what was read of a feed to its values: which of several fields counts, and what stands in for a missing one."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from resolvers.feeds import reading
from resolvers.feeds.dates import moment
from resolvers.feeds.identity import GUID_LIMIT, identity, is_long
from resolvers.feeds.reasons import ItemReason, Oddity
from resolvers.feeds.text import Warn
from resolvers.feeds.values import ParsedEpisode, ParsedFeed, RejectedItem

Verbatim = Mapping[str, str]
"""Fields as published, by the names of `resolvers.feeds.vocabulary`."""

Interpreted = Mapping[str, Any]
"""What feedparser made of the other fields of a feed or an item."""

_MOST_CATEGORIES = 50


def assembled_feed(
    verbatim: Verbatim,
    interpreted: Interpreted,
    episodes: Sequence[ParsedEpisode],
    rejected: Sequence[RejectedItem],
    *,
    base_url: str | None,
    warn: Warn,
) -> ParsedFeed:
    """The feed, with `warnings` still to be filled in."""
    title = reading.line(_first(verbatim, "title"), reading.TITLE_LIMIT, "the feed's title", warn)
    if title is None:
        warn(Oddity.MISSING_TITLE, "the feed has no title")
    image = _first(verbatim, "image", "rssimage")
    return ParsedFeed(
        title=title or "Untitled podcast",
        description=_description(verbatim, "the feed's description", warn),
        author=reading.name_without_address(_first(verbatim, "author", "person"), "the author", warn),
        language=reading.language(_first(verbatim, "language", "dclanguage", "xmllanguage")),
        link=reading.web_address(interpreted.get("link"), base_url, "the feed's link", warn),
        image_url=reading.web_address(image, base_url, "the feed's image", warn),
        categories=_categories(interpreted, warn),
        explicit=reading.yes_or_no(_first(verbatim, "explicit")),
        guid=reading.line(_first(verbatim, "feedguid"), reading.NAME_LIMIT, "the feed's guid", warn),
        new_feed_url=reading.web_address(_first(verbatim, "newfeedurl"), base_url, "the new feed URL", warn),
        blocked=reading.yes_or_no(_first(verbatim, "block")) is True,
        episodes=tuple(episodes),
        rejected=tuple(rejected),
        warnings=(),
    )


def assembled_item(
    index: int, verbatim: Verbatim, interpreted: Interpreted, *, base_url: str | None, warn: Warn
) -> ParsedEpisode | RejectedItem:
    """The item as an episode, or the reason why it cannot be one."""
    title = reading.line(_first(verbatim, "title", "itunestitle"), reading.TITLE_LIMIT, "the title", warn)
    enclosure = _enclosure(interpreted, warn)
    enclosure_url = reading.web_address(enclosure.get("href"), base_url, "the enclosure's URL", warn)
    link = reading.web_address(_link(interpreted), base_url, "the link", warn)
    date = _first(verbatim, "pubDate", "updated")
    published_at = _published_at(verbatim, interpreted)
    if date is not None and published_at is None:
        warn(Oddity.BAD_DATE, f"the date {date.strip()[:60]!r} cannot be read")
    guid = reading.text(_first(verbatim, "guid", "about"), 1 << 20, "the guid", warn)
    known_as = identity(guid, enclosure_url, link, title, date)
    if known_as is None:
        message = "the item has no guid, enclosure, link, title or date, so it could not be recognised again"
        return RejectedItem(index=index, guid=None, title=None, code=ItemReason.NO_IDENTITY, message=message)
    _warn_of_gaps(guid, title, enclosure_url, warn)
    season = _first(verbatim, "season", "podcastseason")
    number = _first(verbatim, "episode", "podcastepisode")
    return ParsedEpisode(
        guid=known_as,
        title=title or "Untitled episode",
        description=_description(verbatim, "the description", warn),
        published_at=published_at,
        duration_seconds=reading.duration_seconds(_first(verbatim, "duration"), warn),
        enclosure_url=enclosure_url,
        enclosure_type=reading.media_type(enclosure.get("type"), enclosure_url) if enclosure_url is not None else None,
        enclosure_bytes=reading.byte_count(enclosure.get("length"), warn) if enclosure_url is not None else None,
        season=reading.ordinal(season, "season", warn),
        episode_number=reading.ordinal(number, "episode number", warn),
        episode_type=reading.episode_type(_first(verbatim, "episodetype")),
        explicit=reading.yes_or_no(_first(verbatim, "explicit")),
        link=link,
        image_url=reading.web_address(_first(verbatim, "image"), base_url, "the image's URL", warn),
    )


def _warn_of_gaps(guid: str | None, title: str | None, enclosure_url: str | None, warn: Warn) -> None:
    if guid is None:
        warn(Oddity.NO_GUID, "the item has no guid; it is known by its enclosure, link, or title and date")
    elif is_long(guid):
        warn(Oddity.LONG_GUID, f"the guid is longer than {GUID_LIMIT} bytes; its hash stands for it")
    if title is None:
        warn(Oddity.MISSING_TITLE, "the item has no title")
    if enclosure_url is None:
        warn(Oddity.NO_ENCLOSURE, "the item has no enclosure, so it cannot be downloaded")


def _published_at(verbatim: Verbatim, interpreted: Interpreted) -> datetime | None:
    published = moment(verbatim.get("pubDate", ""), interpreted.get("published_parsed"))
    return published or moment(verbatim.get("updated", ""), interpreted.get("updated_parsed"))


def _link(interpreted: Interpreted) -> str | None:
    """The item's link; a guid stands in for it only if it is a web address, whatever isPermaLink says."""
    link = interpreted.get("link")
    if not isinstance(link, str):
        return None
    return link if not interpreted.get("guidislink") or link.lower().startswith(("http://", "https://")) else None


def _enclosure(interpreted: Interpreted, warn: Warn) -> Mapping[str, Any]:
    """The first enclosure that is audio or video, else the first; empty if there is none."""
    links = [link for link in interpreted.get("links", ()) if link.get("rel") == "enclosure" and link.get("href")]
    if len(links) > 1:
        warn(Oddity.MANY_ENCLOSURES, f"the item has {len(links)} enclosures; the first audio or video was taken")
    heard = (link for link in links if str(link.get("type", "")).lower().startswith(("audio/", "video/")))
    return next(heard, links[0] if links else {})


def _description(verbatim: Verbatim, name: str, warn: Warn) -> str | None:
    written = _first(verbatim, "description", "content", "summary")
    return reading.text(written, reading.DESCRIPTION_LIMIT, name, warn)


def _categories(interpreted: Interpreted, warn: Warn) -> tuple[str, ...]:
    """iTunes' categories and subcategories in their order, or, if there are none, whatever the feed has."""
    tags = interpreted.get("tags", ())
    itunes = [tag.get("term") for tag in tags if tag.get("scheme") == "http://www.itunes.com/"]
    terms = itunes or [tag.get("label") or tag.get("term") for tag in tags]
    names = [reading.line(term, 200, "a category", warn) for term in terms]
    return tuple(dict.fromkeys(name for name in names if name is not None))[:_MOST_CATEGORIES]


def _first(verbatim: Verbatim, *names: str) -> str | None:
    return next((value for name in names if (value := verbatim.get(name, "")).strip()), None)


def misplaced_items(count: int) -> list[RejectedItem]:
    """One entry for each of `count` items found where a feed has none."""
    message = "an item outside the feed's list of items was left out"
    item = RejectedItem(index=None, guid=None, title=None, code=ItemReason.MISPLACED_ITEM, message=message)
    return [item] * count
