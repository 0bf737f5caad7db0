"""Sessions: the only way to the database, and the first wall between tenants.

A session on tenant data cannot be opened without a TenantId. The second wall is PostgreSQL's row-level security: every
connection carries the scope of its session in two settings that the policies read, and the application's role cannot
bypass them. The scope is set when a connection is checked out, and only when it differs from the connection's last
one, so that a busy tenant pays no round trip for it. (Behind PgBouncer this needs session pooling.)
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar, cast

import asyncpg  # type: ignore[import-untyped]  # it ships no types
import msgspec
from sqlalchemy import Executable, select, text
from sqlalchemy.engine import CursorResult
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from persistence.errors import (
    DatabaseUnavailable,
    DuplicateValue,
    MissingPartition,
    MissingReference,
    RefusedValue,
    StatementTooLong,
    UnsafeRole,
    WriteConflict,
)
from persistence.ids import TenantId, UserId
from persistence.shares import Shares

R = TypeVar("R", bound=msgspec.Struct)

_UNIQUE_VIOLATION = "23505"
_FOREIGN_KEY_VIOLATION = "23503"
_CHECK_VIOLATION = "23514"
_NOBODY = 0
"""Identity columns start at 1: scope 0 sees nothing."""

_DRIVER_ERRORS = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What a statement can raise that is sent straight to the driver."""

_ANALYSING = text(
    "SELECT set_config('plan_cache_mode', 'force_custom_plan', true),"
    " set_config('max_parallel_workers_per_gather', '0', true)"
)


class Session:
    """One scoped connection. In a read session each statement stands alone; a write session is one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        with translated_errors():
            return await self._connection.execute(statement, parameters)

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


class TenantSession(Session):
    """A session that sees one tenant's rows."""

    def __init__(self, connection: AsyncConnection, tenant_id: TenantId) -> None:
        super().__init__(connection)
        self.tenant_id = tenant_id


class Database:
    """The engine, and the sessions opened on it; `shares` bounds those that one tenant has open at once."""

    def __init__(self, engine: AsyncEngine, shares: Shares) -> None:
        self.engine = engine
        self.shares = shares
        self._autocommit = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._repeatable = engine.execution_options(isolation_level="REPEATABLE READ")

    @asynccontextmanager
    async def read(self, tenant_id: TenantId) -> AsyncIterator[TenantSession]:
        async with self.shares.place(tenant_id), _scoped(self._autocommit, tenant_id, _NOBODY) as connection:
            yield TenantSession(connection, tenant_id)

    @asynccontextmanager
    async def write(self, tenant_id: TenantId) -> AsyncIterator[TenantSession]:
        """Commits when the block ends, rolls back when it raises."""
        async with self.shares.place(tenant_id), _scoped(self.engine, tenant_id, _NOBODY) as connection:
            with translated_errors():
                async with connection.begin():
                    yield TenantSession(connection, tenant_id)

    @asynccontextmanager
    async def snapshot(self, tenant_id: TenantId) -> AsyncIterator[TenantSession]:
        """As `write`, and every statement sees the database as it was at the first one."""
        async with self.shares.place(tenant_id), _scoped(self._repeatable, tenant_id, _NOBODY) as connection:
            with translated_errors():
                async with connection.begin():
                    yield TenantSession(connection, tenant_id)

    @asynccontextmanager
    async def analyse(self, tenant_id: TenantId) -> AsyncIterator[TenantSession]:
        """As `read`, for statements over many events: each one is planned for its own values, and not in parallel.

        The plan that PostgreSQL keeps after some executions, for any tenant and any range, can take thirty times as
        long. Parallel workers hand distinct rows over in the order of their hashes, which fills the leader's hash
        table in the worst way: 640,000 impressions took minutes instead of seconds.

        Raises StatementTooLong, within the block too.
        """
        async with self.shares.place(tenant_id), _scoped(self.engine, tenant_id, _NOBODY) as connection:
            with translated_errors():
                async with connection.begin():
                    await connection.execute(_ANALYSING)
                    with _told_if_too_long():
                        yield TenantSession(connection, tenant_id)

    @asynccontextmanager
    async def trial(self, tenant_id: TenantId) -> AsyncIterator[TenantSession]:
        """As `snapshot`, and whatever was written is undone when the block ends."""
        async with self.shares.place(tenant_id), _scoped(self._repeatable, tenant_id, _NOBODY) as connection:
            with translated_errors():
                async with connection.begin() as transaction:
                    yield TenantSession(connection, tenant_id)
                    await transaction.rollback()

    @asynccontextmanager
    async def read_account(self, user_id: UserId | None = None) -> AsyncIterator[Session]:
        """A session on what belongs to people and not to a tenant: users, logins, and the user's own memberships."""
        async with _scoped(self._autocommit, _NOBODY, user_id or _NOBODY) as connection:
            yield Session(connection)

    @asynccontextmanager
    async def write_account(self, user_id: UserId | None = None) -> AsyncIterator[Session]:
        async with _scoped(self.engine, _NOBODY, user_id or _NOBODY) as connection:
            with translated_errors():
                async with connection.begin():
                    yield Session(connection)

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
        await self.engine.dispose()


def open_database(url: str, *, pool_size: int, statement_timeout: float) -> Database:
    """A Database over asyncpg; `url` is `postgresql+asyncpg://…`, `statement_timeout` in seconds."""
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=statement_timeout,
        pool_pre_ping=False,
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
    return Database(engine, Shares(max(1, pool_size // 2), statement_timeout))


@asynccontextmanager
async def _scoped(engine: AsyncEngine, tenant_id: int, user_id: int) -> AsyncIterator[AsyncConnection]:
    with translated_errors():
        connection = await engine.connect()
    try:
        with translated_errors():
            await _set_scope(connection, tenant_id, user_id)
        yield connection
    finally:
        await connection.close()


async def _set_scope(connection: AsyncConnection, tenant_id: int, user_id: int) -> None:
    raw = await connection.get_raw_connection()
    scope = (tenant_id, user_id)
    if raw.info.get("scope") == scope:
        return
    # Straight to the driver: outside SQLAlchemy's transaction, so that a rollback cannot undo it.
    driver = cast(Any, raw.driver_connection)
    raw.info.pop("scope", None)
    try:
        await driver.execute(
            f"SELECT set_config('podgraph.tenant_id', '{tenant_id:d}', false),"
            f" set_config('podgraph.user_id', '{user_id:d}', false)"
        )
    except _DRIVER_ERRORS as error:
        # Most often the server has closed the connection while it lay in the pool.
        await connection.invalidate()
        raise DatabaseUnavailable(_said(error)) from error
    except Exception:
        await connection.invalidate()
        raise
    raw.info["scope"] = scope


@contextmanager
def _told_if_too_long() -> Iterator[None]:
    """For a connection that is there already: whoever waits then waits for a statement."""
    try:
        yield
    except DatabaseUnavailable as error:
        if isinstance(error.__cause__, TimeoutError):
            raise StatementTooLong(str(error)) from error
        raise


@contextmanager
def translated_errors() -> Iterator[None]:
    """The driver's exceptions as `persistence.errors`."""
    try:
        yield
    except IntegrityError as error:
        driver_error = error.orig.__cause__ if error.orig else None
        name = getattr(driver_error, "constraint_name", None)
        constraint = str(name)
        sqlstate = getattr(error.orig, "sqlstate", None)
        if sqlstate == _UNIQUE_VIOLATION:
            raise DuplicateValue(constraint) from error
        if sqlstate == _FOREIGN_KEY_VIOLATION:
            raise MissingReference(constraint) from error
        # PostgreSQL says so, without a constraint, when a row finds no partition.
        if sqlstate == _CHECK_VIOLATION and name is None:
            raise MissingPartition(_said(error)) from error
        if sqlstate == _CHECK_VIOLATION:
            raise RefusedValue(constraint) from error
        raise
    except (OperationalError, InterfaceError, PoolTimeout, OSError, TimeoutError) as error:
        raise DatabaseUnavailable(_said(error)) from error
    except DBAPIError as error:
        sqlstate = getattr(error.orig, "sqlstate", None)
        # The driver has read that the server ends the connection, and has not yet seen it closed.
        if sqlstate is None and isinstance(error, InternalError):
            raise DatabaseUnavailable(_said(error)) from error
        # 22xxx: data exceptions. No state at all: the driver could not encode the value and sent nothing.
        if sqlstate is None or str(sqlstate).startswith("22"):
            raise RefusedValue(type(error.orig).__name__) from error
        if str(sqlstate).startswith("40"):
            raise WriteConflict(_said(error)) from error
        # 08: connection lost; 57P: the server is going away; 53: out of resources; 28, 3D: no such role or database.
        if str(sqlstate).startswith(("08", "57P", "53", "28", "3D")) or error.connection_invalidated:
            raise DatabaseUnavailable(_said(error)) from error
        raise


def _said(error: BaseException) -> str:
    """What the driver or the operating system says, in one line."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    return str(cause).partition("\n")[0].rstrip(".") or type(cause).__name__
