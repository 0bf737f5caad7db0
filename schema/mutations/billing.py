"""Mutations of a tenant's plan."""

from typing import Annotated

import strawberry

from resolvers.billing import changing
from resolvers.billing.plans import PlanName
from resolvers.billing.subscriptions import Subscription
from schema.errors import ConflictError, ForbiddenError, IllegalTransitionError, InvalidInputError
from schema.fields import root_field
from schema.info import Info
from schema.types.billing import BillingSubscription

_SUBSCRIPTION = "The subscription as it is now."

SubscriptionVersion = Annotated[
    int,
    strawberry.argument(
        description="The subscription's `version` that you read, 0 before the first change; another one is a CONFLICT."
    ),
]


@strawberry.type(description="The chosen plan: it holds already, or it is pending.")
class ChangePlanPayload:
    billing_subscription: Subscription = strawberry.field(graphql_type=BillingSubscription, description=_SUBSCRIPTION)


@strawberry.type(description="The plan is canceled for the period's end.")
class CancelPlanPayload:
    billing_subscription: Subscription = strawberry.field(graphql_type=BillingSubscription, description=_SUBSCRIPTION)


@strawberry.type(description="The plan goes on.")
class ResumePlanPayload:
    billing_subscription: Subscription = strawberry.field(graphql_type=BillingSubscription, description=_SUBSCRIPTION)


ChangePlanResult = Annotated[
    ChangePlanPayload | InvalidInputError | ConflictError | IllegalTransitionError | ForbiddenError,
    strawberry.union("ChangePlanResult", description="The chosen plan, or why nothing changed."),
]
CancelPlanResult = Annotated[
    CancelPlanPayload | InvalidInputError | ConflictError | IllegalTransitionError | ForbiddenError,
    strawberry.union("CancelPlanResult", description="The canceled plan, or why nothing changed."),
]
ResumePlanResult = Annotated[
    ResumePlanPayload | InvalidInputError | ConflictError | IllegalTransitionError | ForbiddenError,
    strawberry.union("ResumePlanResult", description="The plan that goes on, or why nothing changed."),
]


@strawberry.type
class BillingMutations:
    @root_field(
        graphql_type=ChangePlanResult,
        description="Chooses the tenant's plan; needs MANAGE_BILLING. A dearer one holds from the next request on, in"
        " the same period, or in a new one after a plan that costs nothing. A cheaper one holds when the period ends;"
        " until then, choosing the present plan calls that off. A canceled plan is resumed first.",
    )
    @staticmethod
    async def change_plan(
        info: Info,
        plan: Annotated[PlanName, strawberry.argument(description="The new plan.")],
        version: SubscriptionVersion,
    ) -> ChangePlanPayload:
        return ChangePlanPayload(billing_subscription=await changing.change_plan(info.context, plan, version))

    @root_field(
        graphql_type=CancelPlanResult,
        description="Ends the subscription when its period ends; needs MANAGE_BILLING. Until then the plan holds, and a"
        " pending one is dropped; after it the plan of tenants that have chosen none does.",
    )
    @staticmethod
    async def cancel_plan(info: Info, version: SubscriptionVersion) -> CancelPlanPayload:
        return CancelPlanPayload(billing_subscription=await changing.cancel_plan(info.context, version))

    @root_field(
        graphql_type=ResumePlanResult,
        description="Undoes cancelPlan while the period lasts; needs MANAGE_BILLING.",
    )
    @staticmethod
    async def resume_plan(info: Info, version: SubscriptionVersion) -> ResumePlanPayload:
        return ResumePlanPayload(billing_subscription=await changing.resume_plan(info.context, version))
