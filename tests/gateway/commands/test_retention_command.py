"""`podgraph retention`: months that are not kept go, and what still comes in is never among them."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from persistence.database import open_database
from persistence.partitions import make_partitions, month_of
from tests.gateway.commands.terminal import OwnDatabase, Terminal
from tests.services.sql import rows


def months(*before: int) -> list[str]:
    """The names of the partitions of so many months before this one."""
    return [f"events_{month_of(datetime.now(UTC), -number):%Y_%m}" for number in before]


def partitions(database: OwnDatabase) -> list[str]:
    statement = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'events'::regclass ORDER BY 1"
    return [row[0] for row in asyncio.run(rows(database.superuser_url, statement))]


@pytest.fixture
def three_months(migrated: Terminal, own_database: OwnDatabase) -> Terminal:
    """Partitions of this month, three before it and three ahead; one month before this one is kept."""

    async def make() -> None:
        database = open_database(own_database.app_url, pool_size=1, statement_timeout=10)
        await make_partitions(database, datetime.now(UTC), 3)
        await database.close()

    asyncio.run(make())
    migrated.set(PODGRAPH_EVENTS__KEEP_MONTHS="1")
    return migrated


def kept(number: int) -> str:
    return f"Events since {month_of(datetime.now(UTC), -number)} are kept.\n"


def test_dry_run_says_what_the_next_run_drops(three_months: Terminal, own_database: OwnDatabase) -> None:
    older = months(3, 2)
    dry = three_months.run("retention", "--dry-run")
    assert (dry.status, dry.out) == (0, f"Would drop {older[0]}\nWould drop {older[1]}\n{kept(1)}")
    assert partitions(own_database) == months(3, 2, 1, 0, -1, -2, -3)
    done = three_months.run("retention")
    assert (done.status, done.out) == (0, f"Dropped {older[0]}\nDropped {older[1]}\n{kept(1)}")
    assert partitions(own_database) == months(1, 0, -1, -2, -3)
    assert three_months.run("retention").out == f"There is nothing to drop.\n{kept(1)}"


def test_more_may_be_kept_than_is_taken_in(three_months: Terminal, own_database: OwnDatabase) -> None:
    assert three_months.run("retention", "--keep-months", "2").out == f"Dropped {months(3)[0]}\n{kept(2)}"
    assert partitions(own_database) == months(2, 1, 0, -1, -2, -3)


def test_what_is_still_taken_in_is_not_dropped(three_months: Terminal, own_database: OwnDatabase) -> None:
    three_months.set(PODGRAPH_EVENTS__KEEP_MONTHS="3")
    assert three_months.sentence("retention", "--keep-months", "1") == (
        "Events of the last 3 months are still taken in, and would be counted again:"
        " set PODGRAPH_EVENTS__KEEP_MONTHS to 1 for every process first."
    )
    assert partitions(own_database) == months(3, 2, 1, 0, -1, -2, -3)
    assert three_months.run("retention", "--keep-months", "1", "--dry-run").out.startswith("Would drop ")


def test_event_of_a_dropped_month_is_too_old_and_stays_counted_once(
    three_months: Terminal, own_database: OwnDatabase, tmp_path: Path
) -> None:
    for statement in (
        "INSERT INTO tenants (id, name) OVERRIDING SYSTEM VALUE VALUES (7, 'One')",
        "INSERT INTO advertisers (tenant_id, id, name) OVERRIDING SYSTEM VALUE VALUES (7, 1, 'Acme')",
    ):
        asyncio.run(rows(own_database.superuser_url, statement))
    event = {"key": "a", "type": "VISIT", "ipAddress": "192.0.2.1", "advertiserId": "adv_1"}
    file = tmp_path / "events.ndjson"
    file.write_text(json.dumps({**event, "occurredAt": f"{month_of(datetime.now(UTC), -3)}T00:00:00Z"}))

    three_months.set(PODGRAPH_EVENTS__KEEP_MONTHS="3")
    assert three_months.run("ingest", str(file), "--tenant", "ten_7").status == 0
    three_months.set(PODGRAPH_EVENTS__KEEP_MONTHS="1")
    assert three_months.run("retention").status == 0
    said = three_months.run("ingest", str(file), "--tenant", "ten_7")
    assert said.status == 3
    assert "TIMESTAMP_TOO_OLD" in said.out
    assert partitions(own_database) == months(1, 0, -1, -2, -3)
    left = "SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM event_keys), sum(events) FROM event_hours"
    assert asyncio.run(rows(own_database.superuser_url, left)) == [(0, 0, 1)]


def test_owner_is_needed(terminal: Terminal, own_database: OwnDatabase) -> None:
    terminal.set(PODGRAPH_DATABASE__URL=own_database.app_url)
    assert terminal.sentence("retention") == (
        "Retention needs PODGRAPH_DATABASE__OWNER_URL, of the role that owns the tables."
    )
