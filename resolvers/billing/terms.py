"""What time makes of a billing subscription. No job runs: whoever reads it computes it, and a change writes it down.

A subscription is written with the period that it was then in. When that ends, a canceled one is over, a pending plan
takes the plan's place, and the next period begins.
"""

from datetime import datetime
from typing import Protocol

import msgspec

from persistence.records import BillingSubscriptionRecord
from resolvers.billing.periods import period_at
from resolvers.billing.plans import PlanName


class Terms(Protocol):
    """What says which plan holds: of a whole subscription, or of what a request's look-up brings along."""

    @property
    def plan(self) -> str: ...
    @property
    def pending_plan(self) -> str | None: ...
    @property
    def period_end(self) -> datetime: ...
    @property
    def canceled_at(self) -> datetime | None: ...


def plan_at(terms: Terms | None, now: datetime, default: PlanName) -> PlanName:
    """The plan that holds; `default` is that of tenants without a subscription, or whose subscription is over."""
    if terms is None or is_over(terms, now):
        return default
    return PlanName(terms.plan if now < terms.period_end else terms.pending_plan or terms.plan)


def is_over(terms: Terms, now: datetime) -> bool:
    return terms.canceled_at is not None and now >= terms.period_end


def effective(record: BillingSubscriptionRecord, now: datetime) -> BillingSubscriptionRecord:
    """The subscription as it is now; one that is over stays in its last period. A clock before it changes nothing."""
    if now < record.period_end or record.canceled_at is not None:
        return record
    period = period_at(record.anchor_at, now)
    return msgspec.structs.replace(
        record,
        plan=record.pending_plan or record.plan,
        pending_plan=None,
        period_start=period.starts_at,
        period_end=period.ends_at,
    )
