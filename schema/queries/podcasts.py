"""Queries of podcasts and episodes."""

from typing import Annotated

import strawberry

from persistence.records import EpisodeRecord, PodcastRecord
from persistence.repositories.podcasts import Episodes, PodcastFilter, Podcasts
from resolvers import ids, lists
from resolvers.pages import Page
from schema.fields import root_field
from schema.info import Info
from schema.relay import After, Before, Connection, First, IdArgument, Last, OrderDirection, page_request
from schema.types.podcasts import Episode, Podcast, PodcastFilterInput, PodcastOrder, PodcastOrderField


@strawberry.type
class PodcastQueries:
    @root_field(graphql_type=Connection[Podcast], description="The tenant's podcasts.")
    @staticmethod
    async def podcasts(
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        order_by: Annotated[
            PodcastOrder, strawberry.argument(description="How to sort; newest first if left out.")
        ] = PodcastOrder(field=PodcastOrderField.CREATED_AT, direction=OrderDirection.DESC),  # noqa: B008
        filter: Annotated[
            PodcastFilterInput | None, strawberry.argument(description="Which to list; all but archived if left out.")
        ] = None,
    ) -> Page[PodcastRecord]:
        request = page_request(Podcasts.orders, order_by, first=first, after=after, last=last, before=before)
        wanted = PodcastFilter(search=filter.search, archived=filter.archived) if filter else PodcastFilter()
        return await lists.page(info.context, Podcasts, request, wanted)

    @root_field(graphql_type=Podcast | None, description="One podcast; null if your tenant has none of this id.")
    @staticmethod
    async def podcast(info: Info, id: IdArgument) -> PodcastRecord | None:
        return await lists.by_id(info.context, Podcasts, ids.row_id(id, ids.PODCAST, "id"))

    @root_field(graphql_type=Episode | None, description="One episode; null if your tenant has none of this id.")
    @staticmethod
    async def episode(info: Info, id: IdArgument) -> EpisodeRecord | None:
        return await lists.by_id(info.context, Episodes, ids.row_id(id, ids.EPISODE, "id"))
