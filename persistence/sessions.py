"""Sessions: the only way to the database, and the first wall between tenants.

A session on tenant data cannot be opened without a TenantId. The second wall is PostgreSQL's row-level security: every
connection carries the scope of its session (`connections.py`), and the application's role cannot bypass the policies
that read it.

A statement goes one of two ways. Repositories' hot statements are compiled once (`statements.py`) and in a read session
sent by the driver alone, which is a third of the whole cost; everything else, and everything within a transaction, goes
through SQLAlchemy.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, contextmanager
from types import TracebackType
from typing import Any, TypeVar, cast

import msgspec
from sqlalchemy import Executable, NullPool, select, text
from sqlalchemy.engine import CursorResult
from sqlalchemy.ext.asyncio import AsyncTransaction, create_async_engine

from persistence.connections import AUTOCOMMIT, Connection, Connections, Listener, Scope
from persistence.errors import DatabaseUnavailable, PersistenceError, StatementTooLong, UnsafeRole
from persistence.failures import translated, translated_errors
from persistence.ids import TenantId, UserId
from persistence.projections import Projections, Reads
from persistence.shares import Shares
from persistence.statements import Build, Statements

R = TypeVar("R", bound=msgspec.Struct)

_NOBODY = 0
"""Identity columns start at 1: scope 0 sees nothing."""

_READ_COMMITTED = "READ COMMITTED"
_REPEATABLE_READ = "REPEATABLE READ"

_ANALYSING = text(
    "SELECT set_config('plan_cache_mode', 'force_custom_plan', true),"
    " set_config('max_parallel_workers_per_gather', '0', true)"
)


class Session:
    """One scoped connection. In a read session each statement stands alone; a write session is one transaction."""

    def __init__(self, database: "Database", connection: Connection, *, in_transaction: bool) -> None:
        self._connection = connection
        self._in_transaction = in_transaction
        self._statements = database.statements
        self._projections = database.projections
        self._listeners = database.connections.listeners

    async def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        connection = self._connection
        try:
            if not self._in_transaction:
                await connection.isolate(AUTOCOMMIT)
            return await connection.sqlalchemy.execute(statement, parameters)
        except BaseException as error:
            if known := _known(error, connection):
                raise known from error
            raise

    async def asked(self, build: Build, shape: tuple[Any, ...], values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """The rows of the statement that `build(*shape)` says, compiled once; `values` by the names of its binds."""
        connection = self._connection
        try:
            statement = self._statements.of(build, shape)
            arguments = statement.arguments(values)
            if self._in_transaction:
                return (await connection.sqlalchemy.exec_driver_sql(statement.sql, tuple(arguments))).fetchall()
            for listener in self._listeners:
                listener(statement.sql, arguments)
            return cast(Sequence[Sequence[Any]], await connection.driver.fetch(statement.sql, *arguments))
        except BaseException as error:
            if known := _known(error, connection):
                raise known from error
            raise

    def projected(self, record: type[Any], reads: Reads) -> type[Any]:
        """The type of the records that a statement with the columns of `reads` gives."""
        return self._projections.of(record, reads)

    async def asked_records(
        self, build: Build, shape: tuple[Any, ...], values: Mapping[str, Any], record: type[R]
    ) -> list[R]:
        """The rows as records; the statement selects the record's fields in their order."""
        rows = await self.asked(build, shape, values)
        # By columns: the driver's rows are slow to unpack one by one.
        return list(map(record, *zip(*rows, strict=True))) if rows else []

    async def rows(self, statement: Executable) -> list[tuple[Any, ...]]:
        return cast(list[tuple[Any, ...]], (await self.execute(statement)).fetchall())

    async def records(self, statement: Executable, record: type[R]) -> list[R]:
        """The rows as records; the statement selects the record's fields in their order."""
        return [record(*row) for row in (await self.execute(statement)).fetchall()]

    async def record(self, statement: Executable, record: type[R]) -> R | None:
        row = (await self.execute(statement)).fetchone()
        return None if row is None else record(*row)

    async def records_by_id(self, statement: Executable, record: type[R], ids: Sequence[int]) -> list[R | None]:
        """One for each id, in order; None where the statement, which selects by these ids, finds nothing."""
        found = {row.id: row for row in await self.records(statement, record)}  # type: ignore[attr-defined]  # called for records that have an id
        return [found.get(row_id) for row_id in ids]

    async def scalar(self, statement: Executable) -> Any:
        return (await self.execute(statement)).scalar()

    @asynccontextmanager
    async def transaction(self, isolation: str) -> AsyncIterator[AsyncTransaction]:
        """What a write session is: commits when the block ends, rolls back when it raises."""
        with translated_errors():
            sqlalchemy = await self._connection.isolate(isolation)
            async with sqlalchemy.begin() as transaction:
                yield transaction

    def ended(self) -> Connection:
        """Its connection, which is another session's, of another scope, from now on: this one can use it no more."""
        connection = self._connection
        del self._connection
        return connection


class TenantSession(Session):
    """A session that sees one tenant's rows."""

    def __init__(
        self, database: "Database", connection: Connection, tenant_id: TenantId, *, in_transaction: bool
    ) -> None:
        super().__init__(database, connection, in_transaction=in_transaction)
        self.tenant_id = tenant_id


class Database:
    """Connections, and the sessions opened on them; `shares` bounds those that one tenant has open at once."""

    def __init__(self, connections: Connections, shares: Shares) -> None:
        self.connections = connections
        self.shares = shares
        self.statements = Statements(connections.engine.dialect)
        self.projections = Projections()

    def read(self, tenant_id: TenantId) -> AbstractAsyncContextManager[TenantSession]:
        return _TenantOpened(self, tenant_id)

    @asynccontextmanager
    async def write(self, tenant_id: TenantId) -> AsyncIterator[TenantSession]:
        """Commits when the block ends, rolls back when it raises."""
        async with _TenantOpened(self, tenant_id, in_transaction=True) as session, session.transaction(_READ_COMMITTED):
            yield session

    @asynccontextmanager
    async def snapshot(self, tenant_id: TenantId) -> AsyncIterator[TenantSession]:
        """As `write`, and every statement sees the database as it was at the first one."""
        async with (
            _TenantOpened(self, tenant_id, in_transaction=True) as session,
            session.transaction(_REPEATABLE_READ),
        ):
            yield session

    @asynccontextmanager
    async def analyse(self, tenant_id: TenantId) -> AsyncIterator[TenantSession]:
        """As `read`, for statements over many events: each one is planned for its own values, and not in parallel.

        The plan that PostgreSQL keeps after some executions, for any tenant and any range, can take thirty times as
        long. Parallel workers hand distinct rows over in the order of their hashes, which fills the leader's hash
        table in the worst way: 640,000 impressions took minutes instead of seconds.

        Raises StatementTooLong, within the block too.
        """
        async with self.write(tenant_id) as session:
            await session.execute(_ANALYSING)
            with _told_if_too_long():
                yield session

    @asynccontextmanager
    async def trial(self, tenant_id: TenantId) -> AsyncIterator[TenantSession]:
        """As `snapshot`, and whatever was written is undone when the block ends."""
        async with (
            _TenantOpened(self, tenant_id, in_transaction=True) as session,
            session.transaction(_REPEATABLE_READ) as transaction,
        ):
            yield session
            await transaction.rollback()

    def read_account(self, user_id: UserId | None = None) -> AbstractAsyncContextManager[Session]:
        """A session on what belongs to people and not to a tenant: users, logins, and the user's own memberships."""
        return _AccountOpened(self, user_id)

    @asynccontextmanager
    async def write_account(self, user_id: UserId | None = None) -> AsyncIterator[Session]:
        async with _AccountOpened(self, user_id, in_transaction=True) as session, session.transaction(_READ_COMMITTED):
            yield session

    def watched(self, listener: Listener) -> AbstractContextManager[None]:
        """Within the block, the listener is told each statement before it is sent."""
        return self.connections.watched(listener)

    async def ping(self) -> None:
        """Raises DatabaseUnavailable when no statement can be run."""
        async with self.read_account() as session:
            await session.scalar(select(1))

    async def refuse_unsafe_role(self) -> None:
        """Raises UnsafeRole when the engine's role could see through row-level security."""
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

    async def close(self) -> None:
        await self.connections.close()


def open_database(url: str, *, pool_size: int, statement_timeout: float) -> Database:
    """A Database over asyncpg; `url` is `postgresql+asyncpg://…`, `statement_timeout` in seconds."""
    engine = create_async_engine(
        url,
        poolclass=NullPool,
        connect_args={
            "timeout": statement_timeout,
            "command_timeout": statement_timeout,
            "server_settings": {
                "application_name": "podgraph",
                "timezone": "UTC",
                "jit": "off",
                # Else the statements of a process that was killed go on for as long as they take, for nobody.
                "client_connection_check_interval": "2s",
            },
        },
    )
    connections = Connections(engine, pool_size, statement_timeout)
    return Database(connections, Shares(max(1, pool_size // 2), statement_timeout))


class _Opened:
    """Takes a connection and gives it back; a class, since a generator would cost more than all of this."""

    def __init__(self, database: Database, tenant_id: int, user_id: int = _NOBODY) -> None:
        self._database = database
        self._scope = Scope(tenant_id, user_id)
        self._place: asyncio.Semaphore | None = None
        self._session: Session | None = None

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._session is not None:
            self._database.connections.give_back(self._session.ended())
        self._leave()

    async def _taken(self) -> Connection:
        if self._scope.tenant_id != _NOBODY:
            self._place = await self._database.shares.take(self._scope.tenant_id)
        try:
            return await self._database.connections.take(self._scope)
        except BaseException:
            self._leave()
            raise

    def _leave(self) -> None:
        if self._place is not None:
            self._place.release()


class _TenantOpened(_Opened):
    def __init__(self, database: Database, tenant_id: TenantId, *, in_transaction: bool = False) -> None:
        super().__init__(database, tenant_id)
        self._tenant_id = tenant_id
        self._in_transaction = in_transaction

    async def __aenter__(self) -> TenantSession:
        connection = await self._taken()
        session = TenantSession(self._database, connection, self._tenant_id, in_transaction=self._in_transaction)
        self._session = session
        return session


class _AccountOpened(_Opened):
    def __init__(self, database: Database, user_id: UserId | None, *, in_transaction: bool = False) -> None:
        super().__init__(database, _NOBODY, user_id or _NOBODY)
        self._in_transaction = in_transaction

    async def __aenter__(self) -> Session:
        session = self._session = Session(self._database, await self._taken(), in_transaction=self._in_transaction)
        return session


def _known(error: BaseException, connection: Connection) -> PersistenceError | None:
    """What a statement's exception means; notes that the connection has one that was given up."""
    if isinstance(error, asyncio.CancelledError | TimeoutError):
        connection.unsettled = True
    return translated(error) if isinstance(error, Exception) else None


@contextmanager
def _told_if_too_long() -> Iterator[None]:
    """For a connection that is there already: whoever waits then waits for a statement."""
    try:
        yield
    except DatabaseUnavailable as error:
        if isinstance(error.__cause__, TimeoutError):
            raise StatementTooLong(str(error)) from error
        raise
