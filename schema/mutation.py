"""Where changes start: the mutations of every domain."""

import strawberry

from schema.mutations.accounts import AccountMutations
from schema.mutations.advertisers import AdvertiserMutations
from schema.mutations.billing import BillingMutations
from schema.mutations.campaign_lifecycle import CampaignLifecycleMutations
from schema.mutations.campaigns import CampaignMutations
from schema.mutations.events import EventMutations
from schema.mutations.feeds import FeedMutations
from schema.mutations.line_items import LineItemMutations
from schema.mutations.members import MemberMutations
from schema.mutations.placements import PlacementMutations
from schema.mutations.podcasts import PodcastMutations
from schema.mutations.runs import RunMutations
from schema.mutations.tenants import TenantMutations


@strawberry.type(
    description="Where changes start. Every mutation answers with a union: its payload, or a typed error that says"
    " what was wrong; after an error nothing has changed."
)
class Mutation(
    AccountMutations,
    TenantMutations,
    MemberMutations,
    BillingMutations,
    FeedMutations,
    PodcastMutations,
    AdvertiserMutations,
    CampaignMutations,
    CampaignLifecycleMutations,
    LineItemMutations,
    PlacementMutations,
    EventMutations,
    RunMutations,
):
    pass
