"""`podgraph retention`: drop the events of months that are not kept any longer."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console

from gateway.commands.failures import Failure, failures_as_sentences
from gateway.commands.recorded import forget_usage
from gateway.commands.running import database_settings
from gateway.commands.schema import USAGE_DAYS
from gateway.settings import Settings
from persistence.errors import PartitionInUse
from persistence.partitions import drop_partitions, expired_partitions, month_of


@failures_as_sentences
def retention_command(
    keep_months: Annotated[
        int | None,
        typer.Option(min=1, max=120, help="Whole months before this one to keep; PODGRAPH_EVENTS__KEEP_MONTHS (25)."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be dropped.")] = False,
) -> None:
    """Drop the events of all tenants from before the kept months, for good; their hourly counts stay.

    Also forgets what clients used of the graph more than 400 days ago. Running it again drops nothing. Meant for a
    daily job; attribution runs keep what they froze.
    """
    settings = Settings()
    taken_in = settings.events.keep_months
    kept = taken_in if keep_months is None else keep_months
    if kept < taken_in and not dry_run:
        # Its keys would be forgotten while it is still taken in: sent again, an event would be counted again.
        raise Failure(
            f"Events of the last {taken_in} months are still taken in, and would be counted again:"
            f" set PODGRAPH_EVENTS__KEEP_MONTHS to {kept} for every process first."
        )
    now = datetime.now(UTC)
    with database_settings(settings) as running:
        if (owner_url := running.database.owner_url) is None:
            raise Failure("Retention needs PODGRAPH_DATABASE__OWNER_URL, of the role that owns the tables.")
        try:
            names = asyncio.run((expired_partitions if dry_run else drop_partitions)(owner_url, now, kept))
        except PartitionInUse as error:
            raise Failure(
                f"{error} is in use by a statement that runs for long; what is older is dropped: run it again later."
            ) from error
        forgotten = 0 if dry_run else asyncio.run(forget_usage(owner_url, now.date()))
    console = Console(soft_wrap=True, highlight=False)
    if forgotten:
        console.print(f"Forgot what clients used more than {USAGE_DAYS} days ago.")
    for name in names:
        console.print(f"{'Would drop' if dry_run else 'Dropped'} {name}")
    if not names:
        console.print("There is nothing to drop.")
    console.print(f"Events since {month_of(now, -kept)} are kept.")
