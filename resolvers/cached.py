"""`@cached`: a use case whose answer is kept, and read again only after something that it was read from was written."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, TypeVar

from cache.memory import Missing, Shelf
from persistence.ids import TenantId
from resolvers.context import RequestContext
from resolvers.policy import no_tenant
from resolvers.sight import OperationDatabase

K = TypeVar("K", bound=int | str)
V = TypeVar("V")


def cached(
    name: str, value: Any, *, seconds: float | None = None
) -> Callable[[Callable[[OperationDatabase, TenantId, K], Awaitable[V]]], Callable[[RequestContext, K], Awaitable[V]]]:
    """For a function of a database, the viewer's tenant and a key, which becomes one of the context and the key.

    What it gives must follow from rows alone: not from the clock, nor from who asks, since everybody in the tenant is
    given the same. What it reads, it must read through the database that it gets. `name` is a label of metrics; `value`
    the type of what it gives, for `msgspec`; it is kept for `seconds` at most. Raises Forbidden without a tenant.
    """

    def decorated(
        read: Callable[[OperationDatabase, TenantId, K], Awaitable[V]],
    ) -> Callable[[RequestContext, K], Awaitable[V]]:
        @wraps(read)
        async def kept(context: RequestContext, key: K) -> V:
            keeping = context.keeping
            if keeping is None:
                tenant_id = context.viewer.tenant_id if context.viewer else None
                if tenant_id is None:
                    raise no_tenant()
                return await read(context.database, tenant_id, key)
            shelf: Shelf[V] = keeping.shelf(keeping.kinds.kind(name, value, variant=read.__qualname__, seconds=seconds))
            [known] = keeping.cache.recall(shelf, (key,))
            if not isinstance(known, Missing):
                keeping.depend(shelf)
                return known
            [loaded] = await keeping.fetch(shelf, (key,), lambda view, _: _alone(read(view, keeping.tenant_id, key)))
            return loaded

        return kept

    return decorated


async def _alone(value: Awaitable[V]) -> list[V]:
    return [await value]
