"""Subscribers: what is published to a topic of a tenant, for as long as the viewer may hear it."""

from collections.abc import AsyncGenerator, Callable, Iterable
from typing import TypeVar, cast

import msgspec

from persistence.ids import TenantId
from persistence.repositories.tenants import ApiKeys, standing
from resolvers.context import RequestContext
from resolvers.errors import Forbidden, Unauthenticated
from resolvers.policy import Permission, Role, Viewer, tenant_for

T = TypeVar("T")


async def heard(
    context: RequestContext, tenant_id: TenantId, topic: str, wanted: Callable[[bytes], Iterable[T]]
) -> AsyncGenerator[T, None]:
    """What `wanted` takes from each message of the topic, from the moment this returns.

    The caller closes the generator. Instead of giving the next value it raises Unauthenticated when the login was
    ended in the meantime, and Forbidden when the member was removed or the API key revoked.
    """
    values = _heard(context, tenant_id, topic, wanted)
    # Up to its first value, which says that it listens: whatever happens from here on is not missed.
    await anext(values)
    return cast("AsyncGenerator[T, None]", values)


async def _heard(
    context: RequestContext, tenant_id: TenantId, topic: str, wanted: Callable[[bytes], Iterable[T]]
) -> AsyncGenerator[T | None, None]:
    async with context.services.broadcast.listen(topic) as messages:
        yield None
        async for message in messages:
            for value in wanted(message):
                await refuse_ended_access(context, tenant_id)
                yield value


async def refuse_ended_access(context: RequestContext, tenant_id: TenantId) -> None:
    """Whether the viewer, who was let in when the subscription began, would be let in now: asked on the primary.

    Raises Unauthenticated, Forbidden.
    """
    viewer = context.viewer or Viewer()
    if viewer.user_id is not None and viewer.session_id is not None:
        async with context.services.database.read_account(viewer.user_id) as session:
            found = await standing(session, viewer.user_id, viewer.session_id, tenant_id)
        if found is None:
            raise Unauthenticated("This login was ended: sign in again.")
        if found.role is None:
            raise _access_ended()
        tenant_for(msgspec.structs.replace(viewer, role=Role(found.role)), Permission.READ)
    elif viewer.api_key_id is not None:
        async with context.services.database.read(tenant_id) as tenant_session:
            [key] = await ApiKeys(tenant_session).by_ids([viewer.api_key_id])
        if key is None or key.revoked_at is not None:
            raise _access_ended()
    else:
        raise _access_ended()


def _access_ended() -> Forbidden:
    return Forbidden("Your access to this tenant has ended.")
