"""Queries of podcasts and episodes."""

import strawberry

from persistence.records import EpisodeRecord, PodcastRecord
from persistence.repositories.podcasts import Episodes, Podcasts
from resolvers import ids, lists
from schema.fields import root_field
from schema.info import Info
from schema.listings import root_connection
from schema.relay import IdArgument
from schema.types.podcasts import PODCASTS, Episode, Podcast


@strawberry.type
class PodcastQueries:
    podcasts = root_connection(PODCASTS, description="The tenant's podcasts.")

    @root_field(graphql_type=Podcast | None, description="One podcast; null if your tenant has none of this id.")
    @staticmethod
    async def podcast(info: Info, id: IdArgument) -> PodcastRecord | None:
        return await lists.by_id(info.context, Podcasts, ids.row_id(id, ids.PODCAST, "id"), reads=info.reads)

    @root_field(graphql_type=Episode | None, description="One episode; null if your tenant has none of this id.")
    @staticmethod
    async def episode(info: Info, id: IdArgument) -> EpisodeRecord | None:
        return await lists.by_id(info.context, Episodes, ids.row_id(id, ids.EPISODE, "id"), reads=info.reads)
