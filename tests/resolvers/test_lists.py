"""Rows that a foreign key points to, and pages beyond what exists."""

import pytest

from persistence.projections import CURSOR
from persistence.repositories.podcasts import EpisodeFilter, Episodes, PodcastFilter, Podcasts
from resolvers import lists
from resolvers.context import RequestContext, Services
from resolvers.errors import Forbidden
from resolvers.pages import requested_page
from resolvers.podcasts import NewEpisode, NewPodcast, create_episode, create_podcast
from resolvers.policy import Viewer
from tests.actors import new_tenant

FIRST = requested_page(Podcasts.orders, order="TITLE", descending=False, first=10, after=None, last=None, before=None)


async def test_existing_rows_answer_in_the_order_asked(services: Services) -> None:
    actor = await new_tenant(services)
    first, second = [await create_podcast(actor.context(), NewPodcast(title=title)) for title in "AB"]
    asked = [second.id, first.id, second.id]
    assert await lists.existing(actor.context(), Podcasts, asked) == [second, first, second]


async def test_a_row_that_is_not_visible_is_a_defect_and_not_a_gap(services: Services) -> None:
    owner, other = await new_tenant(services), await new_tenant(services)
    podcast = await create_podcast(owner.context(), NewPodcast(title="A"))
    with pytest.raises(LookupError, match="Podcasts"):
        await lists.existing(other.context(), Podcasts, [podcast.id])


async def test_what_an_operation_has_listed_it_does_not_list_again(services: Services) -> None:
    actor = await new_tenant(services)
    await create_podcast(actor.context(), NewPodcast(title="A"))
    context, statements = actor.context(), list[str]()
    with services.database.watched(lambda statement, _values: statements.append(statement)):
        found = [await lists.page(context, Podcasts, FIRST, PodcastFilter()) for _ in range(2)]
        assert [page.nodes for page in found] == [found[0].nodes] * 2
        assert len(statements) == 1
        await lists.page(context, Podcasts, FIRST, PodcastFilter(archived=True))
        await lists.page(actor.context(), Podcasts, FIRST, PodcastFilter())
        assert len(statements) == 3


async def test_lists_after_a_write_show_it(services: Services) -> None:
    actor = await new_tenant(services)
    context = actor.context()
    assert (await lists.page(context, Podcasts, FIRST, PodcastFilter())).nodes == []
    made = await create_podcast(context, NewPodcast(title="A"))
    assert (await lists.page(context, Podcasts, FIRST, PodcastFilter())).nodes == [made]


async def test_what_is_read_is_handed_on_to_every_kind_of_list(services: Services) -> None:
    actor = await new_tenant(services)
    podcast = await create_podcast(actor.context(), NewPodcast(title="A"))
    episode = await create_episode(actor.context(), podcast.id, NewEpisode(title="E"))
    context, reads = actor.context(), frozenset({"title"})
    page = await lists.page(context, Podcasts, FIRST, PodcastFilter(), reads=reads)
    [below] = await lists.pages_by(context, Episodes, "podcast_id", [podcast.id], FIRST, EpisodeFilter(), reads=reads)
    [row] = await lists.existing(context, Podcasts, [podcast.id], reads=reads)
    one = await lists.by_id(context, Podcasts, podcast.id, reads=reads)
    assert one is row
    for record in (page.nodes[0], row):
        assert (type(record).__struct_fields__, record.id, record.title) == (("id", "title"), podcast.id, "A")
    assert type(below.nodes[0]).__struct_fields__ == ("id", "title")
    assert below.nodes[0].id == episode.id
    whole = await lists.by_id(context, Podcasts, podcast.id)
    assert whole == podcast


async def test_cursors_are_made_of_projected_rows_that_have_their_position(services: Services) -> None:
    actor = await new_tenant(services)
    await create_podcast(actor.context(), NewPodcast(title="A"))
    whole = await lists.page(actor.context(), Podcasts, FIRST, PodcastFilter())
    reads = frozenset({"author"})
    placed = await lists.page(actor.context(), Podcasts, FIRST, PodcastFilter(), reads=reads | {CURSOR})
    assert placed.end_cursor == whole.end_cursor
    plain = await lists.page(actor.context(), Podcasts, FIRST, PodcastFilter(), reads=reads)
    with pytest.raises(AttributeError):
        _ = plain.end_cursor


async def test_a_viewer_without_a_tenant_has_no_loader(services: Services) -> None:
    actor = await new_tenant(services)
    context = RequestContext(services, Viewer(user_id=actor.user_id))
    with pytest.raises(Forbidden, match="createTenant"):
        context.loaders.by_id(Podcasts)
