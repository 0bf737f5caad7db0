"""Budgets as the graph shows them: the payer's, in points; looking takes nothing."""

from gateway.cost.budgets import Hold
from gateway.cost.levels import Levels
from gateway.cost.local_budgets import LocalBudgets
from gateway.cost.points import Points
from gateway.cost.terms import allowances
from persistence.ids import ApiKeyId, TenantId
from resolvers.billing.plans import PlanName
from resolvers.billing.ports import BudgetStatus
from resolvers.billing.spending import KeyBudget, Spending, tenant_spending


async def test_level_is_the_payers_with_what_is_held_taken_off() -> None:
    budgets = LocalBudgets(lambda: 0.0)
    levels, own = Levels(budgets), tenant_spending(TenantId(3), PlanName.TEAM)
    full = BudgetStatus(maximum_available=200_000, currently_available=200_000, restore_rate=2_000)
    assert [await levels.level(own) for _ in range(2)] == [full, full]
    by_key = Spending(own.owner, own.plan, KeyBudget(ApiKeyId(1), capacity=1_000, restore_rate=10))
    hold = await budgets.take(allowances(by_key), Points(12_500), client="a client", seconds=10)
    assert isinstance(hold, Hold)
    assert await levels.level(own) == BudgetStatus(200_000, 199_987.5, 2_000)
    assert await levels.level(tenant_spending(TenantId(4), PlanName.TEAM)) == full
