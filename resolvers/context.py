"""What a use case knows about the operation it runs in."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Self

import msgspec
from aiodataloader import DataLoader

from cache.broadcast import Broadcast
from cache.coherence import Coherence
from persistence.database import Database
from persistence.footprints import Footprint
from persistence.ids import TenantId
from persistence.views import DatabaseView
from resolvers.answers import Answers
from resolvers.billing.plans import PLANS, PlanName
from resolvers.billing.ports import BillingServices
from resolvers.billing.spending import UNKNOWN, Client, Spending
from resolvers.events.intake import Intake
from resolvers.feeds.fetcher import FeedFetcher
from resolvers.feeds.reader import FeedReader
from resolvers.identity.ports import IdentityServices
from resolvers.keeping import Audience, Keeper, Keeping
from resolvers.loaders.registry import Loaders
from resolvers.loaders.source import Source
from resolvers.policy import Permission, Viewer, tenant_for
from resolvers.runs.line import Line
from resolvers.sight import OperationSight, demanded, seen


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
    coherence: Coherence | None = None
    """Where writes are told of and heard of; None where there are neither caches nor replicas."""
    keeper: Keeper | None = None
    """What is kept beyond an operation; None: nothing is."""


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
        sight: OperationSight | None = None,
    ) -> None:
        """Without a `sight` everything is read on the primary and nothing is kept."""
        self.services = services
        self.viewer = viewer
        self.address_hash = address_hash
        """A keyed hash of the client's network address; the address itself is not kept."""
        self.spending = spending or Spending(f"adr:{address_hash}", PLANS[PlanName.FREE])
        self.client = client
        self.sight = sight
        self.footprint = Footprint()
        """Of all that the operation was shown, as far as its sight lets anything be kept."""
        self.database = seen(services.database, sight, self.footprint)
        """What the operation reads and writes through."""
        self._keeping = self._new_keeping()
        self._loaders: Loaders | None = None
        self._task: asyncio.Task[Any] | None = None
        self.batches: dict[tuple[str, int], DataLoader[Any, Any]] = {}
        """Belongs to `schema.fields`: the dataloaders that collect parents for batched fields."""
        self.answers = Answers()
        """Of the compiled executor, for graphql-core when it takes over."""
        self.metrics_rows = 0
        """Belongs to `resolvers.metrics.rows`: how many the operation has been given so far."""
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    @property
    def consistency(self) -> str | None:
        """The token of what the operation has written, for its client; None if it wrote nothing."""
        return None if self.sight is None else self.sight.consistency

    def demand(self, given: object) -> None:
        """What the request's `extensions.consistency` asks for; None is nothing. Raises InvalidInput."""
        demand = demanded(given, "extensions", "consistency")
        if self.sight is not None:
            self.sight.demand(demand)

    async def for_event(self) -> Self:
        sight = None if self.sight is None else await self.sight.renewed()
        return type(self)(
            self.services, self.viewer, self.address_hash, spending=self.spending, client=self.client, sight=sight
        )

    def begin(self) -> None:
        """The current task runs the operation from now on, alone but for tasks that it begins itself."""
        self._task = asyncio.current_task()
        if self._loaders is not None:
            self._loaders.sole = self._task

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
        if self._loaders is not None:
            self._loaders.stop()

    def become(self, viewer: Viewer) -> None:
        """After a login or the first tenant: the rest of the operation runs as this viewer."""
        self.viewer = viewer
        self._keeping = self._new_keeping()
        self._loaders = None

    @property
    def keeping(self) -> Keeping | None:
        """The operation's part in what is kept for the viewer's tenant; None where nothing may be."""
        return self._keeping if self._keeping is not None and self._keeping.allowed else None

    @property
    def audience(self) -> Audience | None:
        """Who may be shown what is kept of the operation; None where nothing is."""
        viewer, keeping = self.viewer, self.keeping
        if viewer is None or keeping is None:
            return None
        return Audience(keeping, viewer.rights, viewer.name)

    @property
    def loaders(self) -> Loaders:
        """Made when first asked for: an answer that is kept needs none."""
        if self._loaders is None:
            self._loaders = Loaders(Source(self.database, self._keeping), self._tenant_id)
            self._loaders.sole = self._task
        return self._loaders

    @property
    def _tenant_id(self) -> TenantId | None:
        return self.viewer.tenant_id if self.viewer else None

    def _new_keeping(self) -> Keeping | None:
        tenant_id, keeper, sight, database = self._tenant_id, self.services.keeper, self.sight, self.database
        if tenant_id is None or keeper is None or sight is None or not isinstance(database, DatabaseView):
            return None
        return Keeping(keeper, sight, database, tenant_id, self.footprint)

    def tenant_for(self, permission: Permission) -> TenantId:
        """The viewer's tenant, if the viewer may do this there. Raises Unauthenticated or Forbidden."""
        return tenant_for(self.viewer, permission)
