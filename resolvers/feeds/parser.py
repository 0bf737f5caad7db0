"""A feed's bytes to values: decode, vet, mend, reduce, then let feedparser say what dates and links mean.

Pure and synchronous; the caller runs it in a thread.
"""

import io
from functools import partial
from typing import Final
from xml.parsers import expat

import feedparser  # type: ignore[import-untyped]  # ships no annotations
import msgspec

from resolvers.errors import FeedRejected
from resolvers.feeds.assembly import assembled_feed, assembled_item, misplaced_items
from resolvers.feeds.identity import without_duplicates
from resolvers.feeds.prolog import root_onwards
from resolvers.feeds.reasons import Oddity, Reason
from resolvers.feeds.repair import with_entities_mended, with_prefixes_declared
from resolvers.feeds.screen import NotWellFormed, Screened, screened
from resolvers.feeds.text import Warn, feed_text
from resolvers.feeds.values import FeedWarning, ParsedEpisode, ParsedFeed, ParseLimits, RejectedItem

DEFAULT_LIMITS: Final = ParseLimits()

_UNFINISHED = frozenset(
    expat.errors.codes[message]
    for message in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
    )
)
_UNBOUND_PREFIX = expat.errors.codes[expat.errors.XML_ERROR_UNBOUND_PREFIX]


def parse_feed(
    body: bytes,
    *,
    content_type: str | None = None,
    base_url: str | None = None,
    limits: ParseLimits = DEFAULT_LIMITS,
) -> ParsedFeed:
    """An RSS, RSS 1.0 or Atom feed as values: every item of the file is an episode or is rejected with its reason.

    `content_type` is the HTTP header, which may name the encoding. `base_url` (where the feed was found) makes
    relative links absolute.

    Raises FeedRejected, and nothing else: NOT_A_FEED, XML_ENTITIES, MALFORMED (also: not whole), TOO_COMPLEX,
    TOO_MANY_ITEMS. The caller bounds the length of `body`; time and memory are linear in it (figures: ADR 0005).
    """
    warnings = _Warnings(limits.warnings)
    text = root_onwards(feed_text(body, content_type, warnings.add), warnings.add)
    screen = _reduced(text, limits, warnings.add)
    found = feedparser.parse(
        io.BytesIO(screen.document),
        response_headers={"content-type": "application/xml; charset=utf-8"},
        resolve_relative_uris=False,
        sanitize_html=False,
    )
    if len(found.entries) != len(screen.items):
        raise FeedRejected(Reason.MALFORMED, "the feed's items cannot be told apart")
    read: list[tuple[int, ParsedEpisode]] = []
    rejected: list[RejectedItem] = []
    for index, (verbatim, interpreted) in enumerate(zip(screen.items, found.entries, strict=True)):
        warn = partial(warnings.add, index=index)
        item = assembled_item(index, verbatim, dict(interpreted.items()), base_url=base_url, warn=warn)
        if isinstance(item, RejectedItem):
            rejected.append(item)
        else:
            read.append((index, item))
    episodes, duplicates = without_duplicates(read)
    rejected = sorted([*rejected, *duplicates], key=lambda item: item.index or 0)
    rejected.extend(misplaced_items(screen.misplaced))
    interpreted = dict(found.feed.items())
    feed = assembled_feed(screen.feed, interpreted, episodes, rejected, base_url=base_url, warn=warnings.add)
    return msgspec.structs.replace(feed, warnings=warnings.all())


def _reduced(text: str, limits: ParseLimits, warn: Warn) -> Screened:
    """The screened document, after at most one repair of each kind."""
    mended = declared = False
    while True:
        try:
            screen = screened(text, limits)
        except NotWellFormed as error:
            if error.code in _UNFINISHED:
                raise FeedRejected(Reason.MALFORMED, "the feed ends in the middle") from error
            if error.code == _UNBOUND_PREFIX and not declared:
                text, declared = with_prefixes_declared(text, limits.repairs, warn), True
            elif error.code != _UNBOUND_PREFIX and not mended:
                text, mended = with_entities_mended(text, limits.repairs, warn), True
            else:
                raise FeedRejected(Reason.MALFORMED, f"the feed is not well-formed: {error}") from error
        else:
            if screen.trailing:
                warn(Oddity.TRAILING_CONTENT, "what follows the end of the feed was ignored")
            return screen


class _Warnings:
    """The warnings of one reading, at most `limit` of them, and how many more there were."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: list[FeedWarning] = []
        self._more = 0

    def add(self, code: Oddity, message: str, index: int | None = None) -> None:
        if len(self._kept) < self._limit:
            self._kept.append(FeedWarning(code=code, message=message, index=index))
        else:
            self._more += 1

    def all(self) -> tuple[FeedWarning, ...]:
        if not self._more:
            return tuple(self._kept)
        return (*self._kept, FeedWarning(code=Oddity.MORE_WARNINGS, message=f"and {self._more} more warnings"))
