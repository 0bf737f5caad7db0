"""Budgets of API keys' own: how large they may be, who sets them, and whose they are."""

import pytest
from pydantic import ValidationError

from persistence.ids import ApiKeyId
from persistence.records import ApiKeyRecord
from persistence.repositories.tenants import ApiKeys
from resolvers.billing.changing import cancel_plan, change_plan
from resolvers.billing.plans import PLANS, PlanName
from resolvers.context import RequestContext, Services
from resolvers.errors import Forbidden, IllegalTransition, InvalidInput, NotFound
from resolvers.identity.api_keys import (
    NewApiKey,
    WantedBudget,
    change_api_key_budget,
    create_api_key,
    revoke_api_key,
)
from resolvers.policy import Role, Scope, Viewer
from tests.actors import Actor, new_member, new_tenant
from tests.identity import clocked

FREE, TEAM = PLANS[PlanName.FREE], PLANS[PlanName.TEAM]
SMALL = WantedBudget(capacity=1_000, restore_rate=10)


def new_key(budget: WantedBudget | None = None) -> NewApiKey:
    return NewApiKey(name="Reports", scopes=[Scope.READ], budget=budget)


async def keys_of(actor: Actor) -> int:
    async with actor.services.database.read(actor.tenant_id) as session:
        return await ApiKeys(session).count()


async def stored(actor: Actor, api_key_id: ApiKeyId) -> ApiKeyRecord | None:
    async with actor.services.database.read(actor.tenant_id) as session:
        return (await ApiKeys(session).by_ids([api_key_id]))[0]


def of(key: ApiKeyRecord) -> tuple[int | None, int | None]:
    return key.budget_capacity, key.budget_restore_rate


async def test_key_is_made_with_a_budget_or_without(services: Services) -> None:
    owner = await new_tenant(services)
    with_one, _ = await create_api_key(owner.context(), new_key(SMALL))
    without, _ = await create_api_key(owner.context(), new_key())
    assert (of(with_one), of(without)) == ((1_000, 10), (None, None))
    assert await stored(owner, with_one.id) == with_one


async def test_budget_may_be_as_large_as_the_tenants(services: Services) -> None:
    owner = await new_tenant(services)
    whole = WantedBudget(capacity=FREE.capacity, restore_rate=FREE.restore_rate)
    assert of((await create_api_key(owner.context(), new_key(whole)))[0]) == (FREE.capacity, FREE.restore_rate)


async def test_every_figure_beyond_the_plans_is_told_and_no_key_is_made(services: Services) -> None:
    owner = await new_tenant(services)
    beyond = WantedBudget(capacity=FREE.capacity + 1, restore_rate=FREE.restore_rate + 1)
    with pytest.raises(InvalidInput) as refused:
        await create_api_key(owner.context(), new_key(beyond))
    assert [(problem.code, problem.path, problem.message) for problem in refused.value.problems] == [
        ("BUDGET_BEYOND_PLAN", ("input", "budget", "capacity"), "At most 50,000, as your tenant's plan FREE has it."),
        ("BUDGET_BEYOND_PLAN", ("input", "budget", "restoreRate"), "At most 500, as your tenant's plan FREE has it."),
    ]
    assert await keys_of(owner) == 0


async def test_plan_that_holds_now_is_the_measure(services: Services) -> None:
    own_services, clock = clocked(services)
    owner = await new_tenant(own_services)
    await change_plan(owner.context(), PlanName.TEAM, 0)
    larger = WantedBudget(capacity=TEAM.capacity, restore_rate=TEAM.restore_rate)
    key, _ = await create_api_key(owner.context(), new_key(larger))
    await cancel_plan(owner.context(), 1)
    clock.now = clock.now.replace(year=2027)
    with pytest.raises(InvalidInput):
        await change_api_key_budget(owner.context(), key.id, larger)
    assert await stored(owner, key.id) == key


@pytest.mark.parametrize(("capacity", "restore_rate"), [(0, 1), (1, 0), (-1, 1), (1, -1), (2**31, 1), (1, 2**31)])
def test_figures_that_are_no_budget_are_refused(capacity: int, restore_rate: int) -> None:
    with pytest.raises(ValidationError):
        WantedBudget(capacity=capacity, restore_rate=restore_rate)


async def test_budget_is_given_changed_and_taken_away(services: Services) -> None:
    owner = await new_tenant(services)
    key, _ = await create_api_key(owner.context(), new_key())
    for budget, expected in ((SMALL, (1_000, 10)), (WantedBudget(capacity=5, restore_rate=1), (5, 1))):
        assert of(await change_api_key_budget(owner.context(), key.id, budget)) == expected
    assert await change_api_key_budget(owner.context(), key.id, None) == key == await stored(owner, key.id)


async def test_revoked_key_keeps_the_budget_it_had(services: Services) -> None:
    owner = await new_tenant(services)
    key, _ = await create_api_key(owner.context(), new_key(SMALL))
    revoked = await revoke_api_key(owner.context(), key.id)
    with pytest.raises(IllegalTransition):
        await change_api_key_budget(owner.context(), key.id, None)
    assert await stored(owner, key.id) == revoked


async def test_another_tenants_key_is_not_found_and_keeps_its_budget(services: Services) -> None:
    owner, other = await new_tenant(services), await new_tenant(services)
    key, _ = await create_api_key(other.context(), new_key(SMALL))
    with pytest.raises(NotFound):
        await change_api_key_budget(owner.context(), key.id, None)
    assert await stored(other, key.id) == key


@pytest.mark.parametrize("role", [Role.MEMBER, Role.VIEWER])
async def test_members_change_no_budget(services: Services, role: Role) -> None:
    owner = await new_tenant(services)
    key, _ = await create_api_key(owner.context(), new_key(SMALL))
    member = await new_member(services, owner.tenant_id, role)
    with pytest.raises(Forbidden):
        await change_api_key_budget(member.context(), key.id, None)
    assert await stored(owner, key.id) == key


async def test_key_does_not_change_its_own_budget(services: Services) -> None:
    owner = await new_tenant(services)
    key, _ = await create_api_key(owner.context(), new_key(SMALL))
    itself = RequestContext(services, Viewer(api_key_id=key.id, tenant_id=owner.tenant_id, scopes=frozenset(Scope)))
    with pytest.raises(Forbidden):
        await change_api_key_budget(itself, key.id, None)
    assert await stored(owner, key.id) == key
