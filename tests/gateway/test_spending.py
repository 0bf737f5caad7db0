"""From credentials to who pays: which budget a request spends from, on which plan, at no further statement."""

from datetime import timedelta

import msgspec
import pytest

from resolvers.billing.changing import cancel_plan, change_plan
from resolvers.billing.plans import PLANS, PlanName
from resolvers.billing.ports import BillingServices
from resolvers.billing.spending import KeyBudget, Spending
from resolvers.context import Services
from resolvers.errors import Forbidden
from resolvers.identity.api_keys import NewApiKey, WantedBudget, change_api_key_budget, create_api_key
from resolvers.policy import Scope
from tests.actors import Actor, new_tenant
from tests.gateway.test_context import access_token, context_of, statements
from tests.identity import clocked, new_account

FREE, TEAM, BUSINESS = (PLANS[name] for name in (PlanName.FREE, PlanName.TEAM, PlanName.BUSINESS))


async def spending_of(services: Services, token: str) -> Spending:
    return (await context_of(services, {"Authorization": f"Bearer {token}"})).spending


def of_tenant(actor: Actor) -> str:
    return f"ten:{actor.tenant_id}"


async def test_stranger_pays_by_address_on_the_smallest_plan(services: Services) -> None:
    context = await context_of(services, {})
    assert context.address_hash
    assert context.spending == Spending(f"adr:{context.address_hash}", FREE)


async def test_user_without_a_tenant_pays_alone_on_the_smallest_plan(services: Services) -> None:
    generous = msgspec.structs.replace(services, billing=BillingServices(default_plan=PlanName.BUSINESS))
    account = await new_account(services)
    assert await spending_of(generous, account.tokens.access_token) == Spending(f"usr:{account.user_id}", FREE)


async def test_tenant_that_has_chosen_no_plan_pays_on_the_default_one(services: Services) -> None:
    generous = msgspec.structs.replace(services, billing=BillingServices(default_plan=PlanName.BUSINESS))
    actor = await new_tenant(services)
    assert await spending_of(services, access_token(actor)) == Spending(of_tenant(actor), FREE)
    assert await spending_of(generous, access_token(actor)) == Spending(of_tenant(actor), BUSINESS)


async def test_plan_counts_from_the_next_request_and_ends_with_its_period(services: Services) -> None:
    own_services, clock = clocked(services)
    owner = await new_tenant(own_services)
    _, key = await create_api_key(owner.context(), NewApiKey(name="A key", scopes=[Scope.READ]))
    own = await change_plan(owner.context(), PlanName.TEAM, 0)
    await cancel_plan(owner.context(), 1)
    end = own.current_period_end
    assert end is not None
    for now, plan in ((end - timedelta(seconds=1), TEAM), (end, FREE)):
        clock.now = now
        token = own_services.identity.access_tokens.issued(owner.user_id, owner.session_id).text
        for credentials in (token, key):
            assert await spending_of(own_services, credentials) == Spending(of_tenant(owner), plan)


async def test_users_and_keys_of_a_tenant_spend_from_one_budget_and_a_key_from_its_own_too(services: Services) -> None:
    owner = await new_tenant(services)
    new = NewApiKey(name="A key", scopes=[Scope.READ], budget=WantedBudget(capacity=1_000, restore_rate=10))
    key, text = await create_api_key(owner.context(), new)
    user = await spending_of(services, access_token(owner))
    assert await spending_of(services, text) == msgspec.structs.replace(user, key=KeyBudget(key.id, 1_000, 10))
    await change_api_key_budget(owner.context(), key.id, None)
    assert await spending_of(services, text) == user


async def test_who_pays_is_found_by_the_statement_that_finds_who_asks(services: Services) -> None:
    own_services, _ = clocked(services)
    owner = await new_tenant(own_services)
    await change_plan(owner.context(), PlanName.TEAM, 0)
    _, key = await create_api_key(owner.context(), NewApiKey(name="A key", scopes=[Scope.READ]))
    assert (await spending_of(own_services, key)).plan is TEAM  # notes the key's use
    for token in (access_token(owner), key):
        with statements(services.database) as seen:
            assert (await spending_of(own_services, token)).plan is TEAM
        assert len(seen) == 1


async def test_nobody_spends_from_another_tenants_budget(services: Services) -> None:
    actor, other = await new_tenant(services), await new_tenant(services)
    await change_plan(other.context(), PlanName.BUSINESS, 0)
    headers = {"Authorization": f"Bearer {access_token(actor)}", "Podgraph-Tenant": f"ten_{other.tenant_id}"}
    with pytest.raises(Forbidden):
        await context_of(services, headers)
    assert await spending_of(services, access_token(actor)) == Spending(of_tenant(actor), FREE)
