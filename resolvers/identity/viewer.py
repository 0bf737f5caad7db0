"""Who asks, and where they stand."""

from collections.abc import Sequence

from persistence.ids import TenantId, UserId
from persistence.records import ApiKeyRecord, MembershipRecord, TenantRecord, UserRecord
from persistence.repositories.tenants import ApiKeys, Memberships, memberships_of
from resolvers.cached import cached
from resolvers.context import RequestContext
from resolvers.identity.accounts import account
from resolvers.loaders.identity import TenantByIdLoader
from resolvers.policy import Viewer
from resolvers.sight import OperationDatabase


async def user(context: RequestContext, viewer: Viewer) -> UserRecord | None:
    """None for an API key."""
    return None if viewer.user_id is None else await account(context, viewer.user_id)


async def tenant(context: RequestContext, viewer: Viewer) -> TenantRecord | None:
    """None for a user without one."""
    return None if viewer.tenant_id is None else await tenant_loader(context).fetch_one(viewer.tenant_id)


async def membership(context: RequestContext, viewer: Viewer) -> MembershipRecord | None:
    """The user's membership in the tenant that this request is for."""
    if viewer.user_id is None or viewer.tenant_id is None:
        return None
    return await _membership(context, viewer.user_id)


@cached("membership", MembershipRecord | None)
async def _membership(database: OperationDatabase, tenant_id: TenantId, user_id: UserId) -> MembershipRecord | None:
    async with database.read(tenant_id) as session:
        return await Memberships(session).of_user(user_id)


async def memberships(context: RequestContext, viewer: Viewer) -> list[MembershipRecord]:
    """The user's memberships in all tenants, first joined first; none for an API key."""
    if viewer.user_id is None:
        return []
    async with context.database.read_account(viewer.user_id) as session:
        return await memberships_of(session, viewer.user_id)


async def api_key(context: RequestContext, viewer: Viewer) -> ApiKeyRecord | None:
    """None for a user."""
    if viewer.api_key_id is None:
        return None
    return await context.loaders.by_id(ApiKeys).fetch_one(viewer.api_key_id)


async def tenants(context: RequestContext, tenant_ids: Sequence[TenantId]) -> list[TenantRecord]:
    """Tenants of memberships that the viewer was shown, in order."""
    found = await tenant_loader(context).fetch(tenant_ids)
    present = [record for record in found if record is not None]
    if len(present) != len(found):
        raise LookupError("a membership's tenant is not visible")
    return present


def tenant_loader(context: RequestContext) -> TenantByIdLoader:
    """The tenants that the viewer may see: a user's own, an API key's one."""
    return context.loaders.of(TenantByIdLoader, context.viewer.user_id if context.viewer else None)
