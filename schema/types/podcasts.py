"""Podcasts and their episodes."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import strawberry
from pydantic import BaseModel, Field

from persistence.records import EpisodeRecord, PodcastRecord
from persistence.repositories.podcasts import EpisodeFilter, Episodes, PodcastFilter, Podcasts
from resolvers import ids, lists
from resolvers.feeds.values import EpisodeType
from resolvers.moments import Moment
from resolvers.numbers import BigInt
from resolvers.podcasts import EpisodeChanges, NewEpisode, NewPodcast, PodcastChanges
from resolvers.texts import SearchText, optional
from schema.enums import described
from schema.fields import batched
from schema.info import Info
from schema.listings import Listing, OrderDirection, connection
from schema.relay import Node, node_id, of_record
from schema.types.metrics import metrics_of
from schema.types.placements import PLACEMENTS


class PodcastOrderField(StrEnum):
    CREATED_AT = "CREATED_AT"
    TITLE = "TITLE"


class EpisodeOrderField(StrEnum):
    PUBLISHED_AT = "PUBLISHED_AT"
    TITLE = "TITLE"


described(
    EpisodeType,
    "What kind of episode it is, as in the feed's itunes:episodeType.",
    {EpisodeType.FULL: "A full episode.", EpisodeType.TRAILER: "A preview.", EpisodeType.BONUS: "Extra content."},
)
described(
    PodcastOrderField,
    "What podcasts are sorted by.",
    {
        PodcastOrderField.CREATED_AT: "When the podcast was added to Podgraph.",
        PodcastOrderField.TITLE: "The show's name.",
    },
)
described(
    EpisodeOrderField,
    "What episodes are sorted by.",
    {
        EpisodeOrderField.PUBLISHED_AT: "When the episode came out; when it was added, if the feed does not say.",
        EpisodeOrderField.TITLE: "The episode's title.",
    },
)


@strawberry.input(description="How podcasts are sorted.")
class PodcastOrder:
    field: PodcastOrderField = strawberry.field(description="What to sort by.")
    direction: OrderDirection = strawberry.field(description="Which way.", default=OrderDirection.ASC)


@strawberry.input(description="How episodes are sorted.")
class EpisodeOrder:
    field: EpisodeOrderField = strawberry.field(description="What to sort by.")
    direction: OrderDirection = strawberry.field(description="Which way.", default=OrderDirection.ASC)


@strawberry.pydantic.input(description="Which podcasts to list; all that is given must hold.")
class PodcastFilterInput(BaseModel):
    search: SearchText | None = optional("Text that title or author contains, ignoring case.")
    archived: bool = Field(False, description="True for archived podcasts only, false for all others.")


@strawberry.pydantic.input(description="Which episodes to list; all that is given must hold.")
class EpisodeFilterInput(BaseModel):
    search: SearchText | None = optional("Text that the title contains, ignoring case.")
    published_from: Moment | None = optional(
        "The earliest moment at which it came out, or was added if nobody said when it came out."
    )
    published_before: Moment | None = optional("The moment before which it came out, likewise.")


def wanted_podcasts(given: PodcastFilterInput | None) -> PodcastFilter:
    return PodcastFilter(**given.model_dump()) if given else PodcastFilter()


def wanted_episodes(given: EpisodeFilterInput | None) -> EpisodeFilter:
    return EpisodeFilter(**given.model_dump()) if given else EpisodeFilter()


EPISODES = Listing(
    rows=Episodes,
    node=Annotated["Episode", strawberry.lazy("schema.types.podcasts")],
    order_by=EpisodeOrder(field=EpisodeOrderField.PUBLISHED_AT, direction=OrderDirection.DESC),
    filter_input=EpisodeFilterInput,
    wanted=wanted_episodes,
    by_default="newest first",
    unfiltered="all",
)


@strawberry.pydantic.input(description="A show that has no feed.")
class CreatePodcastInput(NewPodcast):
    pass


@strawberry.pydantic.input(description="What to change of a podcast; fields that are left out stay as they are.")
class UpdatePodcastInput(PodcastChanges):
    pass


@strawberry.pydantic.input(description="An episode of a show that has no feed.")
class CreateEpisodeInput(NewEpisode):
    pass


@strawberry.pydantic.input(description="What to change of an episode; fields that are left out stay as they are.")
class UpdateEpisodeInput(EpisodeChanges):
    pass


@strawberry.type(description="A show: the episodes of one feed, or of a list kept by hand.")
class Podcast(Node):
    is_type_of = of_record(PodcastRecord)

    id: strawberry.ID = node_id(ids.PODCAST, "podcast")
    title: str = strawberry.field(description="The show's name.")
    description: str = strawberry.field(description="What the show is about, as published; may hold HTML.")
    author: str | None = strawberry.field(description="Who makes the show.")
    language: str | None = strawberry.field(description="The show's language as an IETF BCP 47 tag, as published.")
    website_url: str | None = strawberry.field(description="The show's page.")
    image_url: str | None = strawberry.field(description="The show's cover.")
    categories: list[str] = strawberry.field(description="The show's categories, as published; at most 50.")
    explicit: bool | None = strawberry.field(description="Whether the show is marked explicit; null if nobody said.")
    feed_url: str | None = strawberry.field(description="The feed the show was imported from; null for shows without.")
    feed_checked_at: datetime | None = strawberry.field(description="When the feed was last asked for changes.")
    archived_at: datetime | None = strawberry.field(description="When the podcast was archived; null while it is not.")
    version: int = strawberry.field(description="Number of the object's state, counted from 1; updates name it.")
    created_at: datetime = strawberry.field(description="When the podcast was added to Podgraph.")
    updated_at: datetime = strawberry.field(description="When the podcast last changed in Podgraph.")

    episodes = connection(EPISODES, "podcast_id", description="The show's episodes.")
    metrics = metrics_of("podcast")


PODCASTS = Listing(
    rows=Podcasts,
    node=Podcast,
    order_by=PodcastOrder(field=PodcastOrderField.CREATED_AT, direction=OrderDirection.DESC),
    filter_input=PodcastFilterInput,
    wanted=wanted_podcasts,
    by_default="newest first",
    unfiltered="all but archived",
)


@strawberry.type(description="One episode of a podcast.")
class Episode(Node):
    is_type_of = of_record(EpisodeRecord)

    id: strawberry.ID = node_id(ids.EPISODE, "episode")
    guid: str = strawberry.field(description="The feed's own identifier of the episode; unique within its podcast.")
    title: str = strawberry.field(description="The episode's title.")
    description: str = strawberry.field(description="Show notes, as published; may hold HTML.")
    published_at: datetime | None = strawberry.field(description="When the episode came out; null if nobody said.")
    duration_seconds: int | None = strawberry.field(description="Length in seconds, as published; null if unknown.")
    enclosure_url: str | None = strawberry.field(description="The audio file.")
    enclosure_type: str | None = strawberry.field(description="The audio file's media type, such as 'audio/mpeg'.")
    enclosure_bytes: BigInt | None = strawberry.field(
        description="The audio file's size in bytes, as published; null if unknown."
    )
    season: int | None = strawberry.field(description="Season number; null if the show has no seasons.")
    number: int | None = strawberry.field(description="Number of the episode within its season, or within the show.")
    type: EpisodeType = strawberry.field(description="Full episode, trailer or bonus.")
    explicit: bool | None = strawberry.field(description="Whether it is marked explicit; null if nobody said.")
    website_url: str | None = strawberry.field(description="The episode's page.")
    image_url: str | None = strawberry.field(description="The episode's own cover.")
    version: int = strawberry.field(description="Number of the object's state, counted from 1; updates name it.")
    created_at: datetime = strawberry.field(description="When the episode was added to Podgraph.")
    updated_at: datetime = strawberry.field(description="When the episode last changed in Podgraph.")

    @batched(graphql_type=Podcast, description="The show the episode belongs to.", reads=("podcast_id",))
    @staticmethod
    async def podcast(parents: Sequence[EpisodeRecord], info: Info) -> list[PodcastRecord]:
        return await lists.existing(
            info.context, Podcasts, [episode.podcast_id for episode in parents], reads=info.reads
        )

    placements = connection(PLACEMENTS, "episode_id", description="The placements that the episode carries.")
    metrics = metrics_of("episode")
