"""A tenant's members, invitations and API keys, in pages."""

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from persistence.records import ApiKeyRecord, InviteRecord, MembershipRecord, TenantRecord
from persistence.repositories.owned import OwnedRows
from persistence.repositories.tenants import ApiKeys, Invites, Memberships
from resolvers import lists
from resolvers.context import RequestContext
from resolvers.pages import Page, requested_page
from resolvers.policy import Permission

R = TypeVar("R", bound=msgspec.Struct)

Pages = list[Page[R] | None]
"""One for each tenant, in order; None for a tenant other than the one that the request is for."""


class Place(msgspec.Struct, frozen=True):
    """The arguments of a connection."""

    first: int | None
    after: str | None
    last: int | None
    before: str | None


async def members(context: RequestContext, tenants: Sequence[TenantRecord], place: Place) -> Pages[MembershipRecord]:
    """First joined first. Raises Forbidden, InvalidInput."""
    return await _pages(context, Memberships, Permission.SEE_MEMBERS, tenants, place, descending=False)


async def invites(context: RequestContext, tenants: Sequence[TenantRecord], place: Place) -> Pages[InviteRecord]:
    """Newest first. Raises Forbidden, InvalidInput."""
    return await _pages(context, Invites, Permission.MANAGE_MEMBERS, tenants, place, descending=True)


async def api_keys(context: RequestContext, tenants: Sequence[TenantRecord], place: Place) -> Pages[ApiKeyRecord]:
    """Newest first. Raises Forbidden, InvalidInput."""
    return await _pages(context, ApiKeys, Permission.MANAGE_API_KEYS, tenants, place, descending=True)


async def _pages(
    context: RequestContext,
    rows: type[OwnedRows[R, Any]],
    permission: Permission,
    tenants: Sequence[TenantRecord],
    place: Place,
    *,
    descending: bool,
) -> Pages[R]:
    own = context.tenant_for(permission)
    if all(tenant.id != own for tenant in tenants):
        return [None] * len(tenants)
    request = requested_page(
        rows.orders,
        order="CREATED_AT",
        descending=descending,
        first=place.first,
        after=place.after,
        last=place.last,
        before=place.before,
    )
    [page] = await lists.pages_by(context, rows, "tenant_id", [own], request, None)
    return [page if tenant.id == own else None for tenant in tenants]
