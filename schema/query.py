"""Where queries start: the queries of every domain, and Relay's `node` and `nodes`."""

from typing import Annotated, Any

import strawberry

from resolvers import nodes
from schema.fields import PerItem, root_field
from schema.info import Info
from schema.queries.billing import BillingQueries
from schema.queries.campaigns import CampaignQueries
from schema.queries.events import EventQueries
from schema.queries.identity import IdentityQueries
from schema.queries.metrics import MetricsQueries
from schema.queries.podcasts import PodcastQueries
from schema.queries.runs import RunQueries
from schema.relay import IdArgument, Node


@strawberry.type(description="Where queries start.")
class Query(IdentityQueries, BillingQueries, PodcastQueries, CampaignQueries, EventQueries, RunQueries, MetricsQueries):
    @root_field(graphql_type=Node | None, description="Any object by its id; null if your tenant has none of this id.")
    @staticmethod
    async def node(info: Info, id: IdArgument) -> Any:
        return (await nodes.nodes(info.context, [id], "id"))[0]

    @root_field(
        graphql_type=list[Node | None],
        description="Objects by their ids, in the order of `ids`; null where your tenant has none of an id.",
        longest=PerItem("ids"),
    )
    @staticmethod
    async def nodes(
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description="Typed ids, at most 1,000.")],
    ) -> list[Any]:
        return await nodes.nodes(info.context, ids, "ids")
