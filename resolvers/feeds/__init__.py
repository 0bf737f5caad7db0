"""Podcast feeds: fetching them safely and reading them into plain values. Start at `parser` and `fetcher`."""

from resolvers.feeds.fetcher import FeedFetcher, FetchedFeed, FetchSettings, NotModified
from resolvers.feeds.file import read_feed_file
from resolvers.feeds.parser import parse_feed
from resolvers.feeds.reasons import ItemReason, Oddity, Reason
from resolvers.feeds.values import EpisodeType, FeedWarning, ParsedEpisode, ParsedFeed, ParseLimits, RejectedItem

__all__ = [
    "EpisodeType",
    "FeedFetcher",
    "FeedWarning",
    "FetchSettings",
    "FetchedFeed",
    "ItemReason",
    "NotModified",
    "Oddity",
    "ParseLimits",
    "ParsedEpisode",
    "ParsedFeed",
    "Reason",
    "RejectedItem",
    "parse_feed",
    "read_feed_file",
]
