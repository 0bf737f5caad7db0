"""Podcasts and episodes that people keep by hand; `resolvers.feed_import` keeps those that have a feed."""

from typing import Annotated

from pydantic import BaseModel, Field

from persistence.ids import EpisodeId, PodcastId
from persistence.records import EpisodeRecord, PodcastRecord
from persistence.repositories.podcasts import Episodes, Podcasts
from persistence.sessions import TenantSession
from resolvers import changes
from resolvers.context import RequestContext
from resolvers.errors import IllegalTransition
from resolvers.feeds.values import EpisodeType
from resolvers.moments import Moment
from resolvers.numbers import Seconds
from resolvers.policy import Permission
from resolvers.texts import LongText, NotNull, ShortText, Title, WebUrl, optional

LanguageTag = Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35)]
Ordinal = Annotated[int, Field(ge=0, le=10**6)]
"""The number of a season, or of an episode within one."""


class NewPodcast(BaseModel):
    title: Title = Field(description="The show's name, 1 to 500 characters.")
    description: LongText = Field("", description="What the show is about, at most 100,000 characters; may hold HTML.")
    author: ShortText | None = optional("Who makes the show, at most 200 characters.")
    language: LanguageTag | None = optional("The show's language as an IETF BCP 47 tag, such as 'en-GB'.")
    website_url: WebUrl | None = optional("The show's page, an http or https URL.")
    image_url: WebUrl | None = optional("The show's cover, an http or https URL.")
    categories: list[ShortText] = Field([], max_length=50, description="The show's categories, at most 50.")
    explicit: bool | None = optional("Whether the show is marked explicit; null if nobody said.")


class PodcastChanges(BaseModel):
    """Fields that are left out stay as they are."""

    title: Annotated[Title | None, NotNull] = optional("The show's name, 1 to 500 characters.")
    description: Annotated[LongText | None, NotNull] = optional(
        "What the show is about, at most 100,000 characters; may hold HTML."
    )
    author: ShortText | None = optional("Who makes the show; null clears it.")
    language: LanguageTag | None = optional("The show's language as an IETF BCP 47 tag; null clears it.")
    website_url: WebUrl | None = optional("The show's page; null clears it.")
    image_url: WebUrl | None = optional("The show's cover; null clears it.")
    categories: Annotated[list[ShortText] | None, NotNull] = optional(
        max_length=50, description="The show's categories, at most 50; replaces all."
    )
    explicit: bool | None = optional("Whether the show is marked explicit; null clears it.")


class NewEpisode(BaseModel):
    title: Title = Field(description="The episode's title, 1 to 500 characters.")
    description: LongText = Field("", description="Show notes, at most 100,000 characters; may hold HTML.")
    published_at: Moment | None = optional("When the episode came or comes out, from 1900 to 2999.")
    duration_seconds: Seconds | None = optional("Length in seconds.")
    enclosure_url: WebUrl | None = optional("The audio file, an http or https URL.")
    season: Ordinal | None = optional("Season number.")
    number: Ordinal | None = optional("Number within the season.")
    type: EpisodeType = Field(EpisodeType.FULL, description="Full episode, trailer or bonus.")


class EpisodeChanges(BaseModel):
    """Fields that are left out stay as they are."""

    title: Annotated[Title | None, NotNull] = optional("The episode's title, 1 to 500 characters.")
    description: Annotated[LongText | None, NotNull] = optional("Show notes; may hold HTML.")
    published_at: Moment | None = optional("When the episode came or comes out, from 1900 to 2999; null clears it.")
    duration_seconds: Seconds | None = optional("Length in seconds; null clears it.")
    enclosure_url: WebUrl | None = optional("The audio file; null clears it.")
    season: Ordinal | None = optional("Season number; null clears it.")
    number: Ordinal | None = optional("Number within the season; null clears it.")
    type: Annotated[EpisodeType | None, NotNull] = optional("Full episode, trailer or bonus.")


async def create_podcast(context: RequestContext, new: NewPodcast) -> PodcastRecord:
    tenant_id = context.tenant_for(Permission.WRITE)
    async with context.database.write(tenant_id) as session:
        podcast = await Podcasts(session).insert(new.model_dump())
    context.loaders.clear()
    return podcast


async def update_podcast(
    context: RequestContext, podcast_id: PodcastId, version: int, changed: PodcastChanges
) -> PodcastRecord:
    """Also for shows with a feed, but the next import overwrites what the feed says.

    Raises NotFound, Conflict, IllegalTransition when it is archived.
    """
    tenant_id = context.tenant_for(Permission.WRITE)
    async with context.database.write(tenant_id) as session:
        await _live_podcast(session, podcast_id, version)
        podcast = await changes.update(
            Podcasts(session), podcast_id, version, changed.model_dump(exclude_unset=True), noun="podcast"
        )
    context.loaders.clear()
    return podcast


async def archive_podcast(context: RequestContext, podcast_id: PodcastId, version: int) -> PodcastRecord:
    """Hides the podcast from lists; its placements keep it.

    Raises NotFound, Conflict, IllegalTransition when it is archived.
    """
    tenant_id = context.tenant_for(Permission.WRITE)
    now = context.services.clock()
    async with context.database.write(tenant_id) as session:
        await _live_podcast(session, podcast_id, version)
        podcast = await changes.update(Podcasts(session), podcast_id, version, {"archived_at": now}, noun="podcast")
    context.loaders.clear()
    return podcast


async def create_episode(context: RequestContext, podcast_id: PodcastId, new: NewEpisode) -> EpisodeRecord:
    """For shows without a feed.

    Raises NotFound, IllegalTransition when the podcast is archived or the feed is in charge of its episodes.
    """
    tenant_id = context.tenant_for(Permission.WRITE)
    async with context.database.write(tenant_id) as session:
        podcast = await changes.found(Podcasts(session), podcast_id, "podcast", "podcastId")
        changes.refuse_archived(podcast, "podcast", "podcastId")
        if podcast.feed_url is not None:
            raise IllegalTransition("The episodes of this podcast come from its feed: use importFeed.", ("podcastId",))
        guid = f"podgraph:{context.services.random_token()}"
        values = {"podcast_id": podcast_id, "guid": guid, **new.model_dump()}
        episode = await Episodes(session).insert(values)
    context.loaders.clear()
    return episode


async def update_episode(
    context: RequestContext, episode_id: EpisodeId, version: int, changed: EpisodeChanges
) -> EpisodeRecord:
    tenant_id = context.tenant_for(Permission.WRITE)
    async with context.database.write(tenant_id) as session:
        episode = await changes.update(
            Episodes(session), episode_id, version, changed.model_dump(exclude_unset=True), noun="episode"
        )
    context.loaders.clear()
    return episode


async def _live_podcast(session: TenantSession, podcast_id: PodcastId, version: int) -> None:
    """Raises NotFound, Conflict, IllegalTransition. Not locked: an update by version sees what comes in between."""
    podcast = await changes.found(Podcasts(session), podcast_id, "podcast")
    changes.refuse_stale(podcast, version, "podcast")
    changes.refuse_archived(podcast, "podcast")
