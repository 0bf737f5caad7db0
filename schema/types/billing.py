"""Plans, a tenant's billing subscription, and its history."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import strawberry

from persistence.records import BillingChangeRecord, UserRecord
from resolvers import ids
from resolvers.billing import subscriptions
from resolvers.billing.moves import ChangeKind
from resolvers.billing.plans import CURRENCY, PlanName
from resolvers.billing.plans import DocumentBounds as DocumentBoundsRecord
from resolvers.billing.plans import Plan as PlanRecord
from resolvers.billing.ports import BudgetStatus as BudgetStatusRecord
from resolvers.billing.subscriptions import Subscription as SubscriptionRecord
from resolvers.billing.subscriptions import SubscriptionStatus
from resolvers.campaigns.money import Money as MoneyRecord
from resolvers.identity.lists import Place
from resolvers.identity.members import members_by_id
from schema.enums import described
from schema.fields import batched
from schema.info import Info
from schema.relay import After, Before, First, Last, Node, connection_of, node_id, of_record
from schema.types.identity import User
from schema.types.money import Money

described(
    PlanName,
    "The plans that are sold, from the smallest to the largest.",
    {
        PlanName.FREE: "To get to know the graph.",
        PlanName.TEAM: "For a team.",
        PlanName.BUSINESS: "For partners.",
        PlanName.ENTERPRISE: "For those whose systems run on the graph.",
    },
)
described(
    SubscriptionStatus,
    "Where a subscription is in its life.",
    {
        SubscriptionStatus.ACTIVE: "Its plan holds, also one that is canceled for the period's end.",
        SubscriptionStatus.CANCELED: "It is over; the plan of tenants that have chosen none holds.",
    },
    name="BillingSubscriptionStatus",
)
described(
    ChangeKind,
    "What was asked for.",
    {
        ChangeKind.CHANGED: "Another plan, at once.",
        ChangeKind.SCHEDULED: "Another plan, when the period ends.",
        ChangeKind.UNSCHEDULED: "To keep the plan: what was to come when the period ends does not.",
        ChangeKind.CANCELED: "The end of the subscription, when the period ends.",
        ChangeKind.RESUMED: "To keep the plan: the subscription does not end.",
    },
    name="BillingChangeKind",
)


@strawberry.type(description="The largest document that a plan takes. It protects the parser; cost does the rest.")
class DocumentBounds:
    is_type_of = of_record(DocumentBoundsRecord)

    tokens: int = strawberry.field(description="The greatest number of tokens, as the lexer counts them.")
    depth: int = strawberry.field(description="The greatest number of fields within each other.")
    aliases: int = strawberry.field(description="The greatest number of aliases.")
    directives: int = strawberry.field(description="The greatest number of directives.")


@strawberry.type(
    description="What a tenant may spend on queries. A query's cost is known before it runs; a budget fills up again as"
    " time passes."
)
class Plan:
    is_type_of = of_record(PlanRecord)

    name: PlanName = strawberry.field(description="The plan's name, for changePlan.")
    description: str = strawberry.field(description="Whom the plan is for, in a sentence.")
    max_query_cost: int = strawberry.field(description="The most points that one query may cost.")
    capacity: int = strawberry.field(description="The most points that the budget holds.")
    restore_rate: int = strawberry.field(description="Points per second by which the budget fills up again.")
    bounds: DocumentBoundsRecord = strawberry.field(
        graphql_type=DocumentBounds, description="The largest document that may be sent."
    )

    @batched(graphql_type=Money, description="What the plan costs per month.")
    @staticmethod
    def price(parents: Sequence[PlanRecord], info: Info) -> list[MoneyRecord]:
        return [MoneyRecord(plan.price_minor, CURRENCY) for plan in parents]


@strawberry.type(description="A budget as it is at this moment.")
class BudgetStatus:
    is_type_of = of_record(BudgetStatusRecord)

    maximum_available: int = strawberry.field(description="The most points that it holds.")
    currently_available: float = strawberry.field(
        description="Points that are there to spend; what running operations hold is not."
    )
    restore_rate: int = strawberry.field(description="Points per second by which it fills up again.")


@strawberry.type(description="Something that was asked of a subscription.")
class BillingChange(Node):
    is_type_of = of_record(BillingChangeRecord)

    id: strawberry.ID = node_id(ids.BILLING_CHANGE, "change")
    version: int = strawberry.field(description="The subscription's `version` that it made.")
    kind: ChangeKind = strawberry.field(description="What was asked for.")
    from_plan: PlanName = strawberry.field(description="The plan that held then.")
    to_plan: PlanName | None = strawberry.field(
        description="The plan that was to hold from `effectiveAt` on; null for that of tenants without a subscription."
    )
    effective_at: datetime = strawberry.field(
        description="From when on it was to hold, unless a later change called it off before."
    )
    created_at: datetime = strawberry.field(description="When it was asked for.")

    @batched(
        graphql_type=User | None,
        description="Who asked; null for an operator of Podgraph, for whoever is no member any more, and for viewers"
        " who may not see members.",
    )
    @staticmethod
    async def changed_by(parents: Sequence[BillingChangeRecord], info: Info) -> list[UserRecord | None]:
        known = [change.changed_by for change in parents if change.changed_by is not None]
        users = dict(zip(known, await members_by_id(info.context, known), strict=True))
        return [None if change.changed_by is None else users[change.changed_by] for change in parents]


@strawberry.type(
    description="The plan that a tenant has chosen, by the month. Periods begin on the day of the month on which the"
    " first one began, or on the last day of a shorter month. A tenant that has never chosen a plan has the default"
    " one, version 0 and no dates."
)
class BillingSubscription:
    is_type_of = of_record(SubscriptionRecord)

    plan: PlanRecord = strawberry.field(graphql_type=Plan, description="The plan that holds now.")
    status: SubscriptionStatus = strawberry.field(description="Whether the subscription lasts.")
    pending_plan: PlanRecord | None = strawberry.field(
        graphql_type=Plan | None, description="The plan that will hold from `currentPeriodEnd` on; null for the same."
    )
    current_period_start: datetime | None = strawberry.field(
        description="When the period began; null without a subscription that lasts."
    )
    current_period_end: datetime | None = strawberry.field(
        description="When the period ends; null without a subscription that lasts."
    )
    cancel_at_period_end: bool = strawberry.field(
        description="Whether the subscription ends with its period; until then resumePlan undoes that."
    )
    canceled_at: datetime | None = strawberry.field(
        description="When the plan was canceled, which is before `endedAt`; null unless it was."
    )
    ended_at: datetime | None = strawberry.field(description="When the subscription was over; null while it lasts.")
    version: int = strawberry.field(
        description="Number of the subscription's state, 0 before the first change; changes name it. The passing of"
        " time does not raise it."
    )
    created_at: datetime | None = strawberry.field(description="When the tenant first chose a plan; null if never.")
    updated_at: datetime | None = strawberry.field(description="When the tenant last changed it; null if never.")

    @batched(
        graphql_type=BudgetStatus | None,
        description="The tenant's budget at this moment, which this operation spends from too; null on a server that"
        " keeps no budgets.",
    )
    @staticmethod
    async def budget(parents: Sequence[SubscriptionRecord], info: Info) -> list[BudgetStatusRecord | None]:
        return [await subscriptions.budget(info.context, own) for own in parents]

    @batched(graphql_type=connection_of(BillingChange), description="What was asked for, newest first.")
    @staticmethod
    async def changes(
        parents: Sequence[SubscriptionRecord],
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        return await subscriptions.changes(info.context, parents, Place(first, after, last, before))
