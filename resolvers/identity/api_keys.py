"""API keys: a tenant's own credentials, for programs. A key has scopes instead of a role, and outlives its maker."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from persistence.ids import ApiKeyId
from persistence.records import ApiKeyRecord
from persistence.repositories.billing import BillingSubscriptions
from persistence.repositories.tenants import ApiKeys
from persistence.sessions import TenantSession
from resolvers import changes
from resolvers.billing.plans import PLANS
from resolvers.billing.terms import plan_at
from resolvers.context import RequestContext
from resolvers.errors import IllegalTransition, InvalidInput, NotFound, Problem
from resolvers.identity.secrets import API_KEY, hint, secret_hash, tenant_secret
from resolvers.policy import Permission, Scope, user_of
from resolvers.texts import Name


def _once_each(scopes: list[Scope]) -> list[Scope]:
    return [scope for scope in Scope if scope in scopes]


class WantedBudget(BaseModel):
    capacity: int = Field(
        ge=1, le=2**31 - 1, description="The most points that it can hold, at least 1 and at most the plan's capacity."
    )
    restore_rate: int = Field(
        ge=1,
        le=2**31 - 1,
        description="Points per second that come back, at least 1 and at most the plan's restoreRate.",
    )


class NewApiKey(BaseModel):
    name: Name = Field(description="What the key is for, 1 to 200 characters.")
    scopes: Annotated[list[Scope], AfterValidator(_once_each)] = Field(
        min_length=1, max_length=20, description="What the key may do, at least one."
    )
    budget: WantedBudget | None = None


async def create_api_key(context: RequestContext, new: NewApiKey) -> tuple[ApiKeyRecord, str]:
    """The key's record and its text, which is shown once. Raises InvalidInput for a budget beyond the plan's."""
    tenant_id = context.tenant_for(Permission.MANAGE_API_KEYS)
    user_id = user_of(context.viewer)
    capacity, restore_rate = _columns(new.budget)
    secret = tenant_secret(API_KEY, tenant_id, context.services.random_token())
    async with context.database.write(tenant_id) as session:
        if new.budget is not None:
            await _refuse_beyond_plan(context, session, new.budget, "input", "budget")
        api_key = await ApiKeys(session).insert(
            {
                "name": new.name,
                "secret_hash": secret_hash(secret),
                "hint": hint(secret),
                "scopes": [scope.value for scope in new.scopes],
                "created_by": user_id,
                "budget_capacity": capacity,
                "budget_restore_rate": restore_rate,
            }
        )
    context.loaders.clear()
    return api_key, secret


async def change_api_key_budget(
    context: RequestContext, api_key_id: ApiKeyId, budget: WantedBudget | None
) -> ApiKeyRecord:
    """From the key's next request on. None: from its tenant's budget alone.

    Raises NotFound, IllegalTransition for a revoked key, InvalidInput for a budget beyond the plan's.
    """
    tenant_id = context.tenant_for(Permission.MANAGE_API_KEYS)
    async with context.database.write(tenant_id) as session:
        if budget is not None:
            await _refuse_beyond_plan(context, session, budget, "budget")
        rows = ApiKeys(session)
        api_key = await rows.set_budget(api_key_id, *_columns(budget))
        if api_key is None:
            await changes.found(rows, api_key_id, "API key")
            raise IllegalTransition("The API key is revoked.", ("id",))
    context.loaders.clear()
    return api_key


async def revoke_api_key(context: RequestContext, api_key_id: ApiKeyId) -> ApiKeyRecord:
    """Refuses the key from its next request on; revoking twice keeps the first time. Raises NotFound."""
    tenant_id = context.tenant_for(Permission.MANAGE_API_KEYS)
    async with context.database.write(tenant_id) as session:
        api_key = await ApiKeys(session).revoke(api_key_id, context.services.clock())
    if api_key is None:
        raise NotFound("Your tenant has no such API key.", ("id",))
    context.loaders.clear()
    return api_key


async def _refuse_beyond_plan(
    context: RequestContext, session: TenantSession, wanted: WantedBudget, *path: str
) -> None:
    """A larger budget than its tenant's would promise what the tenant's then refuses. Raises InvalidInput."""
    stored = await BillingSubscriptions(session).found()
    plan = PLANS[plan_at(stored, context.services.clock(), context.services.billing.default_plan)]
    problems = [
        Problem("BUDGET_BEYOND_PLAN", f"At most {largest:,}, as your tenant's plan {plan.name} has it.", (*path, field))
        for field, given, largest in (
            ("capacity", wanted.capacity, plan.capacity),
            ("restoreRate", wanted.restore_rate, plan.restore_rate),
        )
        if given > largest
    ]
    if problems:
        raise InvalidInput(problems)


def _columns(budget: WantedBudget | None) -> tuple[int | None, int | None]:
    return (None, None) if budget is None else (budget.capacity, budget.restore_rate)
