"""Where changes start: the mutations of every domain."""

import strawberry

from schema.mutations.feeds import FeedMutations
from schema.mutations.podcasts import PodcastMutations


@strawberry.type(
    description="Where changes start. Every mutation answers with a union: its payload, or a typed error that says"
    " what was wrong; after an error nothing has changed."
)
class Mutation(FeedMutations, PodcastMutations):
    pass
