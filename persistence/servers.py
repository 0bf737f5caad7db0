"""Servers: what the watch knows of each, and of all of them together."""

from collections.abc import Callable, Sequence
from typing import Final, Literal

import msgspec

from ops.telemetry.metrics import ReplicaMetrics
from persistence.connections import Connections
from persistence.endpoints import Endpoint
from persistence.lag import History
from persistence.places import Sample
from persistence.positions import Position, lsn_of, timeline_of
from persistence.shares import Shares

BAD_SAMPLES: Final = 2
"""In a row, after which a server is used no more."""
GOOD_SAMPLES: Final = 5
"""In a row, after which it is used again."""

Role = Literal["primary", "replica", "unknown"]


class ServerState(msgspec.Struct, frozen=True):
    """For people: how one server is. `in_use` is how many sessions read on it as a replica."""

    name: str
    role: Role
    healthy: bool
    lag_seconds: float
    lag_bytes: int
    in_use: int


class Server:
    """One server: its connections for reads while it is a standby, and how it is."""

    def __init__(self, endpoint: Endpoint, connections: Connections, shares: Shares) -> None:
        self.name = endpoint.name
        self.endpoint = endpoint
        self.connections = connections
        self.shares = shares
        self.in_use = 0
        self.reads = 0
        self.healthy = False
        self.sample: Sample | None = None
        """The last good one; None: it has never answered, or has not since it was lost."""
        self.lag = 0.0
        """Seconds."""
        self._good = 0
        self._bad = 0
        self._known = False

    @property
    def position(self) -> Position:
        """What a statement that is sent to it now sees; 0: nobody knows."""
        return 0 if self.sample is None else self.sample.position

    @property
    def standby(self) -> bool:
        return self.sample is not None and self.sample.standby

    def judged(self, good: bool, acceptable: bool) -> None:
        """One more sample: of use to come back, or at least of none to go. The first one decides alone."""
        self._bad = 0 if acceptable else self._bad + 1
        self._good = self._good + 1 if good else 0
        if self._bad >= BAD_SAMPLES or (not self._known and not good):
            self.healthy = False
        elif self._good >= GOOD_SAMPLES or (not self._known and good):
            self.healthy = True
        self._known = True

    def admitted(self) -> None:
        """It is of use at once: there is no other of its kind."""
        self.healthy = self._known = True
        self._bad = 0

    def lost(self) -> None:
        """It takes no connections, or ends them: it is out at once."""
        self.sample = None
        self.healthy = False
        self._good = 0
        self._bad = BAD_SAMPLES
        self._known = True


class Servers:
    """All servers of one database: who is the primary, how far it is, and which standbys may serve."""

    def __init__(self, servers: Sequence[Server], lag_seconds: float, metrics: ReplicaMetrics) -> None:
        self.all = tuple(servers)
        self.primary: Server | None = None
        """Who takes writes; None: nobody does."""
        self.replicas: tuple[Server, ...] = ()
        """The healthy standbys."""
        self.position: Position = 0
        """The newest of the primary's that is known."""
        self.synchronous = False
        """The primary's commits wait for a standby, or did when it was last seen."""
        self.on_primary: list[Callable[[], None]] = []
        """Told when the primary is another one than before."""
        self.last_primary: Server | None = None
        """Who is the primary, or was the last one."""
        self._lag_seconds = lag_seconds
        self._history = History(2 * lag_seconds + 10)
        self._metrics = metrics

    @property
    def states(self) -> list[ServerState]:
        return [self._state(server) for server in self.all]

    def heard(self, position: Position) -> None:
        """A write went up to here."""
        self.position = max(self.position, position)

    def sampled(self, server: Server, sample: Sample) -> None:
        was_healthy = server.healthy
        if server.sample is not None and server.sample.standby and not sample.standby:
            # What was opened for reads on a standby would be in the way of what the primary has to do.
            server.connections.renounce()
        server.sample = sample
        if sample.standby:
            self._judge_standby(server, sample)
        else:
            self._judge_primary(server, sample)
        self._settle(server, was_healthy)

    def failed(self, server: Server) -> None:
        """A sample did not come, from a server that may well be there."""
        was_healthy = server.healthy
        server.judged(good=False, acceptable=False)
        self._settle(server, was_healthy)

    def lost(self, server: Server) -> None:
        """It takes no connections, or ends them."""
        was_healthy = server.healthy
        server.lost()
        self._settle(server, was_healthy)

    def _judge_primary(self, server: Server, sample: Sample) -> None:
        server.lag = 0.0
        if sample.timeline < timeline_of(self.position):
            # It was the primary once, and does not know that another one is.
            server.judged(good=False, acceptable=False)
        else:
            server.admitted()
            self._history.add(sample.at, sample.position)
            self.synchronous = sample.synchronous
            self.heard(sample.position)

    def _judge_standby(self, server: Server, sample: Sample) -> None:
        # A position by the clock says nothing of the lag.
        server.lag = self._history.lag(sample.position, sample.at) if sample.timeline else 0.0
        if self.primary is None:
            # It lags behind nothing that anybody could read: nobody knows more.
            server.judged(good=True, acceptable=True)
            return
        follows = sample.timeline == timeline_of(self.position)
        server.judged(
            good=follows and server.lag < self._lag_seconds / 2, acceptable=follows and server.lag <= self._lag_seconds
        )

    def _settle(self, server: Server, was_healthy: bool) -> None:
        writable = [each for each in self.all if each.healthy and each.sample is not None and not each.sample.standby]
        self.primary = max(writable, key=lambda each: each.position, default=None)
        self.replicas = tuple(each for each in self.all if each.healthy and each.standby)
        if self.primary is not None and self.primary is not self.last_primary:
            changed, self.last_primary = self.last_primary is not None, self.primary
            if changed:
                for told in self.on_primary:
                    told()
        if was_healthy and not server.healthy:
            self._metrics.count_ejection(server.name)
        self._metrics.note(server.name, healthy=server.healthy, lag_seconds=server.lag)

    def _state(self, server: Server) -> ServerState:
        role: Role = "unknown" if server.sample is None else "replica" if server.sample.standby else "primary"
        behind = 0
        if role == "replica" and timeline_of(server.position) == timeline_of(self.position):
            behind = max(0, lsn_of(self.position) - lsn_of(server.position))
        return ServerState(server.name, role, server.healthy, server.lag, behind, server.in_use)
