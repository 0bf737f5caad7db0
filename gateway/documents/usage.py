"""Counts what clients use of the graph, by day: in this process, and every few seconds added to the database.

A process that is killed loses what it has counted since it last wrote. When an answer of the database is lost, what it
was sent may be counted twice: what matters is what is used at all, and when last.
"""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import date, datetime
from typing import Any, Final, TypeVar

from graphql import GraphQLSchema, OperationDefinitionNode

from gateway.documents.coordinates import Uses, uses_of, uses_of_variables
from gateway.documents.documents import Document
from ops.telemetry.logging import logger
from ops.telemetry.metrics import ClientMetrics
from persistence.database import Database
from persistence.errors import PersistenceError
from persistence.repositories.usage import ClientUse, ElementUse, add_client_uses, add_element_uses
from resolvers.billing.spending import Client

EVERY_SECONDS: Final = 10.0
LAST_SECONDS: Final = 5.0
"""How long the last writing may take, when the process ends."""

OTHER_CLIENT: Final = Client(name="other", version="")
"""Versions of clients beyond `MOST_CLIENTS` of one day."""

MOST_CLIENTS: Final = 200
MOST_KNOWN: Final = 2_000
"""Operations whose uses are remembered."""

MOST_PENDING: Final = 200_000
"""Counts that wait for the database; what would be one more is dropped, and counted as lost."""

_ROWS: Final = 5_000
"""Rows of one statement."""

_AT_A_TIME: Final = 50
"""Operations whose elements are added up before others have their turn."""

T = TypeVar("T")

log = logger(__name__)


class Usage:
    """One process's counts. `clock` gives the time in UTC."""

    def __init__(
        self, schema: GraphQLSchema, database: Database, metrics: ClientMetrics, clock: Callable[[], datetime]
    ) -> None:
        self._schema = schema
        self._database = database
        self._metrics = metrics
        self._clock = clock
        self._known: OrderedDict[tuple[str, str | None], Uses] = OrderedDict()
        self._clients: set[Client] = set()
        self._day: date | None = None
        self._counted: Counter[tuple[date, Client, Uses]] = Counter()
        self._operations: Counter[tuple[date, str, str]] = Counter()
        self._elements: Counter[tuple[date, str, str, str]] = Counter()
        self._writing = asyncio.Lock()

    def count(
        self, document: Document, operation: OperationDefinitionNode, variables: Mapping[str, Any], client: Client
    ) -> None:
        """Counts one operation that is run."""
        self._metrics.count_operation(client.name)
        today = self._clock().date()
        client = self._bounded(client, today)
        uses = self._uses(document, operation)
        self._add(self._counted, (today, client, uses), 1)
        if uses.inputs:
            for coordinate in uses_of_variables(uses, variables):
                self._add(self._elements, (today, coordinate, client.name, client.version), 1)

    async def flush(self) -> None:
        """Adds what was counted to the database. Raises PersistenceError; what was not written then stays."""
        async with self._writing:
            await self._tally()
            operations = sorted(self._operations.items())
            for rows in _statements(operations):
                clients = [ClientUse(day, name, version, number) for (day, name, version), number in rows]
                async with self._database.write_account() as session:
                    await add_client_uses(session, clients)
                _subtract(self._operations, rows)
            elements = sorted(self._elements.items())
            for parts in _statements(elements):
                used = [ElementUse(*key, uses=number) for key, number in parts]
                async with self._database.write_account() as session:
                    await add_element_uses(session, used)
                _subtract(self._elements, parts)

    @asynccontextmanager
    async def running(self, every: float = EVERY_SECONDS) -> AsyncIterator[None]:
        """Flushes every so many seconds within the block, and at its end."""
        task = asyncio.create_task(self._again_and_again(every))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            try:
                async with asyncio.timeout(LAST_SECONDS):
                    await self.flush()
            except (PersistenceError, TimeoutError) as error:
                log.warning("usage.not_written", error=type(error).__name__)

    async def _again_and_again(self, every: float) -> None:
        failing = False
        while True:
            await asyncio.sleep(every)
            try:
                await self.flush()
                failing = False
            except PersistenceError as error:
                if not failing:
                    log.warning("usage.not_written", error=type(error).__name__)
                failing = True
            # Counting is no reason for a process to stop counting.
            except Exception:
                log.exception("usage.not_written")

    async def _tally(self) -> None:
        """Turns counted operations into counts of elements, some at a time: others are waiting."""
        while self._counted:
            for _ in range(min(_AT_A_TIME, len(self._counted))):
                (day, client, uses), number = self._counted.popitem()
                self._add(self._operations, (day, client.name, client.version), number)
                for coordinate in uses.coordinates:
                    self._add(self._elements, (day, coordinate, client.name, client.version), number)
            await asyncio.sleep(0)

    def _add(self, counts: Counter[Any], key: Any, number: int) -> None:
        if key in counts or len(counts) < MOST_PENDING:
            counts[key] += number
        else:
            self._metrics.usage_lost.inc(number)

    def _bounded(self, client: Client, today: date) -> Client:
        if today != self._day:
            self._day, self._clients = today, set()
        if client not in self._clients:
            if len(self._clients) >= MOST_CLIENTS:
                return OTHER_CLIENT
            self._clients.add(client)
        return client

    def _uses(self, document: Document, operation: OperationDefinitionNode) -> Uses:
        key = (document.hash, operation.name.value if operation.name else None)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = uses_of(self._schema, document.node, operation)
            if len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(key)
        return known


def _statements(rows: Sequence[T]) -> list[Sequence[T]]:
    return [rows[start : start + _ROWS] for start in range(0, len(rows), _ROWS)]


def _subtract(counts: Counter[Any], rows: Sequence[tuple[Any, int]]) -> None:
    """Takes off what was written: others may have counted meanwhile."""
    for key, number in rows:
        left = counts[key] - number
        if left:
            counts[key] = left
        else:
            del counts[key]
