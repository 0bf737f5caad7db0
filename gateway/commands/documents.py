"""`podgraph documents`: the documents that clients may send by their ids (trusted documents)."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Final, TypeVar

import typer
from prometheus_client import CollectorRegistry
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway.commands.failures import Failure, failures_as_sentences
from gateway.commands.running import database_settings
from gateway.documents.clients import named_client
from gateway.documents.documents import Documents
from gateway.documents.limits import DocumentLimits
from gateway.documents.manifest import UnreadableManifest, manifest_from
from gateway.documents.registration import IdTaken, Registration, refusals, register
from gateway.settings import Settings
from ops.telemetry.metrics import DocumentMetrics
from persistence.database import Database, open_database
from persistence.migrate import refuse_pending
from persistence.repositories.documents import (
    ClientDocuments,
    clients_with_documents,
    delete_unassigned,
    release_documents,
)
from resolvers.billing.spending import UNKNOWN, Client
from schema.graph import build_graph

STATEMENT_SECONDS: Final = 30.0

T = TypeVar("T")

ClientName = Annotated[str, typer.Option("--client", metavar="NAME", help="The client, as it names itself.")]
ClientVersion = Annotated[
    str | None, typer.Option("--client-version", metavar="VERSION", help="Its version, if it tells one.")
]


def documents_commands() -> typer.Typer:
    """The group of commands."""
    app = typer.Typer(name="documents", help="Documents that clients send by their ids.", no_args_is_help=True)
    app.command("register")(register_command)
    app.command("list")(list_command)
    app.command("remove")(remove_command)
    return app


@failures_as_sentences
def register_command(
    manifest: Annotated[Path, typer.Argument(metavar="MANIFEST", help="Apollo's or Relay's, as JSON.")],
    client: ClientName,
    client_version: ClientVersion = None,
) -> None:
    """Register every document of a manifest, or none if one does not fit the graph; again changes nothing."""
    sender = _client(client, client_version)
    try:
        documents = manifest_from(manifest)
    except UnreadableManifest as error:
        raise Failure(str(error)) from error
    console, errors = Console(soft_wrap=True, highlight=False), Console(stderr=True, soft_wrap=True, highlight=False)
    graph = Documents(build_graph().schema, DocumentLimits(), DocumentMetrics(CollectorRegistry()))
    bad = refusals(graph, documents)
    for refusal in bad:
        errors.print(Text(f"{refusal.document.name}: {refusal.reason}"))
    if bad:
        raise Failure(f"{len(bad)} of {len(documents)} documents do not fit the graph; nothing was registered")

    async def registered(database: Database) -> Registration:
        async with database.write_account() as session:
            return await register(session, documents, sender)

    try:
        done = _with_database(registered)
    except IdTaken as error:
        for document in error.documents:
            errors.print(Text(f"{document.name}: the id {document.id} stands for another text"))
        raise Failure(f"{len(error.documents)} ids are taken; nothing was registered") from error
    console.print(
        f"{_told(sender)} has {len(documents)} documents of {manifest.name}:"
        f" {done.assigned} new to it, {done.new} new to the graph."
    )


@failures_as_sentences
def list_command() -> None:
    """Which versions of which clients have registered documents."""

    async def listed(database: Database) -> list[ClientDocuments]:
        async with database.read_account() as session:
            return await clients_with_documents(session)

    clients = _with_database(listed)
    console = Console()
    if not clients:
        console.print("No document is registered.")
        return
    table = Table("client", "version", "documents", "latest")
    for each in clients:
        table.add_row(Text(each.client), Text(each.version), str(each.documents), f"{each.latest:%Y-%m-%d %H:%M}")
    console.print(table)


@failures_as_sentences
def remove_command(client: ClientName, client_version: ClientVersion = None) -> None:
    """Take a client's documents away, of one version or of all; those that another has stay registered."""

    async def removed(database: Database) -> tuple[int, int]:
        async with database.write_account() as session:
            released = await release_documents(session, client, client_version)
            return released, await delete_unassigned(session)

    released, deleted = _with_database(removed)
    if not released:
        raise Failure(f"{_told(Client(client, client_version or ''))} has no registered documents")
    Console(soft_wrap=True, highlight=False).print(
        f"{_told(Client(client, client_version or ''))} no longer has {released} documents;"
        f" {deleted} are not registered any more."
    )


def _with_database(work: Callable[[Database], Awaitable[T]]) -> T:
    """What work with the tables' owner's rights gives: the gateway itself may only read registered documents."""
    with database_settings(Settings()) as running:
        if (owner_url := running.database.owner_url) is None:
            raise Failure("This needs PODGRAPH_DATABASE__OWNER_URL, of the role that owns the tables.")
        return asyncio.run(_done(owner_url, work))


async def _done(owner_url: str, work: Callable[[Database], Awaitable[T]]) -> T:
    await refuse_pending(owner_url)
    database = open_database(owner_url, pool_size=1, statement_timeout=STATEMENT_SECONDS)
    try:
        return await work(database)
    finally:
        await database.close()


def _client(name: str, version: str | None) -> Client:
    client = named_client(name, version)
    if client == UNKNOWN or client.version != (version or ""):
        raise Failure(
            "A client's name is up to 64 letters, digits and common punctuation, its version up to 32 without spaces:"
            " --client and --client-version are what its requests say in apollographql-client-name and -version"
        )
    return client


def _told(client: Client) -> str:
    return f"{client.name} {client.version}".rstrip()
