"""Queries of who asks."""

import strawberry

from resolvers.policy import Viewer as ViewerRecord
from schema.fields import root_field
from schema.info import Info
from schema.types.identity import Viewer


@strawberry.type
class IdentityQueries:
    @root_field(graphql_type=Viewer | None, description="Who asks; null without credentials.")
    @staticmethod
    async def viewer(info: Info) -> ViewerRecord | None:
        return info.context.viewer
