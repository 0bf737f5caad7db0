"""Podcasts and episodes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

import msgspec
from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from persistence.ids import PodcastId
from persistence.pages import Order
from persistence.records import EpisodeRecord, PodcastRecord
from persistence.repositories.conditions import archived, contains
from persistence.repositories.owned import OwnedRows
from persistence.tables import episodes, podcasts


class PodcastFilter(msgspec.Struct, frozen=True):
    """All that is given must hold; `search` is looked for in title and author, ignoring case."""

    search: str | None = None
    archived: bool = False


class EpisodeFilter(msgspec.Struct, frozen=True):
    """`search` is looked for in the title, ignoring case."""

    search: str | None = None


class FeedState(msgspec.Struct, frozen=True):
    """What a conditional request needs, and whether this feed was ever read."""

    podcast_id: PodcastId
    etag: str | None
    last_modified: str | None
    checked_at: datetime | None


class Podcasts(OwnedRows[PodcastRecord, PodcastFilter]):
    table = podcasts
    record = PodcastRecord
    orders: ClassVar = {
        "CREATED_AT": Order("CREATED_AT", podcasts.c.created_at, lambda podcast: podcast.created_at, datetime),
        "TITLE": Order("TITLE", podcasts.c.title, lambda podcast: podcast.title, str),
    }

    @staticmethod
    def matching(wanted: PodcastFilter) -> list[ColumnElement[bool]]:
        conditions = [archived(podcasts.c.archived_at, wanted.archived)]
        if wanted.search is not None:
            conditions.append(
                or_(contains(podcasts.c.title, wanted.search), contains(podcasts.c.author, wanted.search))
            )
        return conditions

    async def feed_state(self, feed_url: str) -> FeedState | None:
        statement = select(
            podcasts.c.id, podcasts.c.feed_etag, podcasts.c.feed_last_modified, podcasts.c.feed_checked_at
        ).where(self._own(), podcasts.c.feed_url == feed_url)
        return await self.session.record(statement, FeedState)

    async def lock_feed(self, feed_url: str) -> None:
        """Holds other imports of the same feed back until this transaction ends."""
        await self.session.scalar(
            select(func.pg_advisory_xact_lock(func.hashtextextended(feed_url, self.session.tenant_id)))
        )

    async def move_feed(self, old_url: str, new_url: str) -> None:
        """The podcast of the old address gets the new one, unless another podcast has it already."""
        taken = select(podcasts.c.id).where(self._own(), podcasts.c.feed_url == new_url)
        if await self.session.scalar(taken) is None:
            statement = update(podcasts).where(self._own(), podcasts.c.feed_url == old_url)
            await self.session.execute(statement.values(feed_url=new_url))

    async def mark_checked(self, podcast_id: PodcastId) -> PodcastRecord | None:
        """Notes that the feed was asked and had not changed; the podcast itself stays at its version."""
        statement = (
            update(podcasts)
            .where(self._own(), podcasts.c.id == podcast_id)
            .values(feed_checked_at=func.now())
            .returning(*self._columns)
        )
        return await self.session.record(statement, PodcastRecord)

    async def write_from_feed(self, feed_url: str, values: Mapping[str, Any]) -> PodcastRecord:
        """Inserts the podcast of this feed or overwrites what the feed says of it."""
        values = {**values, "feed_checked_at": func.now()}
        changed = {**values, "version": podcasts.c.version + 1, "updated_at": func.now()}
        statement = (
            insert(podcasts)
            .values(tenant_id=self.session.tenant_id, feed_url=feed_url, **values)
            .on_conflict_do_update(index_elements=["tenant_id", "feed_url"], set_=changed)
            .returning(*self._columns)
        )
        written = await self.session.record(statement, PodcastRecord)
        if written is None:
            raise RuntimeError("INSERT … RETURNING gave no row")
        return written


class Episodes(OwnedRows[EpisodeRecord, EpisodeFilter]):
    table = episodes
    record = EpisodeRecord
    orders: ClassVar = {
        "PUBLISHED_AT": Order(
            "PUBLISHED_AT",
            func.coalesce(episodes.c.published_at, episodes.c.created_at),
            lambda episode: episode.published_at or episode.created_at,
            datetime,
        ),
        "TITLE": Order("TITLE", episodes.c.title, lambda episode: episode.title, str),
    }

    @staticmethod
    def matching(wanted: EpisodeFilter) -> list[ColumnElement[bool]]:
        return [] if wanted.search is None else [contains(episodes.c.title, wanted.search)]

    async def write_from_feed(self, podcast_id: PodcastId, items: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
        """Inserts new episodes, overwrites changed ones and leaves equal ones alone: (created, updated) counts.

        All items have the same keys, `guid` among them, and distinct guids.
        """
        if not items:
            return (0, 0)
        statement = insert(episodes).values(
            [{"tenant_id": self.session.tenant_id, "podcast_id": podcast_id, **item} for item in items]
        )
        names = [name for name in items[0] if name != "guid"]
        changed = or_(*(episodes.c[name].is_distinct_from(statement.excluded[name]) for name in names))
        upsert = statement.on_conflict_do_update(
            index_elements=["tenant_id", "podcast_id", "guid"],
            set_={
                **{name: statement.excluded[name] for name in names},
                "version": episodes.c.version + 1,
                "updated_at": func.now(),
            },
            where=changed,
        ).returning(episodes.c.version)
        versions = [row[0] for row in await self.session.rows(upsert)]
        created = sum(1 for version in versions if version == 1)
        return (created, len(versions) - created)
