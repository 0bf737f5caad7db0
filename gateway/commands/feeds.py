"""`podgraph import-feed`: a podcast from a feed's address or from a file."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from gateway.commands.failures import Failure, failures_as_sentences
from gateway.commands.running import database_settings
from gateway.commands.tenant import tenant_of
from gateway.development import with_development_secrets
from gateway.lifespan import open_process
from gateway.middleware.drain import Drain
from gateway.settings import Settings
from persistence.errors import MissingReference
from persistence.ids import TenantId
from resolvers import ids
from resolvers.context import RequestContext
from resolvers.feed_import import FeedImport, import_body, import_feed
from resolvers.feeds.fetcher import FetchedFeed
from resolvers.feeds.file import read_feed_file
from resolvers.policy import Role, Viewer

_SHOWN = 20


@failures_as_sentences
def import_feed_command(
    source: Annotated[str, typer.Argument(metavar="PATH_OR_URL", help="A feed's URL, or a file (.gz too).")],
    tenant: Annotated[
        str | None, typer.Option(help="Whose podcast it is, such as ten_7; the demo's if left out.")
    ] = None,
    url: Annotated[
        str | None, typer.Option(help="Of a file: the feed's URL, by which a later import finds it.")
    ] = None,
) -> None:
    """Import a podcast from its feed; importing again updates it."""
    settings = with_development_secrets(Settings())
    tenant_id = tenant_of(settings, tenant, "podcast it is")
    remote = "://" in source
    body = b"" if remote else read_feed_file(Path(source))  # before a database is started for nothing
    try:
        with database_settings(settings) as running:
            done = asyncio.run(_import(running, source, tenant_id, None if remote else body, url))
    except KeyboardInterrupt:
        raise Failure("Interrupted; an import is written whole or not at all.") from None
    except MissingReference as error:
        raise Failure(f"There is no tenant {ids.typed_id(ids.TENANT, tenant_id)}.") from error
    _print(Console(soft_wrap=True), done)


async def _import(
    settings: Settings, source: str, tenant_id: TenantId, body: bytes | None, url: str | None
) -> FeedImport:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("Reading the feed", total=None)

        def advance(written: int, total: int) -> None:
            bar.update(task, description="Writing episodes", completed=written, total=total)

        async with open_process(settings, Drain()) as process:
            context = RequestContext(process.services, Viewer(tenant_id=tenant_id, role=Role.OWNER))
            if body is None:
                return await import_feed(context, source, advance)
            address = url or f"file:{Path(source).name}"
            return await import_body(context, address, FetchedFeed(body, address, None, None, None, None), advance)


def _print(console: Console, done: FeedImport) -> None:
    podcast = f"[bold]{escape(done.podcast.title)}[/] ({ids.typed_id(ids.PODCAST, done.podcast.id)})"
    if not done.changed:
        console.print(f"{podcast}: the feed has not changed.")
        return
    console.print(
        f"{podcast}: {done.created:,} new, {done.updated:,} updated, {done.unchanged:,} unchanged episodes;"
        f" {len(done.rejected):,} items rejected, {len(done.warnings):,} warnings."
    )
    if done.new_feed_url is not None:
        console.print(
            f"The publisher says that the feed has moved to {escape(done.new_feed_url)}: import from there next."
        )
    if done.rejected:
        table = Table("item", "code", "why", caption=_left_out(len(done.rejected) - _SHOWN))
        for item in done.rejected[:_SHOWN]:
            table.add_row("" if item.index is None else str(item.index), item.code, escape(item.message))
        console.print(table)


def _left_out(count: int) -> str | None:
    return f"and {count:,} more" if count > 0 else None
