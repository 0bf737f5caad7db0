"""Reading lists: one page of a tenant's rows, or one page for each of many parents."""

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from persistence.projections import Reads
from persistence.repositories.owned import OwnedRows
from resolvers.context import RequestContext
from resolvers.pages import Page, PageRequest, page_of
from resolvers.policy import Permission

R = TypeVar("R", bound=msgspec.Struct)


async def page(
    context: RequestContext, rows: type[OwnedRows[R, Any]], request: PageRequest, wanted: Any, *, reads: Reads = None
) -> Page[R]:
    """One page of all the tenant's rows that match `wanted`, the repository's own filter."""
    context.tenant_for(Permission.READ)
    found = await context.loaders.page(rows, request.part, wanted, reads).fetch_one(None)
    return page_of(found, request, rows.orders, context.loaders.count(rows), wanted)


async def pages_by(
    context: RequestContext,
    rows: type[OwnedRows[R, Any]],
    parent: str,
    parent_ids: Sequence[int],
    request: PageRequest,
    wanted: Any,
    *,
    reads: Reads = None,
) -> list[Page[R]]:
    """One page for each parent, in order; `parent` is the column that holds the parent's id."""
    found = await context.loaders.pages(rows, parent, request.part, wanted, reads).fetch(parent_ids)
    counts = context.loaders.counts(rows, parent, wanted)
    return [
        page_of(part, request, rows.orders, counts, parent_id)
        for part, parent_id in zip(found, parent_ids, strict=True)
    ]


async def by_id(
    context: RequestContext, rows: type[OwnedRows[R, Any]], row_id: int, *, reads: Reads = None
) -> R | None:
    """The tenant's row, or None."""
    context.tenant_for(Permission.READ)
    return await context.loaders.by_id(rows, reads).fetch_one(row_id)


async def existing(
    context: RequestContext, rows: type[OwnedRows[R, Any]], ids: Sequence[int], *, reads: Reads = None
) -> list[R]:
    """Rows that a foreign key says are there, in the order of `ids`."""
    found = await context.loaders.by_id(rows, reads).fetch(ids)
    present = [record for record in found if record is not None]
    if len(present) != len(ids):
        raise LookupError(f"{rows.__name__}: a row that a foreign key points to is not visible")
    return present
