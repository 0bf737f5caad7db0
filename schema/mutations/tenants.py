"""Mutations of tenants and API keys."""

from typing import Annotated

import strawberry

from persistence.ids import ApiKeyId, TenantId
from persistence.records import ApiKeyRecord, MembershipRecord, TenantRecord
from resolvers import ids
from resolvers.identity import api_keys, tenants
from schema.errors import (
    ConflictError,
    ForbiddenError,
    IllegalTransitionError,
    InvalidInputError,
    NotFoundError,
)
from schema.fields import root_field
from schema.info import Info
from schema.relay import IdArgument, VersionArgument
from schema.types.identity import (
    ApiKey,
    ApiKeyBudgetInput,
    CreateApiKeyInput,
    CreateTenantInput,
    Membership,
    Tenant,
    UpdateTenantInput,
)


@strawberry.type(description="The new tenant.")
class CreateTenantPayload:
    tenant: TenantRecord = strawberry.field(graphql_type=Tenant, description="The tenant as it is now.")
    membership: MembershipRecord = strawberry.field(
        graphql_type=Membership, description="The caller's place in it, as its owner."
    )


@strawberry.type(description="The changed tenant.")
class UpdateTenantPayload:
    tenant: TenantRecord = strawberry.field(graphql_type=Tenant, description="The tenant as it is now.")


@strawberry.type(description="The new API key.")
class CreateApiKeyPayload:
    api_key: ApiKeyRecord = strawberry.field(graphql_type=ApiKey, description="The key as it is now.")
    secret: str = strawberry.field(
        description="The key itself, for the header Authorization after 'Bearer ': shown this once."
    )


@strawberry.type(description="The revoked API key.")
class RevokeApiKeyPayload:
    api_key: ApiKeyRecord = strawberry.field(graphql_type=ApiKey, description="The key as it is now.")


@strawberry.type(description="The API key with its new budget.")
class ChangeApiKeyBudgetPayload:
    api_key: ApiKeyRecord = strawberry.field(graphql_type=ApiKey, description="The key as it is now.")


CreateTenantResult = Annotated[
    CreateTenantPayload | InvalidInputError | ConflictError | ForbiddenError,
    strawberry.union("CreateTenantResult", description="The new tenant, or why there is none."),
]
UpdateTenantResult = Annotated[
    UpdateTenantPayload | InvalidInputError | NotFoundError | ConflictError | ForbiddenError,
    strawberry.union("UpdateTenantResult", description="The changed tenant, or why nothing changed."),
]
CreateApiKeyResult = Annotated[
    CreateApiKeyPayload | InvalidInputError | ForbiddenError,
    strawberry.union("CreateApiKeyResult", description="The new API key, or why there is none."),
]
RevokeApiKeyResult = Annotated[
    RevokeApiKeyPayload | InvalidInputError | NotFoundError | ForbiddenError,
    strawberry.union("RevokeApiKeyResult", description="The revoked API key, or why nothing changed."),
]
ChangeApiKeyBudgetResult = Annotated[
    ChangeApiKeyBudgetPayload | InvalidInputError | NotFoundError | IllegalTransitionError | ForbiddenError,
    strawberry.union("ChangeApiKeyBudgetResult", description="The changed API key, or why nothing changed."),
]


@strawberry.type
class TenantMutations:
    @root_field(
        graphql_type=CreateTenantResult,
        description="Makes a tenant with the caller as its owner. Later requests name it in the header Podgraph-Tenant,"
        " unless it is the caller's first.",
    )
    @staticmethod
    async def create_tenant(
        info: Info, input: Annotated[CreateTenantInput, strawberry.argument(description="The tenant.")]
    ) -> CreateTenantPayload:
        tenant, membership = await tenants.create_tenant(info.context, input)
        return CreateTenantPayload(tenant=tenant, membership=membership)

    @root_field(graphql_type=UpdateTenantResult, description="Changes the tenant that this request is for.")
    @staticmethod
    async def update_tenant(
        info: Info,
        id: IdArgument,
        version: VersionArgument,
        input: Annotated[UpdateTenantInput, strawberry.argument(description="What to change.")],
    ) -> UpdateTenantPayload:
        tenant_id = TenantId(ids.row_id(id, ids.TENANT, "id"))
        return UpdateTenantPayload(tenant=await tenants.update_tenant(info.context, tenant_id, version, input))

    @root_field(graphql_type=CreateApiKeyResult, description="Makes an API key for the tenant.")
    @staticmethod
    async def create_api_key(
        info: Info, input: Annotated[CreateApiKeyInput, strawberry.argument(description="The key.")]
    ) -> CreateApiKeyPayload:
        api_key, secret = await api_keys.create_api_key(info.context, input)
        return CreateApiKeyPayload(api_key=api_key, secret=secret)

    @root_field(
        graphql_type=RevokeApiKeyResult,
        description="Refuses an API key from its next request on. Revoking it again changes nothing.",
    )
    @staticmethod
    async def revoke_api_key(info: Info, id: IdArgument) -> RevokeApiKeyPayload:
        api_key_id = ApiKeyId(ids.row_id(id, ids.API_KEY, "id"))
        return RevokeApiKeyPayload(api_key=await api_keys.revoke_api_key(info.context, api_key_id))

    @root_field(
        graphql_type=ChangeApiKeyBudgetResult,
        description="Gives an API key a budget of its own, or takes it away, from the key's next request on.",
    )
    @staticmethod
    async def change_api_key_budget(
        info: Info,
        id: IdArgument,
        budget: Annotated[
            ApiKeyBudgetInput | None,
            strawberry.argument(description="The new budget; null or left out for that of the tenant alone."),
        ] = None,
    ) -> ChangeApiKeyBudgetPayload:
        api_key_id = ApiKeyId(ids.row_id(id, ids.API_KEY, "id"))
        return ChangeApiKeyBudgetPayload(api_key=await api_keys.change_api_key_budget(info.context, api_key_id, budget))
