"""The moves of a billing subscription: pure, from the one that holds now to what is written.

    none, or one that is over → chosen → ACTIVE, in a first period that begins now
    ACTIVE → upgraded: at once, in the same period; but nobody has paid for the period of a plan that costs nothing, so
        that from there a new one begins
    ACTIVE → downgraded: pending until the period ends; choosing the present plan calls that off
    ACTIVE → canceled: over when the period ends; until then it can be resumed, and not be changed

`current` is the subscription as it is now (`terms.effective`), None where there is none or it is over.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from persistence.records import BillingSubscriptionRecord
from resolvers.billing.periods import period_at
from resolvers.billing.plans import PLANS, PlanName
from resolvers.errors import IllegalTransition


class ChangeKind(StrEnum):
    CHANGED = "CHANGED"
    SCHEDULED = "SCHEDULED"
    UNSCHEDULED = "UNSCHEDULED"
    CANCELED = "CANCELED"
    RESUMED = "RESUMED"


class Written(msgspec.Struct, frozen=True):
    """What is stored of a subscription."""

    plan: PlanName
    pending_plan: PlanName | None
    anchor_at: datetime
    period_start: datetime
    period_end: datetime
    canceled_at: datetime | None


class Move(msgspec.Struct, frozen=True):
    """What the subscription becomes, and what its history says of it."""

    becomes: Written
    kind: ChangeKind
    from_plan: PlanName
    to_plan: PlanName | None
    """None: the plan of tenants without a subscription."""
    effective_at: datetime


def changed(current: BillingSubscriptionRecord | None, present: PlanName, wanted: PlanName, now: datetime) -> Move:
    """A tenant on the plan `present` chooses another. Raises IllegalTransition."""
    if current is None:
        if wanted is present:
            raise _already(wanted)
        return _begun(present, wanted, now)
    if current.canceled_at is not None:
        raise IllegalTransition("The plan is canceled and ends with its period: call resumePlan first.", ("plan",))
    if wanted is present:
        if current.pending_plan is None:
            raise _already(wanted)
        return Move(_kept(current), ChangeKind.UNSCHEDULED, present, present, now)
    if wanted == current.pending_plan:
        raise IllegalTransition(f"The plan becomes {wanted} when its period ends already.", ("plan",))
    if PLANS[wanted].price_minor < PLANS[present].price_minor:
        return Move(
            _kept(current, pending_plan=wanted), ChangeKind.SCHEDULED, present, wanted, effective_at=current.period_end
        )
    return _at_once(current, present, wanted, now)


def canceled(current: BillingSubscriptionRecord | None, present: PlanName, now: datetime) -> Move:
    """Raises IllegalTransition."""
    if current is None:
        raise IllegalTransition("There is no plan to cancel: yours is the one of every tenant that has chosen none.")
    if current.canceled_at is not None:
        raise IllegalTransition("The plan is canceled already, and ends with its period.")
    return Move(
        _kept(current, canceled_at=now), ChangeKind.CANCELED, present, to_plan=None, effective_at=current.period_end
    )


def resumed(current: BillingSubscriptionRecord | None, present: PlanName, now: datetime) -> Move:
    """Raises IllegalTransition."""
    if current is None:
        raise IllegalTransition("There is no canceled plan whose period still lasts: choose one with changePlan.")
    if current.canceled_at is None:
        raise IllegalTransition("The plan is not canceled.")
    return Move(_kept(current), ChangeKind.RESUMED, present, present, now)


def put(current: BillingSubscriptionRecord | None, present: PlanName, wanted: PlanName, now: datetime) -> Move | None:
    """What an operator does: any plan at once, whatever was pending or canceled. None where that changes nothing."""
    if current is None:
        return _begun(present, wanted, now)
    if wanted is present and current.pending_plan is None and current.canceled_at is None:
        return None
    return _at_once(current, present, wanted, now)


def _at_once(current: BillingSubscriptionRecord, present: PlanName, wanted: PlanName, now: datetime) -> Move:
    if PLANS[present].price_minor == 0 < PLANS[wanted].price_minor:
        return _begun(present, wanted, now)
    return Move(_kept(current, plan=wanted), ChangeKind.CHANGED, present, wanted, now)


def _begun(present: PlanName, wanted: PlanName, now: datetime) -> Move:
    period = period_at(now, now)
    becomes = Written(
        plan=wanted,
        pending_plan=None,
        anchor_at=now,
        period_start=period.starts_at,
        period_end=period.ends_at,
        canceled_at=None,
    )
    return Move(becomes, ChangeKind.CHANGED, present, wanted, now)


def _kept(current: BillingSubscriptionRecord, **different: Any) -> Written:
    """The same plan and period, with nothing pending or canceled but what is `different`."""
    same = Written(
        plan=PlanName(current.plan),
        pending_plan=None,
        anchor_at=current.anchor_at,
        period_start=current.period_start,
        period_end=current.period_end,
        canceled_at=None,
    )
    return msgspec.structs.replace(same, **different)


def _already(wanted: PlanName) -> IllegalTransition:
    return IllegalTransition(f"The plan is {wanted} already.", ("plan",))
