"""Sessions: the only way to the database, and the first wall between tenants.

A session on tenant data cannot be opened without a TenantId. The second wall is PostgreSQL's row-level security: every
connection carries the scope of its session (`connections.py`), and the application's role cannot bypass the policies
that read it.

A statement goes one of two ways. Repositories' hot statements are compiled once (`statements.py`) and in a read session
sent by the driver alone, which is a third of the whole cost; everything else, and everything within a transaction, goes
through SQLAlchemy.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar, cast

import msgspec
from sqlalchemy import Executable, Table, UpdateBase, text
from sqlalchemy.engine import CursorResult

from persistence.announcements import ALL
from persistence.connections import AUTOCOMMIT, READ_COMMITTED, Connection
from persistence.errors import ReadOnlyServer
from persistence.failures import translated
from persistence.footprints import Footprint
from persistence.ids import TenantId
from persistence.leases import Lease
from persistence.projections import Projections, Reads
from persistence.statements import Build, Statements, columns_of
from persistence.touches import PEOPLES, Touched, Touches, touched

R = TypeVar("R", bound=msgspec.Struct)

Nothing = tuple[()]
"""Said of a statement that changes nothing that anybody keeps."""

_ANALYSING = text(
    "SELECT set_config('plan_cache_mode', 'force_custom_plan', true),"
    " set_config('max_parallel_workers_per_gather', '0', true)"
)


class Shapes(NamedTuple):
    """What the sessions of a database have in common."""

    statements: Statements
    projections: Projections


class Session:
    """One scoped connection. In a read session each statement stands alone; a write session is one transaction."""

    _people = True
    """Whether it is a session of people, who see what is theirs in all tenants."""

    def __init__(
        self,
        shapes: Shapes,
        lease: Lease,
        *,
        touches: Touches | None = None,
        footprint: Footprint | None = None,
        in_transaction: bool = False,
    ) -> None:
        """`touches` of a session that commits, `footprint` of one that only reads: where its statements are noted."""
        self._lease = lease
        self._touches = touches
        self._footprint = footprint
        self._in_transaction = in_transaction
        self._statements, self._projections = shapes

    @property
    def connection(self) -> Connection:
        return self._lease.connection

    async def execute(
        self, statement: Executable, parameters: Any = None, *, touches: Nothing | None = None
    ) -> CursorResult[Any]:
        """`touches`: of a statement in text, that it changes nothing, or that `touched` will say what."""
        result = await self._executed(statement, parameters)
        if touches is None:
            self._note(statement, None, _count(result, parameters))
        return result

    async def rows(
        self, statement: Executable, parameters: Any = None, *, touches: Nothing | None = None
    ) -> list[tuple[Any, ...]]:
        """`touches` as of `execute`."""
        result = await self._executed(statement, parameters)
        rows = cast(list[tuple[Any, ...]], result.fetchall())
        if touches is None:
            self._note(statement, rows, _count(result, parameters))
        return rows

    def touched(self, table: Table, rows: Sequence[int] = (ALL,)) -> None:
        """A statement in text has written these rows of the table; without them, rows that nobody knows."""
        if self._touches is not None:
            self._touches.add(str(table.name), rows)  # SQLAlchemy's own kind of text is none to encoders

    async def asked(
        self, build: Build, shape: tuple[Any, ...], values: Mapping[str, Any], *, by_columns: bool = False
    ) -> Sequence[Sequence[Any]]:
        """The rows of the statement that `build(*shape)` says, compiled once; `values` by the names of its binds.

        `by_columns` is for `asked_columns`: moments are texts.
        """
        statement = self._statements.of(build, shape, by_columns=by_columns)
        arguments = statement.arguments(values)
        rows: Sequence[Sequence[Any]]
        while True:
            connection = self.connection
            try:
                if self._in_transaction:
                    rows = (await connection.sqlalchemy.exec_driver_sql(statement.sql, tuple(arguments))).fetchall()
                else:
                    for listener in self._lease.listeners:
                        listener(statement.sql, arguments)
                    rows = await connection.driver.fetch(statement.sql, *arguments)
                break
            except BaseException as error:
                await self._moved_or_raised(error, connection)
        if self._footprint is not None:
            self._note_read(self._footprint, statement.touched)
        return rows

    async def asked_columns(
        self, build: Build, shape: tuple[Any, ...], values: Mapping[str, Any]
    ) -> list[Sequence[Any]]:
        """What `asked` gives by rows; no columns if there are no rows."""
        rows = await self.asked(build, shape, values, by_columns=True)
        return columns_of(rows, self._statements.of(build, shape, by_columns=True).instants)

    def projected(self, record: type[Any], reads: Reads) -> type[Any]:
        """The type of the records that a statement with the columns of `reads` gives."""
        return self._projections.of(record, reads)

    async def asked_records(
        self, build: Build, shape: tuple[Any, ...], values: Mapping[str, Any], record: type[R]
    ) -> list[R]:
        """The rows as records; the statement selects the record's fields in their order."""
        columns = await self.asked_columns(build, shape, values)
        return list(map(record, *columns)) if columns else []

    async def records(self, statement: Executable, record: type[R]) -> list[R]:
        """The rows as records; the statement selects the record's fields in their order."""
        return [record(*row) for row in await self.rows(statement)]

    async def record(self, statement: Executable, record: type[R]) -> R | None:
        rows = await self.rows(statement)
        return record(*rows[0]) if rows else None

    async def records_by_id(self, statement: Executable, record: type[R], ids: Sequence[int]) -> list[R | None]:
        """One for each id, in order; None where the statement, which selects by these ids, finds nothing."""
        found = {row.id: row for row in await self.records(statement, record)}  # type: ignore[attr-defined]  # called for records that have an id
        return [found.get(row_id) for row_id in ids]

    async def scalar(self, statement: Executable, *, touches: Nothing | None = None) -> Any:
        rows = await self.rows(statement, touches=touches)
        return rows[0][0] if rows else None

    async def prepare(self) -> None:
        """What each of its connections needs before its first statement."""

    async def _executed(self, statement: Executable, parameters: Any) -> CursorResult[Any]:
        if isinstance(statement, UpdateBase) and not self._in_transaction:
            raise TypeError("a session that reads does not announce what it writes")
        while True:
            connection = self.connection
            try:
                if not self._in_transaction:
                    await connection.isolate(AUTOCOMMIT)
                return await connection.sqlalchemy.execute(statement, parameters)
            except BaseException as error:
                await self._moved_or_raised(error, connection)

    async def _moved_or_raised(self, error: BaseException, connection: Connection) -> None:
        """Comes back when the statement may be sent again, on another connection."""
        if isinstance(error, asyncio.CancelledError | TimeoutError):
            connection.unsettled = True
        known = translated(error) if isinstance(error, Exception) else None
        if known is None:
            raise error
        if isinstance(known, ReadOnlyServer):
            connection.renounced = True
        if not await self._lease.move(known, error):
            raise known from error
        await self.prepare()

    def _note(self, statement: Executable, rows: Sequence[Sequence[Any]] | None, count: int) -> None:
        """Of a session that is to be undone, nothing."""
        if self._touches is not None:
            self._touches.note(statement, rows, count)
        elif self._footprint is not None:
            self._note_read(self._footprint, touched(statement))

    def _note_read(self, footprint: Footprint, found: Touched) -> None:
        # People's sessions see rows of tenants that nobody can name here.
        if found.cacheable and (footprint.one_tenant or not (self._people and found.tables - PEOPLES)):
            footprint.note(found.tables, self._lease.position)
        else:
            footprint.unknown = True


class TenantSession(Session):
    """A session that sees one tenant's rows."""

    _people = False

    def __init__(self, shapes: Shapes, lease: Lease, tenant_id: TenantId, **options: Any) -> None:
        super().__init__(shapes, lease, **options)
        self.tenant_id = tenant_id


class Analysis(TenantSession):
    """Reads in a transaction, for the sake of settings that hold no longer than that."""

    async def prepare(self) -> None:
        connection = self.connection
        try:
            sqlalchemy = await connection.isolate(READ_COMMITTED)
            self._begun = await sqlalchemy.begin()
            await sqlalchemy.execute(_ANALYSING)
        except BaseException as error:
            await self._moved_or_raised(error, connection)

    async def finish(self) -> None:
        """Nothing was written: what goes wrong here harms nobody."""
        with suppress(Exception):
            if not self.connection.unsettled:
                await self._begun.rollback()


def _count(result: CursorResult[Any], parameters: Any) -> int:
    """How many rows were changed; of many statements at once only the last one's number is known."""
    return -1 if isinstance(parameters, list | tuple) else result.rowcount
