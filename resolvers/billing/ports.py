"""What billing needs from outside; the gateway provides it."""

from typing import Protocol

import msgspec

from resolvers.billing.plans import PlanName
from resolvers.billing.spending import Spending


class BudgetStatus(msgspec.Struct, frozen=True):
    """A budget as it is now, in points, and points per second."""

    maximum_available: int
    currently_available: float
    restore_rate: int


class BudgetLevels(Protocol):
    async def level(self, spending: Spending) -> BudgetStatus:
        """What `spending.owner` has left to spend; looking takes nothing. The budget of its key is another one."""


class BillingServices(msgspec.Struct, frozen=True):
    """What lives as long as the process."""

    default_plan: PlanName = PlanName.FREE
    """Of tenants without a subscription."""
    levels: BudgetLevels | None = None
    """None where nobody spends anything, as in a command."""
