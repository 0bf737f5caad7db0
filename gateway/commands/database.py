"""`podgraph migrate`: bring the database to the newest schema."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from gateway.commands.failures import Failure, failures_as_sentences
from gateway.commands.running import database_settings
from gateway.settings import Settings
from persistence.migrate import application_role, draft_migration, migrate


@failures_as_sentences
def migrate_command(
    draft: Annotated[
        str | None,
        typer.Option(metavar="TITLE", help="Then write a migration for what persistence/tables/ has beyond it."),
    ] = None,
) -> None:
    """Bring the database to the newest schema; running it again changes nothing."""
    console = Console()
    with database_settings(Settings()) as settings:
        revision = asyncio.run(migrated(settings))
        console.print(f"The database is at revision {revision}.")
        if draft is not None:
            written = asyncio.run(drafted(settings, draft))
            console.print(f"Drafted {written}: read it before you run it.", soft_wrap=True)


async def migrated(settings: Settings) -> str:
    """Migrates with the owner's URL and returns the revision."""
    url, owner_url = _urls(settings)
    return await migrate(owner_url, application_role(url))


async def drafted(settings: Settings, title: str) -> Path:
    """The file of a new migration."""
    return await draft_migration(_urls(settings)[1], title)


def _urls(settings: Settings) -> tuple[str, str]:
    url, owner_url = settings.database.url, settings.database.owner_url
    if url is None or owner_url is None:
        raise Failure("Migrations need PODGRAPH_DATABASE__OWNER_URL, of the role that owns the tables.")
    return url, owner_url
