"""Mutations of podcasts and episodes."""

from typing import Annotated

import strawberry

from persistence.ids import EpisodeId, PodcastId
from persistence.records import EpisodeRecord, PodcastRecord
from resolvers import ids, podcasts
from schema.errors import ConflictError, ForbiddenError, IllegalTransitionError, InvalidInputError, NotFoundError
from schema.fields import root_field
from schema.info import Info
from schema.relay import IdArgument, VersionArgument
from schema.types.podcasts import (
    CreateEpisodeInput,
    CreatePodcastInput,
    Episode,
    Podcast,
    UpdateEpisodeInput,
    UpdatePodcastInput,
)


@strawberry.type(description="The new podcast.")
class CreatePodcastPayload:
    podcast: PodcastRecord = strawberry.field(graphql_type=Podcast, description="The podcast as it is now.")


@strawberry.type(description="The changed podcast.")
class UpdatePodcastPayload:
    podcast: PodcastRecord = strawberry.field(graphql_type=Podcast, description="The podcast as it is now.")


@strawberry.type(description="The archived podcast.")
class ArchivePodcastPayload:
    podcast: PodcastRecord = strawberry.field(graphql_type=Podcast, description="The podcast as it is now.")


@strawberry.type(description="The new episode.")
class CreateEpisodePayload:
    episode: EpisodeRecord = strawberry.field(graphql_type=Episode, description="The episode as it is now.")


@strawberry.type(description="The changed episode.")
class UpdateEpisodePayload:
    episode: EpisodeRecord = strawberry.field(graphql_type=Episode, description="The episode as it is now.")


CreatePodcastResult = Annotated[
    CreatePodcastPayload | InvalidInputError | ForbiddenError,
    strawberry.union("CreatePodcastResult", description="The new podcast, or why there is none."),
]
UpdatePodcastResult = Annotated[
    UpdatePodcastPayload | InvalidInputError | NotFoundError | ConflictError | IllegalTransitionError | ForbiddenError,
    strawberry.union("UpdatePodcastResult", description="The changed podcast, or why nothing changed."),
]
ArchivePodcastResult = Annotated[
    ArchivePodcastPayload | InvalidInputError | NotFoundError | ConflictError | IllegalTransitionError | ForbiddenError,
    strawberry.union("ArchivePodcastResult", description="The archived podcast, or why nothing changed."),
]
CreateEpisodeResult = Annotated[
    CreateEpisodePayload | InvalidInputError | NotFoundError | IllegalTransitionError | ForbiddenError,
    strawberry.union("CreateEpisodeResult", description="The new episode, or why there is none."),
]
UpdateEpisodeResult = Annotated[
    UpdateEpisodePayload | InvalidInputError | NotFoundError | ConflictError | ForbiddenError,
    strawberry.union("UpdateEpisodeResult", description="The changed episode, or why nothing changed."),
]


@strawberry.type
class PodcastMutations:
    @root_field(graphql_type=CreatePodcastResult, description="Adds a show that has no feed.")
    @staticmethod
    async def create_podcast(
        info: Info, input: Annotated[CreatePodcastInput, strawberry.argument(description="The show.")]
    ) -> CreatePodcastPayload:
        return CreatePodcastPayload(podcast=await podcasts.create_podcast(info.context, input))

    @root_field(
        graphql_type=UpdatePodcastResult, description="Changes what a podcast that is not archived says of itself."
    )
    @staticmethod
    async def update_podcast(
        info: Info,
        id: IdArgument,
        version: VersionArgument,
        input: Annotated[UpdatePodcastInput, strawberry.argument(description="What to change.")],
    ) -> UpdatePodcastPayload:
        podcast_id = PodcastId(ids.row_id(id, ids.PODCAST, "id"))
        return UpdatePodcastPayload(podcast=await podcasts.update_podcast(info.context, podcast_id, version, input))

    @root_field(graphql_type=ArchivePodcastResult, description="Hides a podcast from lists; what refers to it stays.")
    @staticmethod
    async def archive_podcast(info: Info, id: IdArgument, version: VersionArgument) -> ArchivePodcastPayload:
        podcast_id = PodcastId(ids.row_id(id, ids.PODCAST, "id"))
        return ArchivePodcastPayload(podcast=await podcasts.archive_podcast(info.context, podcast_id, version))

    @root_field(
        graphql_type=CreateEpisodeResult, description="Adds an episode to a show that has no feed and is not archived."
    )
    @staticmethod
    async def create_episode(
        info: Info,
        podcast_id: IdArgument,
        input: Annotated[CreateEpisodeInput, strawberry.argument(description="The episode.")],
    ) -> CreateEpisodePayload:
        owner = PodcastId(ids.row_id(podcast_id, ids.PODCAST, "podcastId"))
        return CreateEpisodePayload(episode=await podcasts.create_episode(info.context, owner, input))

    @root_field(graphql_type=UpdateEpisodeResult, description="Changes what an episode says of itself.")
    @staticmethod
    async def update_episode(
        info: Info,
        id: IdArgument,
        version: VersionArgument,
        input: Annotated[UpdateEpisodeInput, strawberry.argument(description="What to change.")],
    ) -> UpdateEpisodePayload:
        episode_id = EpisodeId(ids.row_id(id, ids.EPISODE, "id"))
        return UpdateEpisodePayload(episode=await podcasts.update_episode(info.context, episode_id, version, input))
