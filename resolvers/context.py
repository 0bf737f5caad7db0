"""What a use case knows about the operation it runs in."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Self

import msgspec
from aiodataloader import DataLoader

from cache.broadcast import Broadcast
from persistence.ids import TenantId
from persistence.sessions import Database
from resolvers.feeds.fetcher import FeedFetcher
from resolvers.identity.ports import IdentityServices
from resolvers.loaders.registry import Loaders
from resolvers.policy import Permission, Viewer, tenant_for


class Services(msgspec.Struct, frozen=True):
    """What lives as long as the process."""

    database: Database
    broadcast: Broadcast
    feeds: FeedFetcher
    clock: Callable[[], datetime]
    random_token: Callable[[], str]
    """A new URL-safe text of 256 random bits."""
    identity: IdentityServices


class RequestContext:
    """One operation's context; a subscription gets a fresh one for each event, so that no event sees old values."""

    def __init__(self, services: Services, viewer: Viewer | None, address_hash: str = "") -> None:
        self.services = services
        self.viewer = viewer
        self.address_hash = address_hash
        """A keyed hash of the client's network address; the address itself is not kept."""
        self.loaders = Loaders(services.database, viewer.tenant_id if viewer else None)
        self.batches: dict[int, DataLoader[Any, Any]] = {}
        """Belongs to `schema.fields`: the dataloaders that collect parents for batched fields."""

    def for_event(self) -> Self:
        return type(self)(self.services, self.viewer, self.address_hash)

    def become(self, viewer: Viewer) -> None:
        """After a login or the first tenant: the rest of the operation runs as this viewer."""
        self.viewer = viewer
        self.loaders = Loaders(self.services.database, viewer.tenant_id)

    def tenant_for(self, permission: Permission) -> TenantId:
        """The viewer's tenant, if the viewer may do this there. Raises Unauthenticated or Forbidden."""
        return tenant_for(self.viewer, permission)
