"""Plans and billing subscriptions in the graph."""

from typing import Any

import msgspec
import pytest

from resolvers.billing.changing import put_on_plan
from resolvers.billing.plans import PLANS, PlanName
from resolvers.billing.ports import BillingServices, BudgetStatus
from resolvers.billing.spending import Spending
from resolvers.context import RequestContext, Services
from resolvers.policy import Role
from tests.actors import Actor, new_member, new_tenant
from tests.graph import data
from tests.identity import Clock, clocked

SUBSCRIPTION = """
  plan { name } status pendingPlan { name } currentPeriodStart currentPeriodEnd cancelAtPeriodEnd canceledAt endedAt
  version
"""
NEVER = {
    "plan": {"name": "FREE"},
    "status": "ACTIVE",
    "pendingPlan": None,
    "currentPeriodStart": None,
    "currentPeriodEnd": None,
    "cancelAtPeriodEnd": False,
    "canceledAt": None,
    "endedAt": None,
    "version": 0,
}


@pytest.fixture
async def owner_and_clock(services: Services) -> tuple[Actor, Clock]:
    own_services, clock = clocked(services)
    return await new_tenant(own_services), clock


async def seen(context: RequestContext, selection: str = SUBSCRIPTION) -> Any:
    return (await data(context, f"{{ billingSubscription {{ {selection} }} }}"))["billingSubscription"]


async def asked(actor: Actor, mutation: str) -> Any:
    """The subscription of the payload, or the error."""
    payload = mutation[0].upper() + mutation[1:].partition("(")[0] + "Payload"
    query = (
        f"mutation {{ answer: {mutation} {{ ... on {payload} {{ billingSubscription {{ {SUBSCRIPTION} }} }}"
        " ... on Error { code message path } } }"
    )
    answer = (await data(actor.context(), query))["answer"]
    return answer.get("billingSubscription", answer)


async def test_everybody_sees_the_price_list(services: Services) -> None:
    query = """{ plans { name description price { amountMinor currency } maxQueryCost capacity restoreRate
      bounds { tokens depth aliases directives } } }"""
    shown = (await data(RequestContext(services, None), query))["plans"]
    assert [plan["name"] for plan in shown] == ["FREE", "TEAM", "BUSINESS", "ENTERPRISE"]
    assert shown[1] == {
        "name": "TEAM",
        "description": "For a team with a dashboard that is looked at all day.",
        "price": {"amountMinor": 9_900, "currency": "USD"},
        "maxQueryCost": 100_000,
        "capacity": 200_000,
        "restoreRate": 2_000,
        "bounds": {"tokens": 3_000, "depth": 20, "aliases": 80, "directives": 50},
    }


async def test_life_of_a_subscription(owner_and_clock: tuple[Actor, Clock]) -> None:
    owner, clock = owner_and_clock
    assert await seen(owner.context()) == NEVER
    team = {
        **NEVER,
        "plan": {"name": "TEAM"},
        "currentPeriodStart": "2026-11-23T12:00:00Z",
        "currentPeriodEnd": "2026-12-23T12:00:00Z",
        "version": 1,
    }
    assert await asked(owner, "changePlan(plan: TEAM, version: 0)") == team == await seen(owner.context())
    canceled = {**team, "cancelAtPeriodEnd": True, "canceledAt": "2026-11-23T12:00:00Z", "version": 2}
    assert await asked(owner, "cancelPlan(version: 1)") == canceled
    assert await asked(owner, "resumePlan(version: 2)") == {**team, "version": 3}
    pending = {**team, "pendingPlan": {"name": "FREE"}, "version": 4}
    assert await asked(owner, "changePlan(plan: FREE, version: 3)") == pending
    assert await asked(owner, "cancelPlan(version: 4)") == {**canceled, "version": 5}
    clock.now = clock.now.replace(month=12)
    over = {**NEVER, "status": "CANCELED", "canceledAt": "2026-11-23T12:00:00Z", "version": 5}
    assert await seen(owner.context()) == {**over, "endedAt": "2026-12-23T12:00:00Z"}


async def test_refusals_are_typed_and_change_nothing(owner_and_clock: tuple[Actor, Clock]) -> None:
    owner, _ = owner_and_clock
    await asked(owner, "changePlan(plan: TEAM, version: 0)")
    before = await seen(owner.context())
    assert await asked(owner, "changePlan(plan: BUSINESS, version: 0)") == {
        "code": "CONFLICT",
        "message": "The billing subscription has changed since you read version 0: read it again, then repeat.",
        "path": ["version"],
    }
    assert await asked(owner, "resumePlan(version: 1)") == {
        "code": "ILLEGAL_TRANSITION",
        "message": "The plan is not canceled.",
        "path": [],
    }
    admin = await new_member(owner.services, owner.tenant_id, Role.ADMIN)
    assert await asked(admin, "cancelPlan(version: 1)") == {
        "code": "FORBIDDEN",
        "message": "This needs the permission to manage the plan, which your role ADMIN does not give.",
        "path": [],
    }
    assert await seen(owner.context()) == before


async def test_history_is_paged_newest_first_and_says_who_asked(owner_and_clock: tuple[Actor, Clock]) -> None:
    owner, _ = owner_and_clock
    await put_on_plan(owner.services, owner.tenant_id, PlanName.TEAM)
    for mutation in ("changePlan(plan: BUSINESS, version: 1)", "cancelPlan(version: 2)"):
        await asked(owner, mutation)
    change = "id version kind fromPlan toPlan effectiveAt createdAt changedBy { id }"
    query = f"changes(first: 2) {{ totalCount nodes {{ {change} }} pageInfo {{ endCursor hasNextPage }} }}"
    page = (await seen(owner.context(), query))["changes"]
    user, now = {"id": f"usr_{owner.user_id}"}, "2026-11-23T12:00:00Z"
    asked_of_users = [
        ["CANCELED", "BUSINESS", None, "2026-12-23T12:00:00Z", now, user],
        ["CHANGED", "TEAM", "BUSINESS", now, now, user],
    ]
    assert [list(node.values())[2:] for node in page["nodes"]] == asked_of_users
    assert [node["version"] for node in page["nodes"]] == [3, 2]
    assert (page["totalCount"], page["pageInfo"]["hasNextPage"]) == (3, True)
    after = page["pageInfo"]["endCursor"]
    rest = (await seen(owner.context(), f'changes(first: 2, after: "{after}") {{ nodes {{ {change} }} }}'))["changes"]
    assert [list(node.values())[1:] for node in rest["nodes"]] == [[1, "CHANGED", "FREE", "TEAM", now, now, None]]
    node = await data(
        owner.context(),
        "query One($id: ID!) { node(id: $id) { ... on BillingChange { kind } } }",
        id=page["nodes"][0]["id"],
    )
    assert node == {"node": {"kind": "CANCELED"}}


async def test_budget_is_the_tenants_own_on_the_plan_that_holds(owner_and_clock: tuple[Actor, Clock]) -> None:
    owner, _ = owner_and_clock
    asked_for: list[Spending] = []

    class Kept:
        async def level(self, spending: Spending) -> BudgetStatus:
            asked_for.append(spending)
            return BudgetStatus(spending.plan.capacity, 1_234.5, spending.plan.restore_rate)

    query = "budget { maximumAvailable currentlyAvailable restoreRate }"
    await asked(owner, "changePlan(plan: TEAM, version: 0)")
    assert await seen(owner.context(), query) == {"budget": None}
    services = msgspec.structs.replace(owner.services, billing=BillingServices(levels=Kept()))
    budget = (await seen(RequestContext(services, owner.viewer), query))["budget"]
    assert budget == {"maximumAvailable": 200_000, "currentlyAvailable": 1_234.5, "restoreRate": 2_000}
    assert asked_for == [Spending(f"ten:{owner.tenant_id}", PLANS[PlanName.TEAM])]


async def test_budget_of_a_key_is_given_shown_and_changed(services: Services) -> None:
    owner = await new_tenant(services)
    key = "apiKey { id budget { capacity restoreRate } }"
    create = f"""mutation Create($budget: ApiKeyBudgetInput) {{ answer: createApiKey(
      input: {{name: "Reports", scopes: [READ], budget: $budget}}) {{ ... on CreateApiKeyPayload {{ {key} }}
      ... on InvalidInputError {{ problems {{ code path }} }} }} }}"""
    beyond = await data(owner.context(), create, budget={"capacity": 50_001, "restoreRate": 1})
    assert beyond["answer"] == {"problems": [{"code": "BUDGET_BEYOND_PLAN", "path": ["input", "budget", "capacity"]}]}
    none = await data(owner.context(), create, budget={"capacity": 0, "restoreRate": 1})
    assert none["answer"]["problems"] == [{"code": "GREATER_THAN_EQUAL", "path": ["input", "budget", "capacity"]}]
    budget = {"capacity": 1_000, "restoreRate": 10}
    made = (await data(owner.context(), create, budget=budget))["answer"]["apiKey"]
    assert made["budget"] == budget
    change = f"""mutation Change($id: ID!, $budget: ApiKeyBudgetInput) {{ answer: changeApiKeyBudget(
      id: $id, budget: $budget) {{ ... on ChangeApiKeyBudgetPayload {{ {key} }}
      ... on InvalidInputError {{ problems {{ code path }} }} }} }}"""
    beyond = await data(owner.context(), change, id=made["id"], budget={"capacity": 1, "restoreRate": 501})
    assert beyond["answer"] == {"problems": [{"code": "BUDGET_BEYOND_PLAN", "path": ["budget", "restoreRate"]}]}
    smaller = {"capacity": 1, "restoreRate": 1}
    changed = (await data(owner.context(), change, id=made["id"], budget=smaller))["answer"]["apiKey"]
    assert changed == {"id": made["id"], "budget": smaller}
    taken = (await data(owner.context(), change, id=made["id"]))["answer"]["apiKey"]
    assert taken == {"id": made["id"], "budget": None}
