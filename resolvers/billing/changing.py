"""Choosing a plan, canceling it and going on with it. There is no payment provider: the dates are those of one."""

from collections.abc import Callable
from datetime import datetime

import msgspec

from persistence.errors import DuplicateValue
from persistence.ids import TenantId, UserId
from persistence.records import BillingSubscriptionRecord
from persistence.repositories.billing import BillingChanges, BillingSubscriptions
from persistence.sessions import TenantSession
from resolvers import changes
from resolvers.billing.moves import Move, canceled, changed, put, resumed
from resolvers.billing.plans import PlanName
from resolvers.billing.subscriptions import Subscription, shown
from resolvers.billing.terms import effective, is_over, plan_at
from resolvers.context import RequestContext, Services
from resolvers.policy import Permission, user_of

_NOUN = "billing subscription"

Choice = Callable[[BillingSubscriptionRecord | None, PlanName, datetime], Move]
"""From what holds now (see `moves`) to what is to be."""


async def change_plan(context: RequestContext, plan: PlanName, version: int) -> Subscription:
    """A dearer plan at once, a cheaper one when the period ends. Raises Conflict, IllegalTransition."""
    return await _moved(context, version, lambda current, present, now: changed(current, present, plan, now))


async def cancel_plan(context: RequestContext, version: int) -> Subscription:
    """The plan stays until its period ends; a pending one is dropped. Raises Conflict, IllegalTransition."""
    return await _moved(context, version, canceled)


async def resume_plan(context: RequestContext, version: int) -> Subscription:
    """Undoes a cancellation while the period lasts. Raises Conflict, IllegalTransition."""
    return await _moved(context, version, resumed)


async def put_on_plan(services: Services, tenant_id: TenantId, plan: PlanName) -> bool:
    """For operators: at once, whatever the tenant has chosen. False where that changes nothing.

    Raises MissingReference when there is no such tenant; Conflict.
    """
    now = services.clock()
    async with services.database.write(tenant_id) as session:
        stored = await BillingSubscriptions(session).found()
        move = put(_current(stored, now), plan_at(stored, now, services.billing.default_plan), plan, now)
        if move is not None:
            await _written(session, stored, move, None, now)
    return move is not None


async def _moved(context: RequestContext, version: int, choice: Choice) -> Subscription:
    tenant_id = context.tenant_for(Permission.MANAGE_BILLING)
    user_id = user_of(context.viewer)
    now, default = context.services.clock(), context.services.billing.default_plan
    async with context.database.write(tenant_id) as session:
        stored = await BillingSubscriptions(session).found()
        if version != _version(stored):
            raise changes.stale(_NOUN, version)
        move = choice(_current(stored, now), plan_at(stored, now, default), now)
        record = await _written(session, stored, move, user_id, now)
    context.loaders.clear()
    return shown(context, tenant_id, record)


async def _written(
    session: TenantSession, stored: BillingSubscriptionRecord | None, move: Move, user_id: UserId | None, now: datetime
) -> BillingSubscriptionRecord:
    """Of two that read the same version one is written. Raises Conflict for the other."""
    rows, values = BillingSubscriptions(session), msgspec.structs.asdict(move.becomes)
    try:
        record = await (rows.insert(values) if stored is None else rows.update(stored.version, values))
    except DuplicateValue as error:
        raise changes.stale(_NOUN, _version(stored)) from error
    if record is None:
        raise changes.stale(_NOUN, _version(stored))
    await BillingChanges(session).insert(
        {
            "version": record.version,
            "kind": move.kind,
            "from_plan": move.from_plan,
            "to_plan": move.to_plan,
            "changed_by": user_id,
            "effective_at": move.effective_at,
            "created_at": now,
        }
    )
    return record


def _current(stored: BillingSubscriptionRecord | None, now: datetime) -> BillingSubscriptionRecord | None:
    return None if stored is None or is_over(stored, now) else effective(stored, now)


def _version(stored: BillingSubscriptionRecord | None) -> int:
    """0 before the first change."""
    return 0 if stored is None else stored.version
