"""Podcasts and episodes kept by hand."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from persistence.records import EpisodeRecord, PodcastRecord
from persistence.repositories.podcasts import EpisodeFilter, Episodes, PodcastFilter, Podcasts
from resolvers.context import Services
from resolvers.errors import Conflict, Forbidden, IllegalTransition, NotFound
from resolvers.feeds.values import EpisodeType
from resolvers.podcasts import (
    EpisodeChanges,
    NewEpisode,
    NewPodcast,
    PodcastChanges,
    archive_podcast,
    create_episode,
    create_podcast,
    update_episode,
    update_podcast,
)
from resolvers.policy import Role
from tests.actors import Actor, new_member, new_tenant


@pytest.fixture
async def actor(services: Services) -> Actor:
    return await new_tenant(services)


@pytest.fixture
async def podcast(actor: Actor) -> PodcastRecord:
    return await create_podcast(actor.context(), NewPodcast(title="A Show", author="Ada", explicit=True))


@pytest.fixture
async def episode(actor: Actor, podcast: PodcastRecord) -> EpisodeRecord:
    return await create_episode(actor.context(), podcast.id, NewEpisode(title="One", duration_seconds=60))


async def stored(actor: Actor, podcast: PodcastRecord) -> PodcastRecord | None:
    async with actor.services.database.read(actor.tenant_id) as session:
        return (await Podcasts(session).by_ids([podcast.id]))[0]


async def counts(actor: Actor) -> tuple[int, int, int]:
    """Podcasts, archived podcasts and episodes."""
    async with actor.services.database.read(actor.tenant_id) as session:
        podcasts, episodes = Podcasts(session), Episodes(session)
        return (
            await podcasts.count(PodcastFilter()),
            await podcasts.count(PodcastFilter(archived=True)),
            await episodes.count(EpisodeFilter()),
        )


async def test_update_changes_what_is_given_and_keeps_the_rest(actor: Actor, podcast: PodcastRecord) -> None:
    changed = await update_podcast(actor.context(), podcast.id, 1, PodcastChanges(title="New", author=None))
    assert (changed.title, changed.author, changed.explicit, changed.version) == ("New", None, True, 2)


async def test_stale_update_of_a_podcast_is_a_conflict_and_changes_nothing(
    actor: Actor, podcast: PodcastRecord
) -> None:
    with pytest.raises(Conflict):
        await update_podcast(actor.context(), podcast.id, 2, PodcastChanges(title="New"))
    assert await stored(actor, podcast) == podcast


async def test_archived_podcast_is_hidden_and_keeps_its_episodes(
    actor: Actor, podcast: PodcastRecord, episode: EpisodeRecord
) -> None:
    assert await counts(actor) == (1, 0, 1)
    archived = await archive_podcast(actor.context(), podcast.id, podcast.version)
    assert archived.archived_at is not None
    assert await counts(actor) == (0, 1, 1)


async def test_archived_podcast_is_neither_archived_again_nor_changed_nor_extended(
    actor: Actor, podcast: PodcastRecord
) -> None:
    archived = await archive_podcast(actor.context(), podcast.id, podcast.version)
    with pytest.raises(IllegalTransition):
        await archive_podcast(actor.context(), podcast.id, archived.version)
    with pytest.raises(IllegalTransition):
        await update_podcast(actor.context(), podcast.id, archived.version, PodcastChanges(title="New"))
    with pytest.raises(IllegalTransition):
        await create_episode(actor.context(), podcast.id, NewEpisode(title="Two"))
    assert await stored(actor, podcast) == archived
    assert await counts(actor) == (0, 1, 0)


async def test_episodes_of_a_feed_are_not_made_by_hand(actor: Actor, podcast: PodcastRecord) -> None:
    async with actor.services.database.write(actor.tenant_id) as session:
        await Podcasts(session).update(podcast.id, podcast.version, {"feed_url": "https://feeds.example/a.xml"})
    with pytest.raises(IllegalTransition):
        await create_episode(actor.context(), podcast.id, NewEpisode(title="Two"))
    assert await counts(actor) == (1, 0, 0)


async def test_episode_of_an_unknown_podcast_is_not_found(actor: Actor, podcast: PodcastRecord) -> None:
    other = await new_tenant(actor.services)
    with pytest.raises(NotFound) as refusal:
        await create_episode(other.context(), podcast.id, NewEpisode(title="Two"))
    assert refusal.value.path == ("podcastId",)
    assert await counts(actor) == (1, 0, 0)


async def test_episode_changes_what_is_given_and_keeps_the_rest(actor: Actor, episode: EpisodeRecord) -> None:
    came_out = datetime(2026, 5, 1, tzinfo=UTC)
    changes = EpisodeChanges(published_at=came_out, type=EpisodeType.BONUS)
    changed = await update_episode(actor.context(), episode.id, episode.version, changes)
    assert (changed.title, changed.duration_seconds, changed.published_at, changed.type, changed.version) == (
        "One",
        60,
        came_out,
        "BONUS",
        2,
    )


async def test_stale_update_of_an_episode_is_a_conflict(actor: Actor, episode: EpisodeRecord) -> None:
    with pytest.raises(Conflict):
        await update_episode(actor.context(), episode.id, episode.version + 1, EpisodeChanges(title="New"))


async def test_viewer_changes_nothing(actor: Actor, podcast: PodcastRecord, episode: EpisodeRecord) -> None:
    viewer = await new_member(actor.services, actor.tenant_id, Role.VIEWER)
    for denied in (
        create_podcast(viewer.context(), NewPodcast(title="Two")),
        update_podcast(viewer.context(), podcast.id, 1, PodcastChanges(title="New")),
        archive_podcast(viewer.context(), podcast.id, 1),
        create_episode(viewer.context(), podcast.id, NewEpisode(title="Two")),
        update_episode(viewer.context(), episode.id, 1, EpisodeChanges(title="New")),
    ):
        with pytest.raises(Forbidden):
            await denied
    assert await stored(actor, podcast) == podcast
    assert await counts(actor) == (1, 0, 1)


async def test_new_podcast_is_seen_by_a_loader_that_had_missed_it(actor: Actor) -> None:
    context = actor.context()
    assert await context.loaders.count(Podcasts).fetch_one(PodcastFilter()) == 0
    await create_podcast(context, NewPodcast(title="A Show"))
    assert await context.loaders.count(Podcasts).fetch_one(PodcastFilter()) == 1


@pytest.mark.parametrize("language", ["english", "e", "en_GB", "en-", "en\n", "en" + "-abcdefgh" * 4])
def test_what_is_no_language_tag_is_refused(language: str) -> None:
    with pytest.raises(ValidationError):
        NewPodcast(title="A Show", language=language)
