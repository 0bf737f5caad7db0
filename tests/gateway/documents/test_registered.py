"""Registered documents: all of a manifest or none, looked up in a cache, served without the database."""

import hashlib
import secrets
from collections.abc import AsyncIterator

import pytest
from graphql import build_schema
from prometheus_client import CollectorRegistry
from sqlalchemy import text as sql
from sqlalchemy.exc import ProgrammingError

from gateway.documents.documents import Documents
from gateway.documents.limits import DocumentLimits
from gateway.documents.manifest import ManifestDocument
from gateway.documents.registered import Registered, RegisteredLimits
from gateway.documents.registration import IdTaken, Registration, refusals, register
from ops.telemetry.metrics import DocumentMetrics
from persistence.database import Database, open_database
from persistence.errors import DatabaseUnavailable
from persistence.repositories.documents import clients_with_documents, delete_unassigned, release_documents
from resolvers.billing.spending import Client

SCHEMA = build_schema("type Query { a: Int b: Int }")


@pytest.fixture
async def owner(database: Database, owner_url: str) -> AsyncIterator[Database]:
    """The database with the rights of the tables' owner."""
    opened = open_database(owner_url, pool_size=2, statement_timeout=10)
    yield opened
    await opened.close()


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def document(text: str = "") -> ManifestDocument:
    """One with an id and a text of its own."""
    own = secrets.token_hex(8)
    return ManifestDocument(f"id-{own}", "Name", text or f"{{ a }} # {own}")


def client() -> Client:
    return Client(f"client-{secrets.token_hex(4)}", "1")


async def registered(owner: Database, *documents: ManifestDocument, sender: Client | None = None) -> Registration:
    async with owner.write_account() as session:
        return await register(session, documents, sender or client())


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


async def test_document_is_found_by_its_id_and_by_its_hash(database: Database, owner: Database) -> None:
    one = document()
    assert await registered(owner, one) == Registration(new=1, assigned=1)
    texts = Registered(database, Clock())
    assert await texts.by_id(one.id) == one.text
    assert await texts.by_id(f"sha256:{sha256(one.text)}") == one.text
    assert await texts.by_id(sha256(one.text)) == one.text
    assert await texts.has(sha256(one.text))
    assert await texts.by_id("nothing") is None
    assert await texts.by_id(f"sha256:{one.id}") is None
    assert not await texts.has("0" * 64)


async def test_registering_twice_changes_nothing(owner: Database) -> None:
    one, two, sender = document(), document(), client()
    assert await registered(owner, one, two, sender=sender) == Registration(new=2, assigned=2)
    assert await registered(owner, one, two, sender=sender) == Registration(new=0, assigned=0)
    assert await registered(owner, one, document(), sender=client()) == Registration(new=1, assigned=2)


async def test_id_of_another_text_is_refused_and_nothing_is_registered(database: Database, owner: Database) -> None:
    one, other = document(), document()
    await registered(owner, one)
    changed = ManifestDocument(one.id, "Changed", "{ b }")
    with pytest.raises(IdTaken) as caught:
        await registered(owner, other, changed)
    assert caught.value.documents == (changed,)
    texts = Registered(database, Clock())
    assert await texts.by_id(one.id) == one.text
    assert await texts.by_id(other.id) is None


async def test_document_stays_until_its_last_client_lets_it_go(database: Database, owner: Database) -> None:
    shared, own, first, second = document(), document(), client(), client()
    await registered(owner, shared, own, sender=first)
    await registered(owner, shared, sender=second)
    async with owner.write_account() as session:
        assert await release_documents(session, first.name, None) == 2
        assert await delete_unassigned(session) == 1
    texts = Registered(database, Clock())
    assert [await texts.by_id(each.id) for each in (shared, own)] == [shared.text, None]
    async with owner.write_account() as session:
        assert await release_documents(session, second.name, "2") == 0
        assert await release_documents(session, second.name, "1") == 1
        assert await delete_unassigned(session) == 1


async def test_clients_are_listed_with_their_numbers(owner: Database) -> None:
    sender = client()
    await registered(owner, document(), document(), sender=sender)
    async with owner.read_account() as session:
        found = await clients_with_documents(session)
    assert [(each.version, each.documents) for each in found if each.client == sender.name] == [("1", 2)]


async def test_application_may_read_documents_and_nothing_else(database: Database) -> None:
    for statement in (
        "INSERT INTO registered_documents (id, hash, name, text) VALUES ('x', 'x', 'x', 'x')",
        "UPDATE registered_documents SET text = 'x'",
        "DELETE FROM registered_documents",
        "SELECT * FROM registered_clients",
        "DELETE FROM element_uses",
        "DELETE FROM client_uses",
    ):
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with database.write_account() as session:
                await session.execute(sql(statement))


async def test_registration_counts_once_the_answer_that_there_is_none_is_old(
    database: Database, owner: Database
) -> None:
    clock, limits, one = Clock(), RegisteredLimits(), document()
    texts = Registered(database, clock, limits)
    assert await texts.by_id(one.id) is None
    await registered(owner, one)
    assert await texts.by_id(one.id) is None
    clock.now += limits.missing_seconds
    assert await texts.by_id(one.id) == one.text


async def test_removal_counts_once_the_answer_is_old(database: Database, owner: Database) -> None:
    clock, limits, one, sender = Clock(), RegisteredLimits(), document(), client()
    await registered(owner, one, sender=sender)
    texts = Registered(database, clock, limits)
    assert await texts.by_id(one.id) == one.text
    async with owner.write_account() as session:
        await release_documents(session, sender.name, None)
        await delete_unassigned(session)
    assert await texts.by_id(one.id) == one.text
    clock.now += limits.found_seconds
    assert await texts.by_id(one.id) is None


async def test_without_the_database_what_is_known_is_served(database: Database, owner: Database) -> None:
    clock, one = Clock(), document()
    await registered(owner, one)
    texts = Registered(database, clock)
    assert await texts.by_id(one.id) == one.text
    away = open_database("postgresql+asyncpg://nobody@127.0.0.1:1/nothing", pool_size=1, statement_timeout=1)
    texts._database = away
    clock.now += 3600
    assert await texts.by_id(one.id) == one.text
    with pytest.raises(DatabaseUnavailable):
        await texts.by_id("nothing")
    await away.close()


async def test_what_a_process_knows_is_bounded(database: Database, owner: Database) -> None:
    documents = [document() for _ in range(5)]
    await registered(owner, *documents)
    size = len(documents[0].id) + len(documents[0].text)
    texts = Registered(database, Clock(), RegisteredLimits(process_bytes=2 * size, missing_entries=3))
    for each in documents:
        assert await texts.by_id(each.id) == each.text
        assert await texts.by_id(f"{each.id}-missing") is None
    assert list(texts._found) == [each.id for each in documents[3:]]
    assert list(texts._missing) == [f"{each.id}-missing" for each in documents[2:]]


def test_documents_that_the_graph_refuses_are_told_with_their_reasons() -> None:
    graph = Documents(SCHEMA, DocumentLimits(), DocumentMetrics(CollectorRegistry()))
    good, unknown, broken = document("{ a }"), document("{\n  c d\n}"), document("{")
    found = refusals(graph, [good, unknown, broken])
    assert [(refusal.document, refusal.reason) for refusal in found] == [
        (
            unknown,
            "2:3 Cannot query field 'c' on type 'Query'. Did you mean 'a' or 'b'?;"
            " 2:5 Cannot query field 'd' on type 'Query'. Did you mean 'a' or 'b'?",
        ),
        (broken, "1:2 Syntax Error: Expected Name, found <EOF>."),
    ]
