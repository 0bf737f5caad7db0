"""What clients use is counted, written, and survives a database that is away for a while."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from graphql import build_schema
from prometheus_client import CollectorRegistry

from gateway.documents import usage as module
from gateway.documents.documents import Documents
from gateway.documents.limits import DocumentLimits
from gateway.documents.usage import MOST_CLIENTS, Usage
from ops.telemetry.metrics import ClientMetrics, DocumentMetrics
from persistence.database import Database, open_database
from persistence.errors import DatabaseUnavailable
from persistence.repositories.usage import first_day, last_uses
from resolvers.billing.spending import Client

SCHEMA = build_schema("type Query { a(of: Kind): Int b: Int } enum Kind { BIG SMALL }")
_DAYS = iter(range(10_000))


class Counting:
    """A process's usage on a day that no other test has."""

    def __init__(self, database: Database) -> None:
        self.registry = CollectorRegistry()
        self.now = datetime(2040, 1, 1, tzinfo=UTC) + timedelta(days=10 * next(_DAYS))
        self.documents = Documents(SCHEMA, DocumentLimits(), DocumentMetrics(self.registry))
        self.database = database
        self.usage = Usage(SCHEMA, database, ClientMetrics(self.registry), lambda: self.now)

    def count(self, text: str, client: str, version: str = "1", variables: Mapping[str, Any] | None = None) -> None:
        document = self.documents.document(text, hide_suggestions=False)
        self.usage.count(document, document.operation(None), variables or {}, Client(client, version))

    async def written(self, database: Database, days: int = 1) -> dict[tuple[str, str, str], int]:
        """Uses by coordinate, client and version, of so many days from this test's own on."""
        async with database.read_account() as session:
            found = await last_uses(session, self.now.date() - timedelta(days=days - 1))
        mine = [each for each in found if each.last_day < self.now.date() + timedelta(days=9)]
        return {(each.coordinate, each.client, each.version): each.uses for each in mine}


@pytest.fixture
def counting(database: Database) -> Counting:
    return Counting(database)


async def test_uses_are_added_up_by_client_version_and_element(counting: Counting, database: Database) -> None:
    for _ in range(3):
        counting.count("{ b }", "web", "1")
    counting.count("{ b }", "web", "2")
    await counting.usage.flush()
    counting.count("{ b x: b }", "web", "2")
    await counting.usage.flush()
    assert await counting.written(database) == {
        ("Query", "web", "1"): 3,
        ("Query.b", "web", "1"): 3,
        ("Query", "web", "2"): 2,
        ("Query.b", "web", "2"): 2,
    }


async def test_flushing_again_adds_nothing(counting: Counting, database: Database) -> None:
    counting.count("{ b }", "web")
    for _ in range(3):
        await counting.usage.flush()
    assert (await counting.written(database))["Query.b", "web", "1"] == 1


async def test_values_of_variables_count(counting: Counting, database: Database) -> None:
    text = "query ($k: Kind) { a(of: $k) }"
    counting.count(text, "web", variables={"k": "BIG"})
    counting.count(text, "web", variables={"k": None})
    await counting.usage.flush()
    written = await counting.written(database)
    assert (written["Kind.BIG", "web", "1"], written["Kind", "web", "1"]) == (1, 2)
    assert ("Kind.SMALL", "web", "1") not in written


async def test_each_day_has_its_own_count(counting: Counting, database: Database) -> None:
    counting.count("{ b }", "web")
    counting.now += timedelta(days=1)
    counting.count("{ b }", "web")
    await counting.usage.flush()
    assert (await counting.written(database))["Query.b", "web", "1"] == 1
    assert (await counting.written(database, days=2))["Query.b", "web", "1"] == 2


async def test_processes_add_to_each_other(counting: Counting, database: Database) -> None:
    other = Counting(database)
    other.now = counting.now
    for process in (counting, other):
        for number in range(50):
            process.count("{ b }", f"c{number}")
    await asyncio.gather(counting.usage.flush(), other.usage.flush())
    written = await counting.written(database)
    assert {written["Query.b", f"c{number}", "1"] for number in range(50)} == {2}


async def test_first_day_is_the_day_on_which_counting_began(counting: Counting, database: Database) -> None:
    counting.count("{ b }", "web")
    await counting.usage.flush()
    async with database.read_account() as session:
        began = await first_day(session)
    assert began is not None
    assert began <= counting.now.date()


async def test_clients_of_a_day_are_bounded(counting: Counting, database: Database) -> None:
    for number in range(MOST_CLIENTS + 5):
        counting.count("{ b }", "web", f"1.{number}")
    await counting.usage.flush()
    written = await counting.written(database)
    assert written["Query.b", "other", ""] == 5
    assert written["Query.b", "web", f"1.{MOST_CLIENTS - 1}"] == 1
    assert len(written) == 2 * (MOST_CLIENTS + 1)
    counting.now += timedelta(days=1)
    counting.count("{ b }", "web", f"1.{MOST_CLIENTS + 1}")
    await counting.usage.flush()
    assert ("Query.b", "web", f"1.{MOST_CLIENTS + 1}") in await counting.written(database)


async def test_failed_flush_keeps_the_counts(counting: Counting, database: Database, app_url: str) -> None:
    away = open_database("postgresql+asyncpg://nobody@127.0.0.1:1/nothing", pool_size=1, statement_timeout=1)
    counting.usage._database = away
    counting.count("{ b }", "web")
    with pytest.raises(DatabaseUnavailable):
        await counting.usage.flush()
    counting.count("{ b }", "web")
    counting.usage._database = database
    await counting.usage.flush()
    assert (await counting.written(database))["Query.b", "web", "1"] == 2
    await away.close()


async def test_counts_that_wait_are_bounded(
    counting: Counting, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_PENDING", 3)
    for number in range(5):
        counting.count("{ b }", f"c{number}")
    counting.count("{ b }", "c0")
    assert counting.registry.get_sample_value("podgraph_usage_lost_total") == 2
    await counting.usage.flush()
    written = await counting.written(database)
    # Three elements of the six that three clients used.
    assert len(written) == 3
    assert counting.registry.get_sample_value("podgraph_usage_lost_total") == 2 + sum(
        2 if client == "c0" else 1 for client in ("c0", "c1", "c2") for coordinate in ("Query", "Query.b")
        if (coordinate, client, "1") not in written
    )  # fmt: skip


async def test_end_of_the_process_writes_what_is_left(counting: Counting, database: Database) -> None:
    async with counting.usage.running(every=3600):
        counting.count("{ b }", "web")
    assert (await counting.written(database))["Query.b", "web", "1"] == 1


async def test_time_passes_and_it_is_written(counting: Counting, database: Database) -> None:
    async with counting.usage.running(every=0.01):
        counting.count("{ b }", "web")
        async with asyncio.timeout(5):
            while not await counting.written(database):
                await asyncio.sleep(0.01)


async def test_end_of_the_process_does_not_wait_for_a_database_that_is_away(counting: Counting) -> None:
    away = open_database("postgresql+asyncpg://nobody@127.0.0.1:1/nothing", pool_size=1, statement_timeout=1)
    counting.usage._database = away
    async with counting.usage.running(every=0.01):
        counting.count("{ b }", "web")
        await asyncio.sleep(0.05)
    await away.close()


def test_operations_are_counted_by_client(counting: Counting) -> None:
    counting.count("{ b }", "web")
    counting.count("{ b }", "web", "2")
    assert counting.registry.get_sample_value("podgraph_client_operations_total", {"client": "web"}) == 2
