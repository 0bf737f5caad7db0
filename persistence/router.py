"""The router: where a session that only reads is opened, so that it is not older than its operation may know of."""

from typing import Final

from ops.telemetry.metrics import ReplicaMetrics
from persistence.servers import Server, Servers
from persistence.sight import Sight
from persistence.watch import SAMPLE_SECONDS, Watch

REACH_SECONDS: Final = 0.05
"""How long a read waits for a replica to get to where the read must begin."""
_NEAR_SECONDS: Final = 2 * SAMPLE_SECONDS
"""A replica that lags by more will not be there in time."""
_FUTILE_SECONDS: Final = 0.25
_SUBSTITUTE_SECONDS: Final = 0.5
"""How long a read waits, while there is no primary, for the standbys to show what they have received."""


class Router:
    """Only where there is more than one server."""

    def __init__(self, servers: Servers, watch: Watch, metrics: ReplicaMetrics) -> None:
        self._servers = servers
        self._watch = watch
        self._metrics = metrics
        self._futile_until = float("-inf")
        """A read has waited for nothing: until then no other one waits."""

    async def reader(self, sight: Sight, tenant_id: int) -> Server | None:
        """The replica that is to be read on; None: the primary is."""
        if self._servers.primary is None:
            return await self._substituted(sight)
        if sight.primary or sight.pending(tenant_id):
            self._metrics.count_read("primary")
            return None
        floor = sight.floor(tenant_id)
        found = self._least_busy(floor)
        if found is None and self._near():
            found = await self._reached(floor)
        if found is None:
            self._metrics.count_read("primary")
            return None
        self._metrics.count_read("replica")
        return found

    async def elsewhere(self, failed: Server, sight: Sight, tenant_id: int, *, lost: bool) -> Server | None:
        """As `reader`, for what has failed there; `lost`: because the server took or kept no connection."""
        self._metrics.count_retry(failed.name)
        if lost:
            self._watch.report(failed)
            return await self.reader(sight, tenant_id)
        # It cancelled the statement for the sake of its replay. The primary never does.
        return None if self._servers.primary is not None else await self.reader(sight, tenant_id)

    def _least_busy(self, floor: int) -> Server | None:
        best: Server | None = None
        for server in self._servers.replicas:
            if server.position >= floor and (best is None or (server.in_use, server.reads) < (best.in_use, best.reads)):
                best = server
        return best

    def _near(self) -> bool:
        near = any(server.lag <= _NEAR_SECONDS for server in self._servers.replicas)
        return near and self._watch.now() >= self._futile_until

    async def _reached(self, floor: int) -> Server | None:
        until = self._watch.now() + REACH_SECONDS
        while (left := until - self._watch.now()) > 0 and await self._watch.sampled(left):
            if (found := self._least_busy(floor)) is not None:
                return found
        self._futile_until = self._watch.now() + _FUTILE_SECONDS
        return None

    async def instead(self, sight: Sight, tenant_id: int) -> Server | None:
        """As `reader`, for what the primary took no connection for, or has lost; None: there is nobody else."""
        if (primary := self._servers.primary) is not None:
            self._metrics.count_retry(primary.name)
            self._watch.report(primary)
        return await self.reader(sight, tenant_id)

    async def _substituted(self, sight: Sight) -> Server | None:
        """Who serves while nobody takes writes, as soon as it shows what it has; None: nobody can."""
        until = self._watch.now() + _SUBSTITUTE_SECONDS
        while self._servers.primary is None and self._servers.replicas:
            if (found := self._substitute(sight)) is not None:
                self._metrics.count_read("degraded")
                return found
            if (left := until - self._watch.now()) <= 0 or not await self._watch.sampled(left):
                break
        return None

    def _substitute(self, sight: Sight) -> Server | None:
        """Who serves while nobody takes writes: of those that show all they have received, the one that has most.

        If the primary's commits waited for a standby, then one of the standbys has all that was acknowledged, and so
        has, if all of them are here, the one that has most. Else something may be missing that a client has seen:
        whoever says so by a token is sent to the primary, and fails with it.
        """
        shown = [server for server in self._servers.replicas if _shows_all(server)]
        best = max(shown, key=lambda server: server.position, default=None)
        if best is None:
            return None
        others = (server for server in self._servers.all if server is not self._servers.last_primary)
        complete = self._servers.synchronous and all(_shows_all(server) for server in others)
        if not complete and sight.token > best.position:
            return None
        return best


def _shows_all(server: Server) -> bool:
    return server.healthy and server.sample is not None and server.sample.position >= server.sample.received
