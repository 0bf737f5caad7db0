"""`podgraph documents`, and what the commands about the schema read of the database."""

import asyncio
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from gateway.commands.recorded import usage_of_database
from gateway.schema_changes.usage import ElementUsers, UnreadableUsage, Usage
from persistence.database import open_database
from persistence.repositories.usage import ClientUse, ElementUse, add_client_uses, add_element_uses
from tests.gateway.commands.terminal import OwnDatabase, Terminal
from tests.services.sql import rows

GOOD = "query Podcasts { podcasts(first: 1) { nodes { id } } }"
BAD = "query Nothing { nothing }"


def manifest(folder: Path, **texts: str) -> str:
    file = folder / "relay.json"
    file.write_text(json.dumps(texts))
    return str(file)


def registered(database: OwnDatabase) -> list[tuple[str, ...]]:
    return asyncio.run(rows(database.superuser_url, "SELECT id, name, text FROM registered_documents ORDER BY id"))


def test_manifest_is_registered_listed_and_removed(
    migrated: Terminal, own_database: OwnDatabase, tmp_path: Path
) -> None:
    file = manifest(tmp_path, a1=GOOD)
    first = migrated.run("documents", "register", file, "--client", "web", "--client-version", "1.4")
    told = "web 1.4 has 1 documents of relay.json: {} new to it, {} new to the graph.\n"
    assert (first.status, first.out, first.err) == (0, told.format(1, 1), "")
    again = migrated.run("documents", "register", file, "--client", "web", "--client-version", "1.4")
    assert again.out == told.format(0, 0)
    assert registered(own_database) == [("a1", "Podcasts", GOOD)]
    listed = migrated.run("documents", "list").out
    assert [word for word in ("web", "1.4", "1") if word not in listed] == []
    removed = migrated.run("documents", "remove", "--client", "web")
    assert removed.out == "web no longer has 1 documents; 1 are not registered any more.\n"
    assert registered(own_database) == []
    assert migrated.sentence("documents", "remove", "--client", "web") == "web has no registered documents."
    assert migrated.run("documents", "list").out == "No document is registered.\n"


def test_one_bad_document_and_none_is_registered(migrated: Terminal, own_database: OwnDatabase, tmp_path: Path) -> None:
    said = migrated.run("documents", "register", manifest(tmp_path, a1=GOOD, b2=BAD, c3="{"), "--client", "web")
    assert (said.status, said.out) == (1, "")
    assert said.err.splitlines() == [
        "Nothing: 1:17 Cannot query field 'nothing' on type 'Query'.",
        "c3: 1:2 Syntax Error: Expected Name, found <EOF>.",
        "2 of 3 documents do not fit the graph; nothing was registered.",
    ]
    assert registered(own_database) == []


def test_id_of_another_text_is_refused(migrated: Terminal, own_database: OwnDatabase, tmp_path: Path) -> None:
    assert migrated.run("documents", "register", manifest(tmp_path, a1=GOOD), "--client", "web").status == 0
    changed = manifest(tmp_path, a1="query Changed { __typename }", b2="{ __typename }")
    said = migrated.run("documents", "register", changed, "--client", "web")
    assert (said.status, said.out) == (1, "")
    assert said.err.splitlines() == [
        "Changed: the id a1 stands for another text",
        "1 ids are taken; nothing was registered.",
    ]
    assert registered(own_database) == [("a1", "Podcasts", GOOD)]


@pytest.mark.parametrize("arguments", [("--client", "a\nb"), ("--client", "web", "--client-version", "1 2")])
def test_client_that_no_request_could_name_is_refused(
    terminal: Terminal, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    sentence = terminal.sentence("documents", "register", manifest(tmp_path, a1=GOOD), *arguments)
    assert sentence.startswith("A client's name is up to 64 letters, digits and common punctuation")


def test_file_that_is_no_manifest_is_one_sentence(terminal: Terminal, tmp_path: Path) -> None:
    sentence = terminal.sentence("documents", "register", str(tmp_path / "nothing"), "--client", "web")
    assert sentence == f"{tmp_path / 'nothing'} cannot be read: No such file or directory."


def test_registering_needs_the_owner_of_the_tables(
    migrated: Terminal, own_database: OwnDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PODGRAPH_DATABASE__OWNER_URL")
    sentence = migrated.sentence("documents", "register", manifest(tmp_path, a1=GOOD), "--client", "web")
    assert sentence == "This needs PODGRAPH_DATABASE__OWNER_URL, of the role that owns the tables."


def test_database_that_is_not_migrated_is_one_sentence(connected: Terminal, tmp_path: Path) -> None:
    sentence = connected.sentence("documents", "list")
    assert "run `podgraph migrate`" in sentence


def test_usage_of_the_database_is_of_the_days_asked_for(migrated: Terminal, own_database: OwnDatabase) -> None:
    today = datetime.now(UTC).date()

    def ago(days: int) -> date:
        return today - timedelta(days=days)

    async def count() -> None:
        database = open_database(own_database.app_url, pool_size=1, statement_timeout=10)
        async with database.write_account() as session:
            await add_client_uses(session, [ClientUse(ago(days), "web", "1", 1) for days in (120, 20, 0)])
            await add_element_uses(
                session,
                [
                    ElementUse(ago(120), "Query.old", "web", "1", 4),
                    ElementUse(ago(20), "Query.podcasts", "web", "1", 2),
                    ElementUse(ago(0), "Query.podcasts", "web", "1", 3),
                ],
            )
        await database.close()

    assert usage_of_database(400, today) is None
    asyncio.run(count())
    podcasts = ElementUsers("Query.podcasts", "web", "1", today, 5)
    assert usage_of_database(400, today) == Usage(
        ago(120), today, (ElementUsers("Query.old", "web", "1", ago(120), 4), podcasts)
    )
    assert usage_of_database(100, today) == Usage(ago(100), today, (podcasts,))
    written = migrated.run("schema", "usage", "--days", "100")
    assert (written.status, json.loads(written.out)["elements"]) == (
        0,
        [{"coordinate": "Query.podcasts", "client": "web", "version": "1", "lastDay": today.isoformat(), "uses": 5}],
    )


def test_retention_forgets_usage_that_no_check_looks_back_at(migrated: Terminal, own_database: OwnDatabase) -> None:
    today = datetime.now(UTC).date()
    days = [today - timedelta(days=number) for number in (401, 400)]

    async def count() -> None:
        database = open_database(own_database.app_url, pool_size=1, statement_timeout=10)
        async with database.write_account() as session:
            await add_client_uses(session, [ClientUse(day, "web", "1", 1) for day in days])
            await add_element_uses(session, [ElementUse(day, "Query", "web", "1", 1) for day in days])
        await database.close()

    asyncio.run(count())
    statements = ("SELECT day FROM client_uses", "SELECT day FROM element_uses")
    assert "Forgot" not in migrated.run("retention", "--dry-run").out
    assert "Forgot what clients used more than 400 days ago.\n" in migrated.run("retention").out
    left = [asyncio.run(rows(own_database.superuser_url, statement)) for statement in statements]
    assert left == [[(days[1],)]] * 2
    assert "Forgot" not in migrated.run("retention").out


def test_database_that_cannot_be_had_is_one_sentence(terminal: Terminal) -> None:
    terminal.set(PODGRAPH_DATABASE__URL="postgresql+asyncpg://nobody@127.0.0.1:1/nothing")
    with pytest.raises(UnreadableUsage, match="The usage cannot be read from the database"):
        usage_of_database(400, date(2026, 1, 1))
    said = terminal.run("schema", "usage")
    assert (said.status, said.out) == (3, "")
