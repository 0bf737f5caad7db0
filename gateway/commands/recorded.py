"""What the database has of clients' use of the graph, for the commands about the schema."""

import asyncio
from datetime import date, timedelta
from typing import Final

from pydantic import ValidationError

from gateway.commands.failures import Failure
from gateway.commands.running import database_settings
from gateway.commands.schema import USAGE_DAYS
from gateway.embedded import EmbeddedError
from gateway.schema_changes.usage import ElementUsers, UnreadableUsage, Usage
from gateway.settings import IncompleteSettings, Settings
from persistence.database import open_database
from persistence.errors import PersistenceError
from persistence.migrate import refuse_pending
from persistence.repositories.usage import first_day, forget_before, last_uses

STATEMENT_SECONDS: Final = 60.0


def usage_of_database(days: int, today: date) -> Usage | None:
    """The use of so many days before today, and of today; None when nothing was ever counted.

    Raises UnreadableUsage when the database cannot be had.
    """
    try:
        with database_settings(Settings()) as running:
            return asyncio.run(_usage(str(running.database.url), days, today))
    except (Failure, IncompleteSettings, EmbeddedError, PersistenceError, ValidationError) as error:
        raise UnreadableUsage(f"The usage cannot be read from the database: {error}") from error


async def forget_usage(owner_url: str, today: date) -> int:
    """Deletes the usage that no check looks back at; returns how many days of clients that were."""
    database = open_database(owner_url, pool_size=1, statement_timeout=STATEMENT_SECONDS)
    try:
        async with database.write_account() as session:
            return await forget_before(session, today - timedelta(days=USAGE_DAYS))
    finally:
        await database.close()


async def _usage(url: str, days: int, today: date) -> Usage | None:
    await refuse_pending(url)
    database = open_database(url, pool_size=1, statement_timeout=STATEMENT_SECONDS)
    try:
        async with database.read_account() as session:
            began = await first_day(session)
            if began is None:
                return None
            since = max(began, today - timedelta(days=days))
            used = await last_uses(session, since)
    finally:
        await database.close()
    elements = tuple(
        ElementUsers(each.coordinate, each.client, each.version, each.last_day, each.uses) for each in used
    )
    return Usage(since, today, elements)
