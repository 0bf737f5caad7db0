"""Tenants: the users' own workspaces, each with its members."""

import msgspec
from pydantic import BaseModel, Field

from persistence.ids import TenantId
from persistence.records import MembershipRecord, TenantRecord
from persistence.repositories.tenants import (
    Memberships,
    insert_tenant,
    memberships_of,
    new_tenant_id,
    rename_tenant,
)
from resolvers import changes
from resolvers.context import RequestContext
from resolvers.errors import Conflict, NotFound
from resolvers.policy import Permission, Role, user_of
from resolvers.texts import Name

MOST_MEMBERSHIPS = 100
"""Per user; bounds `Viewer.memberships`."""


class NewTenant(BaseModel):
    name: Name = Field(description="The tenant's name, 1 to 200 characters.")


class TenantChanges(BaseModel):
    name: Name = Field(description="The tenant's new name, 1 to 200 characters.")


async def create_tenant(context: RequestContext, new: NewTenant) -> tuple[TenantRecord, MembershipRecord]:
    """A tenant with the caller as its owner. Whoever had no tenant goes on in this one. Raises Conflict."""
    user_id = user_of(context.viewer)
    database = context.database
    async with database.read_account(user_id) as account_session:
        refuse_one_more(await memberships_of(account_session, user_id))
        tenant_id = await new_tenant_id(account_session)
    async with database.write(tenant_id) as session:
        tenant = await insert_tenant(session, new.name)
        membership = await Memberships(session).insert({"user_id": user_id, "role": Role.OWNER})
    settle(context, membership)
    return tenant, membership


async def update_tenant(
    context: RequestContext, tenant_id: TenantId, version: int, changed: TenantChanges
) -> TenantRecord:
    """Changes the tenant that the request is for, and no other. Raises NotFound, Conflict."""
    if context.tenant_for(Permission.MANAGE_TENANT) != tenant_id:
        raise NotFound("This is not the tenant that this request is for.", ("id",))
    async with context.database.write(tenant_id) as session:
        tenant = await rename_tenant(session, version, changed.name)
    if tenant is None:
        raise changes.stale("tenant", version)
    context.loaders.clear()
    return tenant


def refuse_one_more(memberships: list[MembershipRecord]) -> None:
    """Raises Conflict when the user may join no further tenant."""
    if len(memberships) >= MOST_MEMBERSHIPS:
        raise Conflict(f"You belong to {MOST_MEMBERSHIPS} tenants already: leave one first.")


def settle(context: RequestContext, membership: MembershipRecord) -> None:
    """A user without a tenant goes on in the one just joined; others stay where they are, for nothing must move a
    request into another tenant than it named."""
    viewer = context.viewer
    if viewer is not None and viewer.tenant_id is None:
        joined = msgspec.structs.replace(viewer, tenant_id=membership.tenant_id, role=Role(membership.role))
        context.become(joined)
    else:
        context.loaders.clear()
