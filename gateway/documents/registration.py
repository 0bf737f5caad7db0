"""Registering the documents of a manifest: all of them, or none."""

import hashlib
from collections.abc import Sequence
from typing import Final

import msgspec
from graphql import GraphQLError

from gateway.documents.documents import Documents
from gateway.documents.manifest import ManifestDocument
from gateway.errors import RequestRejected
from persistence.repositories.documents import RegisteredDocument, assign_documents, hashes_of, insert_documents
from persistence.sessions import Session
from resolvers.billing.spending import Client

_SHOWN: Final = 3
"""Errors that are told of one document."""


class Refusal(msgspec.Struct, frozen=True):
    """A document that cannot be registered, and why, in one line."""

    document: ManifestDocument
    reason: str


class Registration(msgspec.Struct, frozen=True):
    """How many documents are new to the graph, and how many to this version of the client."""

    new: int
    assigned: int


class IdTaken(Exception):
    """Ids that stand for other texts already; nothing was registered."""

    def __init__(self, documents: Sequence[ManifestDocument]) -> None:
        super().__init__(f"{len(documents)} ids stand for other texts")
        self.documents = tuple(documents)


def refusals(documents: Documents, manifest: Sequence[ManifestDocument]) -> list[Refusal]:
    """Those of the manifest that the graph would refuse whoever sent them, in its order."""
    found = []
    for document in manifest:
        try:
            documents.document(document.text, hide_suggestions=False)
        except RequestRejected as rejection:
            found.append(Refusal(document, "; ".join(map(_told, rejection.errors[:_SHOWN]))))
    return found


async def register(session: Session, manifest: Sequence[ManifestDocument], client: Client) -> Registration:
    """Registers documents for a version of a client; the session is the tables' owner's. Again changes nothing.

    Raises IdTaken; the caller's transaction then undoes all of it.
    """
    rows = [
        RegisteredDocument(each.id, hashlib.sha256(each.text.encode()).hexdigest(), each.name, each.text)
        for each in manifest
    ]
    new = await insert_documents(session, rows)
    ids = [row.id for row in rows]
    registered = await hashes_of(session, ids)
    taken = [each for each, row in zip(manifest, rows, strict=True) if registered[row.id] != row.hash]
    if taken:
        raise IdTaken(taken)
    return Registration(new, await assign_documents(session, ids, client.name, client.version))


def _told(error: GraphQLError) -> str:
    place = f"{error.locations[0].line}:{error.locations[0].column} " if error.locations else ""
    return place + " ".join(error.message.split())
