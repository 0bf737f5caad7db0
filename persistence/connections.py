"""Connections to one server: at most so many, each with one session at a time, and kept for the next.

A connection carries the scope of its session in two settings that row-level security reads. Setting them is a round
trip, so a session prefers a connection that has its scope already: a busy tenant's, or a user's. (Behind PgBouncer
this needs session pooling.) Nothing else is set or left on a connection, so that nothing has to be undone between two
sessions: what the driver's own pool sends then (RESET, UNLISTEN, unlocking) would be one more round trip for each.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final, NamedTuple

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from persistence.errors import DatabaseUnavailable
from persistence.failures import translated, translated_errors
from persistence.shares import Turnstile

Listener = Callable[[str, Sequence[Any]], None]
"""Is told the text of a statement and its values."""

AUTOCOMMIT: Final = "AUTOCOMMIT"
READ_COMMITTED: Final = "READ COMMITTED"
REPEATABLE_READ: Final = "REPEATABLE READ"

FULL_SECONDS: Final = 5.0
"""How long no connection is opened, after the server had no room for one, while others are idle."""


class Scope(NamedTuple):
    """Whose rows a session sees; 0 is nobody, since identity columns start at 1."""

    tenant_id: int
    user_id: int


class Connection:
    """One connection: SQLAlchemy's, and beneath it the driver's, for what needs none of SQLAlchemy."""

    __slots__ = ("_isolation", "driver", "renounced", "scope", "sqlalchemy", "unsettled")

    def __init__(self, sqlalchemy: AsyncConnection, driver: Any) -> None:
        self.sqlalchemy = sqlalchemy
        self.driver = driver
        self.renounced = False
        """It leads to a server that is no longer what it was: for the session that has it, and for no other."""
        self.scope: Scope | None = None
        self.unsettled = False
        """A statement was given up half-way: the server may still be at it, or about to cancel it."""
        self._isolation: str = READ_COMMITTED

    @property
    def fit(self) -> bool:
        """For another session: open, and in no transaction, with which its scope would be undone."""
        return not (
            self.renounced
            or self.driver.is_closed()
            or (synchronous := self.sqlalchemy.sync_connection) is None
            or synchronous.invalidated
            or self.driver.is_in_transaction()
        )

    async def isolate(self, level: str) -> AsyncConnection:
        """SQLAlchemy's connection, outside of any transaction, its next one at this level."""
        if level == self._isolation == AUTOCOMMIT:
            return self.sqlalchemy
        if self.sqlalchemy.in_transaction():
            # SQLAlchemy begins one of its own with a statement in autocommit too; the server knows of none.
            await self.sqlalchemy.rollback()
        if self._isolation != level:
            await self.sqlalchemy.execution_options(isolation_level=level)
            self._isolation = level
        return self.sqlalchemy

    async def enter(self, scope: Scope) -> None:
        """Raises DatabaseUnavailable; the connection is then of no use any more."""
        self.scope = None
        # Straight to the driver: outside SQLAlchemy's transaction, so that a rollback cannot undo it.
        await self.driver.execute(
            f"SELECT set_config('podgraph.tenant_id', '{scope.tenant_id:d}', false),"
            f" set_config('podgraph.user_id', '{scope.user_id:d}', false)"
        )
        self.scope = scope

    async def settle(self) -> None:
        """Comes back when the server is done with what was given up: the driver sends nothing before that."""
        if self.sqlalchemy.in_transaction():
            await self.sqlalchemy.rollback()
        await self.driver.execute("SELECT 1")
        self.unsettled = False

    async def close(self) -> None:
        self.driver.terminate()
        # It is gone already; SQLAlchemy is told so that it forgets it too.
        with suppress(Exception):
            await self.sqlalchemy.close()


class Connections:
    """Up to `size` connections; whoever finds all of them in use waits for at most `seconds`."""

    def __init__(self, engine: AsyncEngine, size: int, seconds: float) -> None:
        """The engine keeps no connections of its own (NullPool)."""
        self.engine = engine
        self._size = size
        self._seconds = seconds
        self._places = Turnstile(size, seconds, "all connections to the database are in use")
        self._idle: list[Connection] = []
        """The one used last at the end."""
        self._lent: set[Connection] = set()
        self._open = 0
        self._full_until = 0.0
        """The server had no room for another connection: until then, in the loop's time, idle ones have to do."""
        self._closed = False
        self._chores: set[asyncio.Task[None]] = set()
        self.listeners: list[Listener] = []

    async def take(self, scope: Scope) -> Connection:
        """A connection of this scope, to be given back. Raises DatabaseUnavailable."""
        if not self._places.enter():
            await self._places.wait()
        try:
            connection = self._idle_one(scope) or await self._scoped(scope)
        except BaseException:
            self._places.leave()
            raise
        self._lent.add(connection)
        return connection

    def give_back(self, connection: Connection) -> None:
        self._lent.discard(connection)
        if connection.unsettled and not connection.driver.is_closed():
            self._later(self._settled(connection))
            return
        if connection.fit and not self._closed:
            self._idle.append(connection)
        else:
            self._forget(connection)
        self._places.leave()

    @contextmanager
    def watched(self, listener: Listener) -> Iterator[None]:
        """Within the block, the listener is told each statement before it is sent."""

        def told(_connection: object, _cursor: object, statement: str, values: Sequence[Any], *_: object) -> None:
            listener(statement, values)

        event.listen(self.engine.sync_engine, "before_cursor_execute", told)
        self.listeners.append(listener)
        try:
            yield
        finally:
            self.listeners.remove(listener)
            event.remove(self.engine.sync_engine, "before_cursor_execute", told)

    def renounce(self) -> None:
        """The server is no longer what it was: the connections there are will be used no more."""
        while self._idle:
            self._forget(self._idle.pop())
        for connection in self._lent:
            connection.renounced = True

    def cut(self) -> None:
        """The server does not answer: whoever waits for it on one of these connections learns so at once."""
        self.renounce()
        for connection in self._lent:
            connection.driver.terminate()

    async def close(self) -> None:
        """Those in use are not waited for: they are closed as they come back."""
        self._closed = True
        while self._idle:
            self._forget(self._idle.pop())
        while self._chores:
            await asyncio.gather(*self._chores, return_exceptions=True)
        await self.engine.dispose()

    async def _scoped(self, scope: Scope) -> Connection:
        """When there is no idle one of the scope."""
        while True:
            connection = self._reusable(scope) or await self._opened()
            if connection is None:
                continue
            if connection.scope == scope:
                return connection
            fresh = connection.scope is None
            try:
                await connection.enter(scope)
            except BaseException as error:
                # Most often the server has closed the connection while it lay idle, and another one will do.
                self._forget(connection)
                known = translated(error) if isinstance(error, Exception) else None
                if known is None:
                    raise
                if fresh or isinstance(error, TimeoutError):
                    raise known from error
            else:
                return connection

    def _reusable(self, scope: Scope) -> Connection | None:
        """An idle connection of the scope; if no more may be opened, the one whose scope was asked for longest ago."""
        found = self._idle_one(scope)
        if found is not None:
            return found
        full = self._open >= self._size or asyncio.get_running_loop().time() < self._full_until
        return self._idle.pop(0) if self._idle and full else None

    def _idle_one(self, scope: Scope) -> Connection | None:
        """An idle connection of the scope."""
        idle = self._idle
        for index in range(len(idle) - 1, -1, -1):
            # It was fit when it came here, and nobody has used it since.
            if idle[index].driver.is_closed():
                self._forget(idle.pop(index))
            elif idle[index].scope == scope:
                return idle.pop(index)
        return None

    async def _opened(self) -> Connection | None:
        """A new connection; None when there is no room for it at the server, and an idle one to take instead."""
        self._open += 1
        try:
            with translated_errors():
                sqlalchemy = await self.engine.connect()
            raw = await sqlalchemy.get_raw_connection()
            return Connection(sqlalchemy, raw.driver_connection)
        except BaseException as error:
            self._open -= 1
            if not (isinstance(error, DatabaseUnavailable) and self._idle):
                raise
            self._full_until = asyncio.get_running_loop().time() + FULL_SECONDS
            return None

    async def _settled(self, connection: Connection) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                await connection.settle()
        except BaseException as error:
            self._forget(connection)
            self._places.leave()
            if not isinstance(error, Exception):
                raise
        else:
            self.give_back(connection)

    def _forget(self, connection: Connection) -> None:
        self._open -= 1
        connection.driver.terminate()
        self._later(connection.close())

    def _later(self, chore: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(chore)
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)
