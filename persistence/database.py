"""The database: opens sessions, of a tenant or of people, that read, write, analyse or try.

Nothing else opens one. Operations use a `DatabaseView` (`views.py`), which knows what they may see.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, contextmanager
from types import TracebackType
from typing import Generic, TypeVar

from prometheus_client import CollectorRegistry
from sqlalchemy import select, text

from ops.telemetry.metrics import ReplicaMetrics
from persistence.announcements import Announcer, Unannounced
from persistence.commits import Commits, transaction
from persistence.connections import READ_COMMITTED, REPEATABLE_READ, Connections, Listener, Scope
from persistence.errors import DatabaseUnavailable, StatementTooLong, UnsafeRole
from persistence.footprints import Footprint
from persistence.ids import TenantId, UserId
from persistence.leases import Lease, Sources
from persistence.opening import opened
from persistence.places import Places
from persistence.positions import Position
from persistence.projections import Projections
from persistence.servers import Servers
from persistence.sessions import Analysis, Session, Shapes, TenantSession
from persistence.sight import Sight
from persistence.statements import Statements
from persistence.touches import Touches
from persistence.unheard import caching, unheard_writes
from persistence.watch import Watch

S = TypeVar("S", bound=Session)

Wrote = Callable[[Position], None]

_NOBODY = 0
"""Identity columns start at 1: scope 0 sees nothing."""


class Database:
    """Connections, and the sessions opened on them; `shares` bounds those that one tenant has open at once.

    Without a `sight`, or with `primary`, a session reads on the primary. `footprint` is where it notes what it reads,
    `wrote` is told where a write went.
    """

    def __init__(self, sources: Sources, servers: Servers, watch: Watch, places: Places) -> None:
        self.connections = sources.primary
        self.shares = sources.shares
        self.servers = servers
        self.watch = watch
        self.statements = Statements(sources.primary.engine.dialect)
        self.projections = Projections()
        self._shapes = Shapes(self.statements, self.projections)
        self._sources = sources
        self._commits = Commits(places, Unannounced(), watch.heard)

    @property
    def announcer(self) -> Announcer:
        """Is told of every write before it is committed."""
        return self._commits.announcer

    @announcer.setter
    def announcer(self, announcer: Announcer) -> None:
        self._commits.announcer = announcer

    def read(
        self,
        tenant_id: TenantId,
        *,
        sight: Sight | None = None,
        footprint: Footprint | None = None,
        primary: bool = False,
    ) -> AbstractAsyncContextManager[TenantSession]:
        lease = self._leased(tenant_id, sight=sight, primary=primary)
        return _Opened(lease, TenantSession(self._shapes, lease, tenant_id, footprint=footprint))

    @asynccontextmanager
    async def write(self, tenant_id: TenantId, *, wrote: Wrote | None = None) -> AsyncIterator[TenantSession]:
        """Commits when the block ends, rolls back when it raises."""
        async with self._writing(tenant_id, READ_COMMITTED, wrote) as session:
            yield session

    @asynccontextmanager
    async def snapshot(self, tenant_id: TenantId, *, wrote: Wrote | None = None) -> AsyncIterator[TenantSession]:
        """As `write`, and every statement sees the database as it was at the first one."""
        async with self._writing(tenant_id, REPEATABLE_READ, wrote) as session:
            yield session

    @asynccontextmanager
    async def analyse(
        self,
        tenant_id: TenantId,
        *,
        sight: Sight | None = None,
        footprint: Footprint | None = None,
        primary: bool = False,
    ) -> AsyncIterator[TenantSession]:
        """As `read`, for statements over many events: each one is planned for its own values, and not in parallel.

        The plan that PostgreSQL keeps after some executions, for any tenant and any range, can take thirty times as
        long. Parallel workers hand distinct rows over in the order of their hashes, which fills the leader's hash
        table in the worst way: 640,000 impressions took minutes instead of seconds.

        Raises StatementTooLong, within the block too.
        """
        lease = self._leased(tenant_id, sight=sight, primary=primary)
        analysis = Analysis(self._shapes, lease, tenant_id, footprint=footprint, in_transaction=True)
        async with _Opened(lease, analysis):
            await analysis.prepare()
            try:
                with _told_if_too_long():
                    yield analysis
            finally:
                await analysis.finish()

    @asynccontextmanager
    async def trial(self, tenant_id: TenantId) -> AsyncIterator[TenantSession]:
        """As `snapshot`, and whatever was written is undone when the block ends."""
        lease = self._leased(tenant_id)
        async with (
            _Opened(lease, TenantSession(self._shapes, lease, tenant_id, in_transaction=True)) as session,
            transaction(lease.connection, REPEATABLE_READ) as begun,
        ):
            yield session
            await begun.rollback()

    def read_account(
        self,
        user_id: UserId | None = None,
        *,
        sight: Sight | None = None,
        footprint: Footprint | None = None,
        primary: bool = False,
    ) -> AbstractAsyncContextManager[Session]:
        """A session on what belongs to people and not to a tenant: users, logins, and the user's own memberships."""
        lease = self._leased(_NOBODY, user_id or _NOBODY, sight, primary)
        return _Opened(lease, Session(self._shapes, lease, footprint=footprint))

    @asynccontextmanager
    async def write_account(
        self, user_id: UserId | None = None, *, wrote: Wrote | None = None
    ) -> AsyncIterator[Session]:
        lease, touches = self._leased(_NOBODY, user_id or _NOBODY), Touches(_NOBODY)
        async with (
            _Opened(lease, Session(self._shapes, lease, touches=touches, in_transaction=True)) as session,
            self._commits.committed(lease.connection, READ_COMMITTED, touches, wrote),
        ):
            yield session

    @contextmanager
    def watched(self, listener: Listener) -> Iterator[None]:
        """Within the block, the listener is told each statement before it is sent."""
        with ExitStack() as stack:
            for connections in self._pools():
                stack.enter_context(connections.watched(listener))
            yield

    async def ping(self) -> None:
        """Raises DatabaseUnavailable when no statement can be run, on the primary or on a replica."""
        try:
            async with self.read_account() as session:
                await session.scalar(select(1))
        except DatabaseUnavailable:
            if not self.servers.replicas:
                raise

    async def refuse_unsafe_role(self) -> None:
        """Raises UnsafeRole when the application's role could see through row-level security."""
        statement = text(
            "SELECT rolname, rolsuper OR rolbypassrls,"
            " EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            "         WHERE c.relowner = r.oid AND n.nspname = 'public' AND c.relkind IN ('r', 'p'))"
            " FROM pg_roles r WHERE rolname = current_user"
        )
        async with self.read_account() as session:
            name, bypasses, owns = (await session.rows(statement))[0]
        if bypasses or owns:
            why = "is a superuser or has BYPASSRLS" if bypasses else "owns the tables"
            raise UnsafeRole(
                f"The database role {name!r} {why} and could read every tenant's data; "
                "set PODGRAPH_DATABASE__URL to a role that is neither (see README, Databases)."
            )
        others = {server.endpoint.user for server in self.servers.all} - {name, None}
        if others:
            raise UnsafeRole(
                f"PODGRAPH_DATABASE__REPLICA_URLS names the role {min(map(str, others))!r}: "
                f"use {name!r}, the role of PODGRAPH_DATABASE__URL, on every server."
            )

    async def close(self) -> None:
        for connections in self._pools():
            await connections.close()

    @asynccontextmanager
    async def unheard_writes(self) -> AsyncIterator[None]:
        """Within the block, everybody who caches knows that this process writes and cannot be heard.

        A write that cannot rely on that any more fails with DatabaseUnavailable, as does the beginning of the block.
        """
        async with unheard_writes(self._sources.connect) as lock:
            with self._commits.while_held(lock):
                yield

    @asynccontextmanager
    async def caching(self, *, exclusive: bool) -> AsyncIterator[bool]:
        """Within the block, this process may keep what it reads: as the only one, or with others that hear each other.

        False: others keep what they read, and do not hear this one. Raises DatabaseUnavailable.
        """
        async with caching(self._sources.connect, exclusive=exclusive) as lock:
            with self.watch.while_held(lock):
                yield lock is not None

    def _pools(self) -> list[Connections]:
        return [self.connections, *(server.connections for server in self.servers.all)]

    def _leased(
        self, tenant_id: int, user_id: int = _NOBODY, sight: Sight | None = None, primary: bool = False
    ) -> Lease:
        return Lease(self._sources, Scope(tenant_id, user_id), sight, primary=primary)

    @asynccontextmanager
    async def _writing(self, tenant_id: TenantId, isolation: str, wrote: Wrote | None) -> AsyncIterator[TenantSession]:
        lease, touches = self._leased(tenant_id), Touches(tenant_id)
        session = TenantSession(self._shapes, lease, tenant_id, touches=touches, in_transaction=True)
        async with (
            _Opened(lease, session),
            self._commits.committed(lease.connection, isolation, touches, wrote),
        ):
            yield session


def open_database(
    url: str,
    *,
    pool_size: int,
    statement_timeout: float,
    replica_urls: Sequence[str] = (),
    lag_seconds: float = 5.0,
    sticky_seconds: float = 5.0,
    metrics: ReplicaMetrics | None = None,
) -> Database:
    """A Database over asyncpg; URLs are `postgresql+asyncpg://…` and name one server or several.

    Whichever of them takes writes is the primary; `pool_size` connections go to it, and as many to each standby.
    `statement_timeout` is in seconds. A standby that lags by more than `lag_seconds` is not read on. Of a database that
    does not tell positions in its log, standbys are believed to lag by no more than `sticky_seconds`.
    Only within `database.watch.running()` is anything known of standbys, and read on them.
    """
    return Database(
        *opened(
            [url, *replica_urls],
            pool_size=pool_size,
            statement_timeout=statement_timeout,
            lag_seconds=lag_seconds,
            places=Places(sticky_seconds),
            metrics=metrics or ReplicaMetrics(CollectorRegistry()),
        )
    )


class _Opened(Generic[S]):
    """Takes a connection and gives it back; a class, since a generator would cost more than all of this."""

    def __init__(self, lease: Lease, session: S) -> None:
        self._lease = lease
        self._session = session

    async def __aenter__(self) -> S:
        await self._lease.begin()
        return self._session

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._lease.end()


@contextmanager
def _told_if_too_long() -> Iterator[None]:
    """For a connection that is there already: whoever waits then waits for a statement."""
    try:
        yield
    except DatabaseUnavailable as error:
        if isinstance(error.__cause__, TimeoutError):
            raise StatementTooLong(str(error)) from error
        raise
