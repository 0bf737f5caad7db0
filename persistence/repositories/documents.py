"""Registered documents: the application reads them, the owner of the tables writes them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ARRAY, Text, bindparam, delete, func, literal, or_, select
from sqlalchemy.dialects.postgresql import distinct_on, insert

from persistence.sessions import Session
from persistence.tables import registered_clients, registered_documents


class RegisteredDocument(msgspec.Struct, frozen=True):
    """`hash` is the hexadecimal SHA-256 of the text."""

    id: str
    hash: str
    name: str
    text: str


class ClientDocuments(msgspec.Struct, frozen=True):
    """How many documents a version of a client has, and since when it has the latest."""

    client: str
    version: str
    documents: int
    latest: datetime


_COLUMNS = (
    registered_documents.c.id,
    registered_documents.c.hash,
    registered_documents.c.name,
    registered_documents.c.text,
)


async def registered_by_id(session: Session, given: str) -> RegisteredDocument | None:
    """The document of this id, else one whose hash it is."""
    statement = (
        select(*_COLUMNS)
        .where(or_(registered_documents.c.id == given, registered_documents.c.hash == given))
        .order_by((registered_documents.c.id == given).desc())
        .limit(1)
    )
    return await session.record(statement, RegisteredDocument)


async def registered_by_hash(session: Session, digest: str) -> RegisteredDocument | None:
    statement = select(*_COLUMNS).where(registered_documents.c.hash == digest).limit(1)
    return await session.record(statement, RegisteredDocument)


async def all_documents(session: Session) -> list[RegisteredDocument]:
    """Every text once, by its name, whichever ids stand for it."""
    statement = (
        select(*_COLUMNS)
        .ext(distinct_on(registered_documents.c.hash))
        .order_by(registered_documents.c.hash, registered_documents.c.id)
    )
    return sorted(await session.records(statement, RegisteredDocument), key=lambda document: document.name)


async def insert_documents(session: Session, documents: Sequence[RegisteredDocument]) -> int:
    """Stores those whose ids are free, and returns how many."""
    statement = (
        insert(registered_documents)
        .from_select(
            ["id", "hash", "name", "text"],
            select(
                func.unnest(_texts([each.id for each in documents])),
                func.unnest(_texts([each.hash for each in documents])),
                func.unnest(_texts([each.name for each in documents])),
                func.unnest(_texts([each.text for each in documents])),
            ),
        )
        .on_conflict_do_nothing(index_elements=["id"])
        .returning(registered_documents.c.id)
    )
    return len(await session.rows(statement))


async def hashes_of(session: Session, ids: Sequence[str]) -> dict[str, str]:
    """What is registered under these ids."""
    statement = select(registered_documents.c.id, registered_documents.c.hash).where(
        registered_documents.c.id == func.any(_texts(ids))
    )
    return {row[0]: row[1] for row in await session.rows(statement)}


async def assign_documents(session: Session, ids: Sequence[str], client: str, version: str) -> int:
    """Notes that this version of the client sends these documents; returns how many it had not."""
    statement = (
        insert(registered_clients)
        .from_select(
            ["client", "client_version", "document_id"],
            select(literal(client, Text), literal(version, Text), func.unnest(_texts(ids))),
        )
        .on_conflict_do_nothing()
        .returning(registered_clients.c.document_id)
    )
    return len(await session.rows(statement))


async def clients_with_documents(session: Session) -> list[ClientDocuments]:
    """Every version of every client, by name and version."""
    statement = (
        select(
            registered_clients.c.client,
            registered_clients.c.client_version,
            func.count(),
            func.max(registered_clients.c.created_at),
        )
        .group_by(registered_clients.c.client, registered_clients.c.client_version)
        .order_by(registered_clients.c.client, registered_clients.c.client_version)
    )
    return await session.records(statement, ClientDocuments)


async def release_documents(session: Session, client: str, version: str | None) -> int:
    """Forgets what this version of the client sends, or what all of its versions do; returns how many it were."""
    statement = delete(registered_clients).where(registered_clients.c.client == client)
    if version is not None:
        statement = statement.where(registered_clients.c.client_version == version)
    return len(await session.rows(statement.returning(registered_clients.c.document_id)))


async def delete_unassigned(session: Session) -> int:
    """Deletes the documents that no client has any more, and returns how many."""
    assigned = select(registered_clients.c.document_id).where(
        registered_clients.c.document_id == registered_documents.c.id
    )
    statement = delete(registered_documents).where(~assigned.exists()).returning(registered_documents.c.id)
    return len(await session.rows(statement))


def _texts(values: Sequence[str]) -> Any:
    return bindparam(None, list(values), type_=ARRAY(Text, dimensions=1))
