"""What a feed says, as plain values: nothing here knows XML, HTTP or the database."""

from datetime import datetime
from enum import StrEnum

import msgspec

from resolvers.feeds.reasons import ItemReason, Oddity


class EpisodeType(StrEnum):
    FULL = "FULL"
    TRAILER = "TRAILER"
    BONUS = "BONUS"


class ParsedEpisode(msgspec.Struct, frozen=True):
    """One item of a feed.

    `guid` is the item's identity within its feed, whatever it was made of (see `resolvers.feeds.identity`).
    `description` is the publisher's markup, unsanitised: whoever shows it as HTML must sanitise it first.
    `published_at` is aware and in UTC. `enclosure_bytes` is None where the feed says 0, nothing or nonsense.
    An episode without an `enclosure_url` cannot be downloaded; it is kept all the same.
    Every text is free of NUL and other control characters except tab and line feed.
    """

    guid: str
    title: str
    description: str | None
    published_at: datetime | None
    duration_seconds: int | None
    enclosure_url: str | None
    enclosure_type: str | None
    enclosure_bytes: int | None
    season: int | None
    episode_number: int | None
    episode_type: EpisodeType
    explicit: bool | None
    link: str | None
    image_url: str | None


class RejectedItem(msgspec.Struct, frozen=True):
    """An item that is not among the episodes. `index` counts the file's items from 0; None: not in a list of items."""

    index: int | None
    guid: str | None
    title: str | None
    code: ItemReason
    message: str


class FeedWarning(msgspec.Struct, frozen=True):
    """Something mended or left out; `index` is the item it concerns, None the feed as a whole."""

    code: Oddity
    message: str
    index: int | None = None


class ParsedFeed(msgspec.Struct, frozen=True):
    """A whole feed: `len(episodes) + len(rejected)` is the number of items in the file.

    `episodes` are in the order of the file. `description` is unsanitised, as in ParsedEpisode. `guid` is
    podcast:guid. `new_feed_url` is where the publisher says the feed has moved; nobody has followed it.
    `blocked` is itunes:block: the publisher asks not to be listed in directories.
    The owner's name and e-mail address are personal data and left out.
    """

    title: str
    description: str | None
    author: str | None
    language: str | None
    link: str | None
    image_url: str | None
    categories: tuple[str, ...]
    explicit: bool | None
    guid: str | None
    new_feed_url: str | None
    blocked: bool
    episodes: tuple[ParsedEpisode, ...]
    rejected: tuple[RejectedItem, ...]
    warnings: tuple[FeedWarning, ...]


class ParseLimits(msgspec.Struct, frozen=True):
    """What a feed may cost: counts, except `token_bytes` (one tag, comment or processing instruction, in bytes)."""

    items: int = 50_000
    elements: int = 2_000_000
    depth: int = 100
    token_bytes: int = 1 << 20
    repairs: int = 10_000
    warnings: int = 500
