"""Who pays for an operation, and on which plan."""

from typing import Final

import msgspec

from persistence.ids import ApiKeyId, TenantId, UserId
from persistence.records import ApiKeyRecord
from resolvers.billing.plans import PLANS, Plan, PlanName


class KeyBudget(msgspec.Struct, frozen=True):
    """What an API key may spend, beside its tenant's budget; in points, and points per second."""

    api_key_id: ApiKeyId
    capacity: int
    restore_rate: int


class Spending(msgspec.Struct, frozen=True):
    """`owner` names the bucket: 'ten:3' of a tenant, 'usr:5' of a user who has none, 'adr:<hash>' of a stranger."""

    owner: str
    plan: Plan
    key: KeyBudget | None = None


def tenant_spending(tenant_id: TenantId, plan: PlanName, api_key: ApiKeyRecord | None = None) -> Spending:
    """The tenant pays; a key that has a budget of its own spends from both."""
    return Spending(f"ten:{tenant_id}", PLANS[plan], None if api_key is None else key_budget(api_key))


def user_spending(user_id: UserId) -> Spending:
    """Who has no tenant yet pays alone, on the smallest plan."""
    return Spending(f"usr:{user_id}", PLANS[PlanName.FREE])


def key_budget(api_key: ApiKeyRecord) -> KeyBudget | None:
    """None for a key that spends from its tenant's budget alone."""
    if api_key.budget_capacity is None or api_key.budget_restore_rate is None:
        return None
    return KeyBudget(api_key.id, api_key.budget_capacity, api_key.budget_restore_rate)


class Client(msgspec.Struct, frozen=True):
    """The program that asks, by its own word."""

    name: str
    version: str


UNKNOWN: Final = Client(name="unknown", version="")
