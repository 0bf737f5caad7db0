"""Puts the graph together."""

import strawberry
from strawberry.schema.config import StrawberryConfig

from schema.errors import EXCEPTION_HANDLERS
from schema.info import Info
from schema.mutation import Mutation
from schema.mutations.campaign_lifecycle import LIFECYCLE_EXCEPTION_HANDLERS
from schema.query import Query
from schema.scalars import SCALARS
from schema.subscription import Subscription
from schema.types.advertisers import Advertiser
from schema.types.billing import BillingChange
from schema.types.campaigns import Campaign
from schema.types.events import ConversionEvent, ImpressionEvent, VisitEvent
from schema.types.identity import ApiKey, Invite, Membership, Tenant, User
from schema.types.line_items import LineItem
from schema.types.placements import Placement
from schema.types.podcasts import Episode, Podcast
from schema.types.runs import AttributionRun

NODES = (
    Podcast,
    Episode,
    Advertiser,
    Campaign,
    LineItem,
    Placement,
    ImpressionEvent,
    VisitEvent,
    ConversionEvent,
    AttributionRun,
    Tenant,
    User,
    Membership,
    Invite,
    ApiKey,
    BillingChange,
)
"""Types that are reached through `Node` alone must be named; naming all is simpler than knowing which."""


def build_schema() -> strawberry.Schema:
    return strawberry.Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=NODES,
        exception_handlers=(*EXCEPTION_HANDLERS, *LIFECYCLE_EXCEPTION_HANDLERS),
        config=StrawberryConfig(scalar_map=SCALARS, info_class=Info),
    )
