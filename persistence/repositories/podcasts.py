"""Podcasts and episodes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

import msgspec
from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    and_,
    bindparam,
    case,
    column,
    false,
    func,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.expression import TableValuedAlias

from persistence.ids import PodcastId
from persistence.pages import Order, by_column
from persistence.records import EpisodeRecord, PodcastRecord
from persistence.repositories.conditions import archived, contains
from persistence.repositories.owned import OwnedRows
from persistence.tables import episodes, podcasts


class PodcastFilter(msgspec.Struct, frozen=True):
    """All that is given must hold; `search` is looked for in title and author, ignoring case."""

    search: str | None = None
    archived: bool = False


class EpisodeFilter(msgspec.Struct, frozen=True):
    """All that is given must hold; `search` is looked for in the title, ignoring case.

    What has no `published_at` counts as published when it was added.
    """

    search: str | None = None
    published_from: datetime | None = None
    published_before: datetime | None = None


class FeedState(msgspec.Struct, frozen=True):
    """What a conditional request needs, and whether this feed was ever read."""

    podcast_id: PodcastId
    etag: str | None
    last_modified: str | None
    archived_at: datetime | None


class Podcasts(OwnedRows[PodcastRecord, PodcastFilter]):
    table = podcasts
    record = PodcastRecord
    orders: ClassVar = {
        "CREATED_AT": by_column("CREATED_AT", podcasts.c.created_at, datetime),
        "TITLE": by_column("TITLE", podcasts.c.title, str),
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
            podcasts.c.id, podcasts.c.feed_etag, podcasts.c.feed_last_modified, podcasts.c.archived_at
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
            await self.session.rows(statement.values(feed_url=new_url).returning(podcasts.c.id))

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
        """Inserts the podcast of this feed or overwrites what the feed says of it.

        Where it says what it said before, the podcast stays at its version.
        """
        statement = insert(podcasts).values(
            tenant_id=self.session.tenant_id, feed_url=feed_url, feed_checked_at=func.now(), **values
        )
        shown = [name for name in values if name in PodcastRecord.__struct_fields__]
        changed = or_(false(), *(podcasts.c[name].is_distinct_from(statement.excluded[name]) for name in shown))
        upsert = statement.on_conflict_do_update(
            index_elements=["tenant_id", "feed_url"],
            set_={
                **{name: statement.excluded[name] for name in (*values, "feed_checked_at")},
                "version": podcasts.c.version + case((changed, 1), else_=0),
                "updated_at": case((changed, func.now()), else_=podcasts.c.updated_at),
            },
        ).returning(*self._columns)
        [written] = await self.session.records(upsert, PodcastRecord)
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
            frozenset({"published_at", "created_at"}),
        ),
        "TITLE": by_column("TITLE", episodes.c.title, str),
    }

    @staticmethod
    def matching(wanted: EpisodeFilter) -> list[ColumnElement[bool]]:
        published = func.coalesce(episodes.c.published_at, episodes.c.created_at)
        conditions = []
        if wanted.search is not None:
            conditions.append(contains(episodes.c.title, wanted.search))
        if wanted.published_from is not None:
            conditions.append(published >= wanted.published_from)
        if wanted.published_before is not None:
            conditions.append(published < wanted.published_before)
        return conditions

    async def write_from_feed(self, podcast_id: PodcastId, items: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
        """Inserts new episodes, overwrites changed ones and leaves equal ones alone: (created, updated) counts.

        All items have the same keys, `guid` among them, and distinct guids. One array for each column makes one
        statement, and one plan, of any number of items; an equal episode is read and not even locked.
        """
        if not items:
            return (0, 0)
        item = _relation(items)
        names = [name for name in item.c.keys() if name != "guid"]  # noqa: SIM118  # columns iterate as columns
        of_podcast = [literal(self.session.tenant_id, BigInteger), literal(podcast_id, BigInteger)]
        # The planner knows the podcast as it was before this transaction: empty, perhaps. A nested loop, cheap for
        # that, would read all of the podcast for each item.
        await self.session.execute(text("SET LOCAL enable_nestloop = off"), touches=())
        stored = and_(self._own(), episodes.c.podcast_id == podcast_id, episodes.c.guid == item.c.guid)
        unequal = or_(episodes.c.id.is_(None), *(episodes.c[name].is_distinct_from(item.c[name]) for name in names))
        statement = insert(episodes).from_select(
            ["tenant_id", "podcast_id", *item.c.keys()],
            select(*of_podcast, *item.c).select_from(item.outerjoin(episodes, stored)).where(unequal),
        )
        written = statement.on_conflict_do_update(
            index_elements=["tenant_id", "podcast_id", "guid"],
            set_={
                **{name: statement.excluded[name] for name in names},
                "version": episodes.c.version + 1,
                "updated_at": func.now(),
            },
        ).returning(episodes.c.version, episodes.c.id)
        versions = [row[0] for row in await self.session.rows(written)]
        created = versions.count(1)
        return (created, len(versions) - created)


def _relation(items: Sequence[Mapping[str, Any]]) -> TableValuedAlias:
    """The items as a relation `item` with the columns of episodes that they have."""
    arrays = [
        bindparam(f"{name}_items", [item[name] for item in items], type_=ARRAY(episodes.c[name].type))
        for name in items[0]
    ]
    named = [column(name, episodes.c[name].type) for name in items[0]]
    return func.unnest(*arrays).table_valued(*named, name="item").render_derived()
