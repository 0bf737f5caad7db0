"""Importing a podcast from its feed: fetch, parse, and write in one transaction.

A feed is imported whole or not at all: whatever stops the process before the commit leaves the old podcast. Importing
again updates what changed, adds what is new and never duplicates; an episode that has left the feed stays, since
placements may refer to it. An archived podcast comes back with its feed.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from persistence.ids import TenantId
from persistence.records import PodcastRecord
from persistence.repositories.podcasts import Episodes, FeedState, Podcasts
from resolvers.context import RequestContext
from resolvers.feeds.fetcher import FetchedFeed, NotModified
from resolvers.feeds.values import FeedWarning, ParsedEpisode, ParsedFeed, RejectedItem
from resolvers.policy import Permission

_EPISODES_PER_STATEMENT = 1000


class FeedImport(msgspec.Struct, frozen=True):
    """What an import did; counts are of episodes. Nothing but `podcast` is set when the feed had not changed."""

    podcast: PodcastRecord
    changed: bool
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: Sequence[RejectedItem] = ()
    warnings: Sequence[FeedWarning] = ()
    new_feed_url: str | None = None


Progress = Callable[[int, int], None]
"""Called with the number of episodes written so far and of all."""


def _unobserved(_written: int, _total: int) -> None:
    pass


async def import_feed(context: RequestContext, url: str, progress: Progress = _unobserved) -> FeedImport:
    """Raises FeedRejected."""
    tenant_id = context.tenant_for(Permission.WRITE)
    url = url.strip()
    database = context.database
    async with database.read(tenant_id) as session:
        state = await Podcasts(session).feed_state(url)
    fetched = await context.services.feeds.fetch(
        url,
        # An archived podcast comes back whole, so the feed is asked for whole.
        etag=state.etag if state and state.archived_at is None else None,
        last_modified=state.last_modified if state and state.archived_at is None else None,
        owner=tenant_id,
    )
    if isinstance(fetched, NotModified):
        if state is None:
            raise LookupError("a server answered 304 to an unconditional request")
        return await _unchanged(context, tenant_id, state, url, fetched)
    return await import_body(context, url, fetched, progress)


async def import_body(
    context: RequestContext, url: str, fetched: FetchedFeed, progress: Progress = _unobserved
) -> FeedImport:
    """Imports a feed that is already here, as the feed of `url`. Raises FeedRejected."""
    tenant_id = context.tenant_for(Permission.WRITE)
    feed = await context.services.reader.parse(fetched.body, content_type=fetched.content_type, base_url=fetched.url)
    feed_url = fetched.permanent_url or url
    async with context.database.write(tenant_id) as session:
        podcasts, episodes = Podcasts(session), Episodes(session)
        for address in sorted({url, feed_url}):
            await podcasts.lock_feed(address)
        if feed_url != url:
            await podcasts.move_feed(url, feed_url)
        podcast = await podcasts.write_from_feed(feed_url, _podcast_values(feed, fetched))
        created = updated = 0
        for start in range(0, len(feed.episodes), _EPISODES_PER_STATEMENT):
            batch = [_episode_values(episode) for episode in feed.episodes[start : start + _EPISODES_PER_STATEMENT]]
            batch_created, batch_updated = await episodes.write_from_feed(podcast.id, batch)
            created += batch_created
            updated += batch_updated
            progress(start + len(batch), len(feed.episodes))
    context.loaders.clear()
    return FeedImport(
        podcast=podcast,
        changed=True,
        created=created,
        updated=updated,
        unchanged=len(feed.episodes) - created - updated,
        rejected=feed.rejected,
        warnings=feed.warnings,
        new_feed_url=feed.new_feed_url,
    )


async def _unchanged(
    context: RequestContext, tenant_id: TenantId, state: FeedState, url: str, fetched: NotModified
) -> FeedImport:
    async with context.database.write(tenant_id) as session:
        podcasts = Podcasts(session)
        if fetched.permanent_url is not None:
            await podcasts.move_feed(url, fetched.permanent_url)
        podcast = await podcasts.mark_checked(state.podcast_id)
    if podcast is None:
        raise LookupError("the podcast of a feed was deleted while the feed was fetched")
    context.loaders.clear()
    return FeedImport(podcast=podcast, changed=False)


def _podcast_values(feed: ParsedFeed, fetched: FetchedFeed) -> dict[str, Any]:
    return {
        "title": feed.title,
        "description": feed.description or "",
        "author": feed.author,
        "language": feed.language,
        "website_url": feed.link,
        "image_url": feed.image_url,
        "categories": list(feed.categories),
        "explicit": feed.explicit,
        "feed_guid": feed.guid,
        "feed_etag": fetched.etag,
        "feed_last_modified": fetched.last_modified,
        "archived_at": None,
    }


def _episode_values(episode: ParsedEpisode) -> dict[str, Any]:
    return {
        "guid": episode.guid,
        "title": episode.title,
        "description": episode.description or "",
        "published_at": episode.published_at,
        "duration_seconds": episode.duration_seconds,
        "enclosure_url": episode.enclosure_url,
        "enclosure_type": episode.enclosure_type,
        "enclosure_bytes": episode.enclosure_bytes,
        "season": episode.season,
        "number": episode.episode_number,
        "type": episode.episode_type.value,
        "explicit": episode.explicit,
        "website_url": episode.link,
        "image_url": episode.image_url,
    }
