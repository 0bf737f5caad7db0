"""`podgraph import-feed`: a podcast from a feed's address or from a file."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from gateway.commands.failures import Failure, failures_as_sentences
from gateway.commands.running import database_settings
from gateway.demo.account import demo_account
from gateway.development import with_development_secrets
from gateway.lifespan import open_process
from gateway.middleware.drain import Drain
from gateway.settings import Settings
from persistence.ids import TenantId
from resolvers import ids
from resolvers.context import RequestContext
from resolvers.errors import InvalidInput
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
    with database_settings(settings) as running:
        done = asyncio.run(_import(running, source, _tenant(settings, tenant), url))
    _print(Console(), done)


async def _import(settings: Settings, source: str, tenant_id: TenantId, url: str | None) -> FeedImport:
    async with open_process(settings, Drain()) as process:
        context = RequestContext(process.services, Viewer(tenant_id=tenant_id, role=Role.OWNER))
        if source.startswith(("http://", "https://")):
            return await import_feed(context, source)
        body = read_feed_file(Path(source))
        address = url or f"file:{Path(source).name}"
        return await import_body(context, address, FetchedFeed(body, address, None, None, None, None))


def _tenant(settings: Settings, named: str | None) -> TenantId:
    if named is not None:
        try:
            return TenantId(ids.row_id(named, ids.TENANT, "--tenant"))
        except InvalidInput as error:
            raise Failure(f"--tenant: {error.message}") from error
    if (demo := demo_account(settings.data_dir)) is None:
        raise Failure("There is no demo tenant here: say whose podcast it is with --tenant ten_….")
    return TenantId(demo.tenant_id)


def _print(console: Console, done: FeedImport) -> None:
    podcast = f"[bold]{done.podcast.title}[/] ({ids.typed_id(ids.PODCAST, done.podcast.id)})"
    if not done.changed:
        console.print(f"{podcast}: the feed has not changed.")
        return
    console.print(
        f"{podcast}: {done.created:,} new, {done.updated:,} updated, {done.unchanged:,} unchanged episodes;"
        f" {len(done.rejected):,} items rejected, {len(done.warnings):,} warnings."
    )
    if done.new_feed_url is not None:
        console.print(f"The publisher says that the feed has moved to {done.new_feed_url}: import from there next.")
    if done.rejected:
        table = Table("item", "code", "why")
        for item in done.rejected[:_SHOWN]:
            table.add_row(str(item.index), item.code, item.message)
        console.print(table)
