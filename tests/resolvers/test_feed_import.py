"""Importing feeds into the database: whole or not at all, updating and never duplicating."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from persistence.ids import PodcastId
from persistence.pages import Slice
from persistence.records import EpisodeRecord
from persistence.repositories.podcasts import Episodes
from resolvers.context import RequestContext, Services
from resolvers.errors import FeedRejected, Forbidden
from resolvers.feed_import import import_feed
from resolvers.podcasts import archive_podcast
from resolvers.policy import Role
from tests.actors import Actor, new_member, new_tenant
from tests.gateway.edge import served


def item(guid: str, title: str = "An episode") -> str:
    return (
        f"<item><guid>{guid}</guid><title>{title}</title><pubDate>Mon, 05 Jan 2026 06:00:00 GMT</pubDate>"
        f'<enclosure url="https://audio.example/{guid}.mp3" length="1000" type="audio/mpeg"/></item>'
    )


def feed(*items: str, title: str = "A show") -> bytes:
    return f'<rss version="2.0"><channel><title>{title}</title>{"".join(items)}</channel></rss>'.encode()


class Publisher:
    """A publisher's server: says what `body` says, honours validators, and counts."""

    def __init__(self) -> None:
        self.body = b""
        self.etag = '"1"'
        self.last_modified = ""
        self.moved_to: str | None = None
        self.statuses: list[int] = []
        self.url = ""

    async def serve(self, request: Request) -> Response:
        response = self._response(request)
        self.statuses.append(response.status_code)
        return response

    def _response(self, request: Request) -> Response:
        if self.moved_to is not None and request.url.path != self.moved_to:
            return RedirectResponse(self.moved_to, 301)
        validator = {"last-modified": self.last_modified} if self.last_modified else {"etag": self.etag}
        if request.headers.get("if-modified-since", "") == self.last_modified != "":
            return Response(status_code=304, headers=validator)
        if request.headers.get("if-none-match") == self.etag:
            return Response(status_code=304, headers=validator)
        return Response(self.body, media_type="application/rss+xml", headers=validator)

    def publish(self, body: bytes, etag: str) -> None:
        self.body, self.etag = body, etag


@pytest_asyncio.fixture
async def publisher() -> AsyncIterator[Publisher]:
    made = Publisher()
    async with served(Starlette(routes=[Route("/{path:path}", made.serve)])) as address:
        made.url = f"http://{address}/show.xml"
        yield made


@pytest_asyncio.fixture
async def actor(services: Services) -> Actor:
    return await new_tenant(services)


async def episodes_of(actor: Actor, podcast_id: PodcastId) -> Sequence[EpisodeRecord]:
    async with actor.services.database.read(actor.tenant_id) as session:
        [page] = await Episodes(session).pages_by("podcast_id", [podcast_id], Slice("TITLE", False, 1000))
    return page.records


async def test_every_item_of_a_feed_becomes_an_episode(publisher: Publisher, actor: Actor) -> None:
    publisher.publish(feed(item("a", "One"), item("b", "Two")), '"1"')
    done = await import_feed(actor.context(), publisher.url)
    assert (done.podcast.title, done.podcast.feed_url) == ("A show", publisher.url)
    assert (done.created, done.updated, done.unchanged, done.rejected) == (2, 0, 0, ())
    [one, two] = await episodes_of(actor, done.podcast.id)
    assert (one.guid, one.title, one.enclosure_url, one.enclosure_bytes) == (
        "a",
        "One",
        "https://audio.example/a.mp3",
        1000,
    )
    assert (two.guid, two.title, two.version) == ("b", "Two", 1)


async def test_importing_again_updates_adds_and_keeps_but_never_duplicates(publisher: Publisher, actor: Actor) -> None:
    publisher.publish(feed(item("a", "1"), item("b", "2"), item("c", "3")), '"1"')
    first = await import_feed(actor.context(), publisher.url)
    publisher.publish(feed(item("b", "2 changed"), item("c", "3"), item("d", "4"), title="Renamed"), '"2"')
    second = await import_feed(actor.context(), publisher.url)
    assert second.podcast.id == first.podcast.id
    assert (second.podcast.title, second.created, second.updated, second.unchanged) == ("Renamed", 1, 1, 1)
    found = [(episode.guid, episode.title, episode.version) for episode in await episodes_of(actor, first.podcast.id)]
    assert found == [("a", "1", 1), ("b", "2 changed", 2), ("c", "3", 1), ("d", "4", 1)]


async def test_an_unchanged_feed_is_not_sent_again(publisher: Publisher, actor: Actor) -> None:
    publisher.publish(feed(item("a")), '"1"')
    first = await import_feed(actor.context(), publisher.url)
    second = await import_feed(actor.context(), publisher.url)
    assert publisher.statuses == [200, 304]
    assert (second.changed, second.podcast.id, second.podcast.version) == (
        False,
        first.podcast.id,
        first.podcast.version,
    )
    assert first.podcast.feed_checked_at is not None
    assert second.podcast.feed_checked_at is not None
    assert second.podcast.feed_checked_at > first.podcast.feed_checked_at


async def test_a_feed_with_a_date_alone_is_not_sent_again_either(publisher: Publisher, actor: Actor) -> None:
    publisher.publish(feed(item("a")), '"1"')
    publisher.last_modified = "Mon, 05 Jan 2026 06:00:00 GMT"
    await import_feed(actor.context(), publisher.url)
    again = await import_feed(actor.context(), publisher.url)
    assert (publisher.statuses, again.changed) == ([200, 304], False)


async def test_a_rejected_feed_changes_nothing(publisher: Publisher, actor: Actor) -> None:
    publisher.publish(feed(item("a", "1")), '"1"')
    first = await import_feed(actor.context(), publisher.url)
    publisher.publish(feed(item("a", "2"))[:-20], '"2"')
    with pytest.raises(FeedRejected) as rejection:
        await import_feed(actor.context(), publisher.url)
    assert rejection.value.reason == "MALFORMED"
    assert [episode.title for episode in await episodes_of(actor, first.podcast.id)] == ["1"]


async def test_a_feed_that_moved_for_good_stays_one_podcast(publisher: Publisher, actor: Actor) -> None:
    publisher.publish(feed(item("a")), '"1"')
    first = await import_feed(actor.context(), publisher.url)
    publisher.moved_to, publisher.etag = "/new.xml", '"2"'
    moved = await import_feed(actor.context(), publisher.url)
    again = await import_feed(actor.context(), publisher.url)
    assert moved.podcast.id == again.podcast.id == first.podcast.id
    assert moved.podcast.feed_url == publisher.url.replace("show.xml", "new.xml")


async def test_ten_concurrent_imports_of_one_feed_make_one_podcast(publisher: Publisher, actor: Actor) -> None:
    publisher.publish(feed(*(item(str(number)) for number in range(50))), '"1"')
    done = await asyncio.gather(*(import_feed(actor.context(), publisher.url) for _ in range(10)))
    assert len({one.podcast.id for one in done}) == 1
    assert sum(one.created for one in done) == 50
    assert len(await episodes_of(actor, done[0].podcast.id)) == 50


async def test_two_tenants_import_one_feed_apart(publisher: Publisher, actor: Actor, services: Services) -> None:
    publisher.publish(feed(item("a")), '"1"')
    other = await new_tenant(services)
    mine = await import_feed(actor.context(), publisher.url)
    theirs = await import_feed(other.context(), publisher.url)
    assert mine.podcast.id != theirs.podcast.id
    assert theirs.created == 1


async def test_a_feed_of_1201_items_is_written_in_several_statements_of_one_transaction(
    publisher: Publisher, actor: Actor
) -> None:
    publisher.publish(feed(*(item(str(number)) for number in range(1201))), '"1"')
    done = await import_feed(actor.context(), publisher.url)
    assert done.created == 1201


async def test_a_viewer_cannot_import(publisher: Publisher, actor: Actor, services: Services) -> None:
    viewer = await new_member(services, actor.tenant_id, Role.VIEWER)
    with pytest.raises(Forbidden):
        await import_feed(viewer.context(), publisher.url)
    assert publisher.statuses == []


async def test_private_address_is_refused_without_a_connection(actor: Actor) -> None:
    context = RequestContext(actor.services, actor.viewer)
    with pytest.raises(FeedRejected) as rejection:
        await import_feed(context, "http://169.254.169.254/latest/meta-data")
    assert rejection.value.reason == "PRIVATE_ADDRESS"


async def test_importing_the_feed_of_an_archived_podcast_brings_it_back(publisher: Publisher, actor: Actor) -> None:
    publisher.publish(feed(item("a")), '"1"')
    first = await import_feed(actor.context(), publisher.url)
    archived = await archive_podcast(actor.context(), first.podcast.id, first.podcast.version)
    assert archived.archived_at is not None
    back = await import_feed(actor.context(), publisher.url)
    assert (back.podcast.id, back.podcast.archived_at, back.changed) == (first.podcast.id, None, True)
    assert back.podcast.version == archived.version + 1
    assert publisher.statuses == [200, 200]
