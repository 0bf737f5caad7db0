"""What an import writes, what it leaves alone, and what becomes of it when the database goes away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from persistence.errors import DatabaseUnavailable
from persistence.ids import PodcastId
from persistence.repositories.podcasts import Episodes, Podcasts
from persistence.sessions import Session
from resolvers.context import Services
from resolvers.errors import FeedRejected
from resolvers.feed_import import FeedImport, import_body
from resolvers.feeds.fetcher import FetchedFeed
from tests.actors import Actor, new_tenant
from tests.resolvers.feeds.documents import item, rss
from tests.services.sql import rows as sql_rows

URL = "https://harbour.example/feed.xml"
DATED = "<pubDate>Mon, 05 Jan 2026 06:00:00 GMT</pubDate>"


@pytest_asyncio.fixture
async def actor(services: Services) -> Actor:
    return await new_tenant(services)


async def imported(actor: Actor, body: bytes, *, etag: str | None = None) -> FeedImport:
    return await import_body(actor.context(), URL, FetchedFeed(body, URL, None, etag, None, None))


async def rows(actor: Actor, sql: str, **values: Any) -> list[tuple[Any, ...]]:
    async with actor.services.database.read(actor.tenant_id) as session:
        return [tuple(row) for row in (await session.execute(text(sql), values)).fetchall()]


async def stored(actor: Actor, podcast_id: PodcastId) -> list[tuple[Any, ...]]:
    """Every episode with the transactions that wrote and locked it, and the place where it lies."""
    return await rows(
        actor,
        "SELECT guid, title, version, xmin::text, xmax::text, ctid::text, updated_at FROM episodes"
        " WHERE podcast_id = :podcast ORDER BY id",
        podcast=podcast_id,
    )


def counts(done: FeedImport) -> tuple[int, int, int]:
    return (done.created, done.updated, done.unchanged)


async def test_same_body_again_writes_nothing_to_its_episodes(actor: Actor) -> None:
    body = rss("".join(item(DATED, guid=str(number)) for number in range(700)))
    first = await imported(actor, body)
    before = await stored(actor, first.podcast.id)
    second = await imported(actor, body)
    assert (counts(first), counts(second)) == ((700, 0, 0), (0, 0, 700))
    assert await stored(actor, first.podcast.id) == before


async def test_same_body_again_leaves_the_podcast_at_its_version(actor: Actor) -> None:
    first = (await imported(actor, rss(item()), etag='"1"')).podcast
    second = (await imported(actor, rss(item()), etag='"2"')).podcast
    assert (second.version, second.updated_at) == (first.version, first.updated_at)
    assert first.feed_checked_at is not None
    assert second.feed_checked_at is not None
    assert second.feed_checked_at > first.feed_checked_at
    assert await rows(actor, "SELECT feed_etag FROM podcasts") == [('"2"',)]


async def test_changed_channel_is_a_new_version_of_the_podcast(actor: Actor) -> None:
    first = (await imported(actor, rss(item()))).podcast
    second = (await imported(actor, rss(item(), channel="<title>Renamed</title>"))).podcast
    assert (second.id, second.title, second.version) == (first.id, "Renamed", first.version + 1)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<itunes:duration>10</itunes:duration>", "<itunes:duration>11</itunes:duration>"),
        ("<itunes:season>1</itunes:season>", ""),
        ("", "<itunes:explicit>no</itunes:explicit>"),
        (DATED, ""),
        ("<description>a</description>", ""),
    ],
)
async def test_each_changed_field_is_one_update(actor: Actor, before: str, after: str) -> None:
    await imported(actor, rss(item(before) + item(guid="other")))
    assert counts(await imported(actor, rss(item(after) + item(guid="other")))) == (0, 1, 1)
    assert counts(await imported(actor, rss(item(after) + item(guid="other")))) == (0, 0, 2)


async def test_item_whose_guid_changes_is_a_new_episode_and_the_old_one_stays(actor: Actor) -> None:
    first = await imported(actor, rss(item(DATED, guid="old")))
    assert counts(await imported(actor, rss(item(DATED, guid="new")))) == (1, 0, 0)
    assert [row[0] for row in await stored(actor, first.podcast.id)] == ["old", "new"]


async def test_titles_that_differ_in_characters_that_are_never_stored_are_equal(actor: Actor) -> None:
    await imported(actor, rss(item(title="A\x00 title")))
    assert counts(await imported(actor, rss(item(title="A title")))) == (0, 0, 1)
    assert counts(await imported(actor, rss(item(title="A &#x0; title\x0b")))) == (0, 0, 1)


async def test_twenty_thousand_items_of_one_guid_are_one_episode(actor: Actor) -> None:
    done = await imported(actor, rss(item() * 20_000))
    assert (done.created, len(done.rejected)) == (1, 19_999)


async def test_hundred_thousand_items_are_refused_whole(actor: Actor) -> None:
    with pytest.raises(FeedRejected) as refused:
        await imported(actor, rss(item() * 100_000))
    assert refused.value.reason == "TOO_MANY_ITEMS"
    assert await rows(actor, "SELECT count(*) FROM podcasts") == [(0,)]


async def test_another_tenants_podcast_of_the_same_feed_stays_as_it_is(actor: Actor, services: Services) -> None:
    first = await imported(actor, rss(item(guid="a") + item(guid="b")))
    before = await stored(actor, first.podcast.id)
    other = await new_tenant(services)
    assert counts(await imported(other, rss(item(title="Changed", guid="a")))) == (1, 0, 0)
    assert await stored(actor, first.podcast.id) == before


async def rows_read(actor: Actor) -> int:
    [(count,)] = await rows(
        actor,
        "SELECT coalesce(idx_tup_fetch, 0) + seq_tup_read FROM pg_stat_user_tables WHERE relname = 'episodes'",
    )
    return int(count)


async def test_large_new_podcast_is_not_read_again_for_each_item(actor: Actor, owner_url: str) -> None:
    await imported(actor, rss("".join(item(guid=str(number)) for number in range(700))))
    await sql_rows(owner_url, "ANALYZE episodes")  # statistics in which a new podcast has no rows
    before = await rows_read(actor)
    async with actor.services.database.write(actor.tenant_id) as session:
        podcast = await Podcasts(session).insert({"title": "Another"})
        for start in range(0, 5_000, 500):
            batch = [{"guid": str(number), "title": "T"} for number in range(start, start + 500)]
            assert await Episodes(session).write_from_feed(podcast.id, batch) == (500, 0)
        await session.execute(text("SELECT pg_stat_force_next_flush()"))
    assert await rows_read(actor) - before < 10 * 5_000 * 2  # each batch reads the podcast once; 12,500,000 otherwise


@asynccontextmanager
async def import_in_the_middle(actor: Actor, body: bytes) -> AsyncIterator[tuple["asyncio.Task[FeedImport]", int]]:
    """An import whose transaction waits for a row of its 600th item, and its backend; the row is free afterwards."""
    async with actor.services.database.write(actor.tenant_id) as holder:
        await holder.execute(text("UPDATE episodes SET number = 7 WHERE guid = '600'"))
        task = asyncio.create_task(imported(actor, body))
        yield task, await waiting_backend(holder, task)
        await holder.execute(text("UPDATE episodes SET number = NULL WHERE guid = '600'"))


async def waiting_backend(holder: Session, task: "asyncio.Task[FeedImport]") -> int:
    blocked = text("SELECT pid FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))")
    async with asyncio.timeout(20):
        while not task.done():
            await holder.execute(text("SELECT pg_stat_clear_snapshot()"))
            if pids := (await holder.execute(blocked)).fetchall():
                return int(pids[0][0])
            await asyncio.sleep(0.01)
    raise AssertionError(task)


def seven_hundred(title: str) -> bytes:
    items = "".join(item(guid=str(number), title=f"{title} {number}") for number in range(700))
    return rss(items, channel=f"<title>{title}</title>")


async def test_connection_lost_in_the_middle_leaves_the_old_feed(actor: Actor) -> None:
    old = await imported(actor, seven_hundred("Old"))
    before = [row[:3] for row in await stored(actor, old.podcast.id)]
    async with import_in_the_middle(actor, seven_hundred("New")) as (task, pid):
        await rows(actor, "SELECT pg_terminate_backend(:pid)", pid=pid)
        with pytest.raises(DatabaseUnavailable):
            await task
    assert [row[:3] for row in await stored(actor, old.podcast.id)] == before
    assert await rows(actor, "SELECT title, version FROM podcasts") == [("Old", 1)]
    assert counts(await imported(actor, seven_hundred("New"))) == (0, 700, 0)


async def test_import_in_the_middle_holds_up_no_other_request_of_its_tenant(actor: Actor) -> None:
    old = await imported(actor, seven_hundred("Old"))
    async with import_in_the_middle(actor, seven_hundred("New")) as (task, _):
        assert {row[1].split()[0] for row in await stored(actor, old.podcast.id)} == {"Old"}
        async with actor.services.database.write(actor.tenant_id) as session:
            await Podcasts(session).insert({"title": "Another"})
        assert not task.done()
    assert counts(await task) == (0, 700, 0)
