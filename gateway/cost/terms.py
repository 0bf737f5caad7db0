"""What a payer's plan and API key say about budgets: the same for all of their operations, so worked out once."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from gateway.cost.budgets import Allowance, Level
from gateway.cost.points import ONE, Points, points, shown
from resolvers.billing.spending import Spending

_KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {"ten": "tenant", "key": "api-key", "usr": "user", "adr": "address"}
)
"""The names of policies in RateLimit headers, by the kind of owner."""


class Budget(msgspec.Struct, frozen=True):
    """One bucket that must have enough, and what never changes of how it is shown.

    `kind` is its name in headers; amounts are in points, as JSON has them.
    """

    allowance: Allowance
    kind: str
    capacity: int | float
    restore_rate: int | float

    def status(self, level: Level) -> dict[str, Any]:
        """The `throttleStatus` of `extensions.cost`."""
        return {
            "maximumAvailable": self.capacity,
            "currentlyAvailable": shown(level.available),
            "restoreRate": self.restore_rate,
        }

    def policy(self) -> str:
        """Its part of RateLimit-Policy: the quota in whole points, and the seconds that restore it."""
        return f'"{self.kind}";q={self.allowance.capacity // ONE}{self._seconds("w", self.allowance.capacity)}'

    def rest(self, level: Level) -> str:
        """Its part of RateLimit: what is left in whole points, and the seconds until it is full."""
        available = level.available
        return f'"{self.kind}";r={available // ONE}{self._seconds("t", self.allowance.capacity - available)}'

    def _seconds(self, parameter: str, amount: int) -> str:
        """How long it takes to restore so much, rounded up; nothing where it restores nothing."""
        rate = self.allowance.restore_rate
        return f";{parameter}={-(-amount // rate)}" if rate else ""


class Terms(msgspec.Struct, frozen=True):
    """`allowances` are the budgets that must all have enough, the payer's first; `budgets` are the same, to be shown.

    `maximum` is what one operation may cost, `shown_maximum` the same in points. `policy` is the header
    RateLimit-Policy of draft-ietf-httpapi-ratelimit-headers.
    """

    spending: Spending
    allowances: tuple[Allowance, ...]
    budgets: tuple[Budget, ...]
    maximum: Points
    shown_maximum: int | float
    policy: str

    @property
    def limit(self) -> str:
        """What sets the maximum, in words."""
        spending = self.spending
        if spending.key is not None and spending.key.capacity < spending.plan.max_query_cost:
            return "the budget of this API key"
        return f"the plan {spending.plan.name}"


def terms_of(spending: Spending) -> Terms:
    """All that follows from who pays."""
    found = allowances(spending)
    maximum = largest_cost(spending)
    budgets = tuple(map(_budget, found))
    return Terms(
        spending=spending,
        allowances=found,
        budgets=budgets,
        maximum=maximum,
        shown_maximum=shown(maximum),
        policy=", ".join(budget.policy() for budget in budgets),
    )


def largest_cost(spending: Spending) -> Points:
    """What one operation may cost: the plan's maximum, or all that fits into the API key's own budget."""
    plan = points(spending.plan.max_query_cost)
    return plan if spending.key is None else min(plan, points(spending.key.capacity))


def allowances(spending: Spending) -> tuple[Allowance, ...]:
    """The budgets that must all have enough, the payer's first."""
    plan = spending.plan
    payer = Allowance(spending.owner, points(plan.capacity), points(plan.restore_rate))
    if spending.key is None:
        return (payer,)
    key = spending.key
    owner = f"key:{spending.owner.partition(':')[2]}:{key.api_key_id}"
    return payer, Allowance(owner, points(key.capacity), points(key.restore_rate))


def _budget(allowance: Allowance) -> Budget:
    return Budget(
        allowance=allowance,
        kind=_KINDS[allowance.owner[:3]],
        capacity=shown(allowance.capacity),
        restore_rate=shown(allowance.restore_rate),
    )
