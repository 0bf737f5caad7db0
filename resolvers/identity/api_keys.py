"""API keys: a tenant's own credentials, for programs. A key has scopes instead of a role, and outlives its maker."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from persistence.ids import ApiKeyId
from persistence.records import ApiKeyRecord
from persistence.repositories.tenants import ApiKeys
from resolvers.context import RequestContext
from resolvers.errors import NotFound
from resolvers.identity.secrets import API_KEY, hint, secret_hash, tenant_secret
from resolvers.policy import Permission, Scope, user_of
from resolvers.texts import Name


def _once_each(scopes: list[Scope]) -> list[Scope]:
    return [scope for scope in Scope if scope in scopes]


class NewApiKey(BaseModel):
    name: Name = Field(description="What the key is for, 1 to 200 characters.")
    scopes: Annotated[list[Scope], AfterValidator(_once_each)] = Field(
        min_length=1, max_length=20, description="What the key may do, at least one."
    )


async def create_api_key(context: RequestContext, new: NewApiKey) -> tuple[ApiKeyRecord, str]:
    """The key's record and its text, which is shown once."""
    tenant_id = context.tenant_for(Permission.MANAGE_API_KEYS)
    user_id = user_of(context.viewer)
    secret = tenant_secret(API_KEY, tenant_id, context.services.random_token())
    async with context.services.database.write(tenant_id) as session:
        api_key = await ApiKeys(session).insert(
            {
                "name": new.name,
                "secret_hash": secret_hash(secret),
                "hint": hint(secret),
                "scopes": [scope.value for scope in new.scopes],
                "created_by": user_id,
            }
        )
    context.loaders.clear()
    return api_key, secret


async def revoke_api_key(context: RequestContext, api_key_id: ApiKeyId) -> ApiKeyRecord:
    """Refuses the key from its next request on; revoking twice keeps the first time. Raises NotFound."""
    tenant_id = context.tenant_for(Permission.MANAGE_API_KEYS)
    async with context.services.database.write(tenant_id) as session:
        api_key = await ApiKeys(session).revoke(api_key_id, context.services.clock())
    if api_key is None:
        raise NotFound("Your tenant has no such API key.", ("id",))
    context.loaders.clear()
    return api_key
