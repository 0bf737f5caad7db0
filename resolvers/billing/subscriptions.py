"""A tenant's billing subscription as its clients see it, and what it has been through."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

import msgspec

from persistence.ids import TenantId
from persistence.records import BillingChangeRecord, BillingSubscriptionRecord
from persistence.repositories.billing import BillingChanges, BillingSubscriptions
from resolvers import lists
from resolvers.billing.plans import PLANS, Plan, PlanName
from resolvers.billing.ports import BudgetStatus
from resolvers.billing.spending import tenant_spending
from resolvers.billing.terms import effective, is_over, plan_at
from resolvers.context import RequestContext
from resolvers.identity.lists import Place
from resolvers.pages import Page, requested_page
from resolvers.policy import Permission


class SubscriptionStatus(StrEnum):
    ACTIVE = "ACTIVE"
    CANCELED = "CANCELED"


class Subscription(msgspec.Struct, frozen=True):
    """A tenant that has never chosen a plan has one too: the default plan, ACTIVE, version 0, without any dates."""

    tenant_id: TenantId
    plan: Plan
    """The plan that holds: of a CANCELED one, the default plan."""
    status: SubscriptionStatus
    pending_plan: Plan | None = None
    current_period_start: datetime | None = None
    current_period_end: datetime | None = None
    cancel_at_period_end: bool = False
    canceled_at: datetime | None = None
    ended_at: datetime | None = None
    version: int = 0
    created_at: datetime | None = None
    updated_at: datetime | None = None


async def subscription(context: RequestContext) -> Subscription:
    """The viewer's tenant's. Raises Unauthenticated, Forbidden."""
    tenant_id = context.tenant_for(Permission.READ)
    async with context.database.read(tenant_id) as session:
        record = await BillingSubscriptions(session).found()
    return shown(context, tenant_id, record)


def shown(context: RequestContext, tenant_id: TenantId, record: BillingSubscriptionRecord | None) -> Subscription:
    """The stored subscription, if there is one, as it is now."""
    now, default = context.services.clock(), context.services.billing.default_plan
    plan = PLANS[plan_at(record, now, default)]
    if record is None:
        return Subscription(tenant_id, plan, SubscriptionStatus.ACTIVE)
    current, over = effective(record, now), is_over(record, now)
    return Subscription(
        tenant_id=tenant_id,
        plan=plan,
        status=SubscriptionStatus.CANCELED if over else SubscriptionStatus.ACTIVE,
        pending_plan=None if current.pending_plan is None else PLANS[PlanName(current.pending_plan)],
        current_period_start=None if over else current.period_start,
        current_period_end=None if over else current.period_end,
        cancel_at_period_end=current.canceled_at is not None and not over,
        canceled_at=current.canceled_at,
        ended_at=current.period_end if over else None,
        version=current.version,
        created_at=current.created_at,
        updated_at=current.updated_at,
    )


async def budget(context: RequestContext, own: Subscription) -> BudgetStatus | None:
    """The tenant's budget as it is now; None where nobody spends anything."""
    levels = context.services.billing.levels
    return None if levels is None else await levels.level(tenant_spending(own.tenant_id, own.plan.name))


async def changes(
    context: RequestContext, owned: Sequence[Subscription], place: Place
) -> list[Page[BillingChangeRecord]]:
    """What was asked for, newest first. Raises InvalidInput."""
    request = requested_page(
        BillingChanges.orders,
        order="VERSION",
        descending=True,
        first=place.first,
        after=place.after,
        last=place.last,
        before=place.before,
    )
    tenant_ids = [own.tenant_id for own in owned]
    return await lists.pages_by(context, BillingChanges, "tenant_id", tenant_ids, request, None)
