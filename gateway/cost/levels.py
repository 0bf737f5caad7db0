"""Budgets as the graph shows them to whom they belong."""

from gateway.cost.budgets import Budgets
from gateway.cost.points import ONE, shown
from gateway.cost.terms import allowances
from resolvers.billing.ports import BudgetStatus
from resolvers.billing.spending import Spending


class Levels:
    """A `resolvers.billing.ports.BudgetLevels` over what admission takes from."""

    def __init__(self, budgets: Budgets) -> None:
        self._budgets = budgets

    async def level(self, spending: Spending) -> BudgetStatus:
        level, *_ = await self._budgets.levels(allowances(spending))
        return BudgetStatus(
            maximum_available=level.capacity // ONE,
            currently_available=shown(level.available),
            restore_rate=level.restore_rate // ONE,
        )
