"""Puts the graph together."""

import strawberry
from strawberry.schema.config import StrawberryConfig

from schema.errors import EXCEPTION_HANDLERS
from schema.mutation import Mutation
from schema.query import Query
from schema.scalars import SCALARS
from schema.types.podcasts import Episode, Podcast

NODES = (Podcast, Episode)
"""Types that are reached through `Node` alone must be named; naming all is simpler than knowing which."""


def build_schema() -> strawberry.Schema:
    return strawberry.Schema(
        query=Query,
        mutation=Mutation,
        types=NODES,
        exception_handlers=EXCEPTION_HANDLERS,
        config=StrawberryConfig(scalar_map=SCALARS),
    )
