"""Queries of plans and who is on which."""

import strawberry

from resolvers.billing.plans import PLANS
from resolvers.billing.plans import Plan as PlanRecord
from resolvers.billing.subscriptions import Subscription, subscription
from schema.fields import root_field
from schema.info import Info
from schema.types.billing import BillingSubscription, Plan


@strawberry.type
class BillingQueries:
    @root_field(
        graphql_type=list[Plan],
        description="The price list, from the smallest plan to the largest; for everybody.",
        longest=len(PLANS),
    )
    @staticmethod
    async def plans(info: Info) -> list[PlanRecord]:
        return list(PLANS.values())

    @root_field(graphql_type=BillingSubscription, description="The plan of your tenant.")
    @staticmethod
    async def billing_subscription(info: Info) -> Subscription:
        return await subscription(info.context)
