"""`podgraph migrate`: bring the database to the newest schema."""

import asyncio

from rich.console import Console

from gateway.commands.failures import Failure, failures_as_sentences
from gateway.commands.running import database_settings
from gateway.settings import Settings
from persistence.migrate import application_role, migrate


@failures_as_sentences
def migrate_command() -> None:
    """Bring the database to the newest schema; running it again changes nothing."""
    with database_settings(Settings()) as settings:
        revision = asyncio.run(migrated(settings))
    Console().print(f"The database is at revision {revision}.")


async def migrated(settings: Settings) -> str:
    """Migrates with the owner's URL and returns the revision."""
    url, owner_url = settings.database.url, settings.database.owner_url
    if url is None or owner_url is None:
        raise Failure("Migrations need PODGRAPH_DATABASE__OWNER_URL, of the role that owns the tables.")
    return await migrate(owner_url, application_role(url))
