"""What a use case knows about the operation it runs in."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Self

import msgspec
from aiodataloader import DataLoader

from cache.broadcast import Broadcast
from persistence.ids import TenantId
from persistence.sessions import Database
from resolvers.answers import Answers
from resolvers.billing.plans import PLANS, PlanName
from resolvers.billing.ports import BillingServices
from resolvers.billing.spending import UNKNOWN, Client, Spending
from resolvers.events.intake import Intake
from resolvers.feeds.fetcher import FeedFetcher
from resolvers.feeds.reader import FeedReader
from resolvers.identity.ports import IdentityServices
from resolvers.loaders.registry import Loaders
from resolvers.policy import Permission, Viewer, tenant_for
from resolvers.runs.line import Line


class Services(msgspec.Struct, frozen=True):
    """What lives as long as the process."""

    database: Database
    broadcast: Broadcast
    feeds: FeedFetcher
    reader: FeedReader
    intake: Intake
    line: Line
    clock: Callable[[], datetime]
    random_token: Callable[[], str]
    """A new URL-safe text of 256 random bits."""
    identity: IdentityServices
    billing: BillingServices = BillingServices()


class OperationOver(Exception):
    """The operation has ended: what is still asked for is for nobody."""


class RequestContext:
    """One operation's context; a subscription gets a fresh one for each event, so that no event sees old values."""

    def __init__(
        self,
        services: Services,
        viewer: Viewer | None,
        address_hash: str = "",
        *,
        spending: Spending | None = None,
        client: Client = UNKNOWN,
    ) -> None:
        self.services = services
        self.viewer = viewer
        self.address_hash = address_hash
        """A keyed hash of the client's network address; the address itself is not kept."""
        self.spending = spending or Spending(f"adr:{address_hash}", PLANS[PlanName.FREE])
        self.client = client
        self.loaders = Loaders(services.database, viewer.tenant_id if viewer else None)
        self.batches: dict[tuple[str, int], DataLoader[Any, Any]] = {}
        """Belongs to `schema.fields`: the dataloaders that collect parents for batched fields."""
        self.answers = Answers()
        """Of the compiled executor, for graphql-core when it takes over."""
        self.metrics_rows = 0
        """Belongs to `resolvers.metrics.rows`: how many the operation has been given so far."""
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    def for_event(self) -> Self:
        return type(self)(self.services, self.viewer, self.address_hash, spending=self.spending, client=self.client)

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Marks the current task as part of the operation: it ends with it. Raises CancelledError when that is over."""
        task = asyncio.current_task()
        if self._closed or task is None:
            raise asyncio.CancelledError
        self._tasks.add(task)
        try:
            yield
        finally:
            self._tasks.discard(task)

    def close(self) -> None:
        """The operation is over, also when it ran out of time or its client left: nothing that it began goes on."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        self.loaders.stop()

    def become(self, viewer: Viewer) -> None:
        """After a login or the first tenant: the rest of the operation runs as this viewer."""
        self.viewer = viewer
        self.loaders = Loaders(self.services.database, viewer.tenant_id)

    def tenant_for(self, permission: Permission) -> TenantId:
        """The viewer's tenant, if the viewer may do this there. Raises Unauthenticated or Forbidden."""
        return tenant_for(self.viewer, permission)
