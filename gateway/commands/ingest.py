"""`podgraph ingest`: events from a file or a pipe."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from gateway.commands.failures import Failure, failures_as_sentences
from gateway.commands.running import database_settings
from gateway.commands.tenant import tenant_of
from gateway.development import with_development_secrets
from gateway.ingest.formats import FormatName
from gateway.ingest.ingest import Ingest, Job
from gateway.ingest.source import Source, UnreadableSource
from gateway.lifespan import open_process
from gateway.middleware.drain import Drain
from gateway.settings import Settings
from persistence.errors import DatabaseUnavailable
from persistence.ids import TenantId
from persistence.repositories.tenants import tenants_of
from resolvers import ids
from resolvers.context import Services
from resolvers.events.incoming import IncomingEvent
from resolvers.events.intake import Outcome

WITH_REJECTS: Final = 3
"""The exit status where everything was read and something was rejected; 2 is that of wrong options."""


@failures_as_sentences
def ingest_command(
    file: Annotated[str, typer.Argument(metavar="FILE", help="NDJSON or CSV, gzip too; - is standard input.")],
    tenant: Annotated[
        str | None, typer.Option(help="Whose events they are, such as ten_7; the demo's if left out.")
    ] = None,
    format_name: Annotated[
        FormatName | None,
        typer.Option("--format", help="If left out, by the file's name, or else by how it begins."),
    ] = None,
    rejects: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Written anew: rejected lines and why; FILE.rejects.ndjson if left out."),
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Holds, until it ends, how far it came; FILE.ingest-state if left out."),
    ] = None,
    batch: Annotated[int, typer.Option(min=1, max=10_000, help="Events in one transaction.")] = 2_000,
) -> None:
    """Take events in; run it again to go on after an interruption: nothing is counted twice.

    Each line is one event, with the fields of trackEvents: key, type,
    occurredAt and ipAddress; of impressions also placementId, of conversions
    advertiserId, of visits one of the two; and of conversions, where known,
    source, orderId, valueMinor, currency and promoCode.
    The header of a CSV file names them.

    Exit status: 0 all taken, 3 some lines rejected, 1 not finished.
    """
    settings = with_development_secrets(Settings())
    tenant_id = tenant_of(settings, tenant, "events they are")
    try:
        with Source(file) as source:
            beside = file if source.repeatable else "ingest"
            job = Job(
                tenant_id=tenant_id,
                format=format_name,
                rejects=rejects or Path(f"{beside}.rejects.ndjson"),
                checkpoint=state or Path(f"{beside}.ingest-state"),
                batch=batch,
            )
            ingest = Ingest(source, job)  # before a database is started for nothing
            began = time.monotonic()
            with database_settings(settings) as running:
                _run(running, source, job, ingest)
            _print(ingest, job, time.monotonic() - began)
    except UnreadableSource as error:
        raise Failure(str(error)) from error
    if ingest.counts.rejected:
        raise typer.Exit(WITH_REJECTS)


def _run(settings: Settings, source: Source, job: Job, ingest: Ingest) -> None:
    """Raises Failure, which says how far it came."""
    again = "run the same command again to go on there" if source.repeatable else "send it all again"
    try:
        asyncio.run(_ingest(settings, source, job.tenant_id, ingest))
    except KeyboardInterrupt:
        raise Failure(f"Interrupted after line {ingest.position.line:,}: {again}.") from None
    except UnreadableSource as error:
        raise Failure(
            f"{error}, after line {ingest.position.line:,}; everything up to there is taken:"
            " mend it and run the same command again, nothing is counted twice."
        ) from error
    except DatabaseUnavailable as error:
        if not ingest.position.line:
            raise
        raise Failure(
            f"The database was lost after line {ingest.position.line:,} ({error}): {again} once it is back."
        ) from error


async def _ingest(settings: Settings, source: Source, tenant_id: TenantId, ingest: Ingest) -> None:
    console = Console(stderr=True, soft_wrap=True)
    async with open_process(settings, Drain()) as process:
        await _refuse_unknown(process.services, tenant_id)

        async def store(events: Sequence[IncomingEvent]) -> list[Outcome]:
            return await process.services.intake.store(tenant_id, events)

        if said := await ingest.resume(store):
            console.print(Text(said))
        columns = (
            SpinnerColumn(),
            BarColumn(),
            TaskProgressColumn(show_speed=False),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("", total=source.size)
            began = time.monotonic()

            def progress() -> None:
                counts = ingest.counts
                rate = (counts.total - ingest.before.total) / (time.monotonic() - began)
                description = (
                    f"{counts.accepted:,} accepted, {counts.duplicate:,} duplicate, {counts.rejected:,} rejected;"
                    f" {rate:,.0f} events/s"
                )
                bar.update(task, description=description, completed=source.position)

            await ingest.run(store, progress)


async def _refuse_unknown(services: Services, tenant_id: TenantId) -> None:
    async with services.database.read(tenant_id) as session:
        if await tenants_of(session, [tenant_id]) == [None]:
            raise Failure(f"There is no tenant {ids.typed_id(ids.TENANT, tenant_id)}.")


def _print(ingest: Ingest, job: Job, seconds: float) -> None:
    console, counts = Console(soft_wrap=True), ingest.counts
    table = Table(show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_row("accepted", f"{counts.accepted:,}")
    table.add_row("duplicate", f"{counts.duplicate:,}")
    table.add_row("rejected", f"{counts.rejected:,}")
    for code, count in sorted(counts.problems.items(), key=lambda item: (-item[1], item[0])):
        table.add_row(f"  {code}", f"{count:,}")
    console.print(table)
    events = counts.total - ingest.before.total
    console.print(f"{events:,} events in {seconds:.1f} s, {events / seconds:,.0f} a second.", highlight=False)
    if counts.rejected:
        console.print(Text(f"Every rejected line, and why: {job.rejects}"))
