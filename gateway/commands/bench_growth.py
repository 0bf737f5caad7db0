"""`podgraph bench growth`: how time and memory grow with what a query returns."""

import asyncio
import sys
from collections.abc import Awaitable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from gateway.commands.bench_queries import own_settings, with_place
from gateway.commands.failures import Failure, failures_as_sentences
from gateway.commands.running import database_settings
from ops.bench import growth
from ops.bench.processes import BenchFailed
from ops.bench.queries import Place

MOST_TIME: Final = 11.0
"""The growth of time for ten times the values that is still called linear."""
MOST_MEMORY: Final = 3.0
"""Times the response, above an idle server, for the largest one."""


@failures_as_sentences
def growth_command(
    rounds: Annotated[int, typer.Option(min=1, max=1_000, help="Every size is asked for so many times.")] = 7,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the figures here.")] = None,
) -> None:
    """Processor time and memory of the server for 1,000, 10,000 and 100,000 values of one query.

    Fails where ten times the values take more than eleven times the time, or the largest answer more than three times
    its bytes of memory. Server and database are the command's own.
    """
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    with (
        TemporaryDirectory(prefix="podgraph-bench-") as name,
        Console(stderr=True).status("Starting a database") as status,
    ):
        folder = Path(name)
        folder.chmod(0o755)  # as root, PostgreSQL runs as another account
        program = (str(Path(sys.executable).with_name("podgraph")),)

        def measured(place: Place) -> Awaitable[list[growth.Grown]]:
            return growth.measured(program, folder, place, today=today, rounds=rounds, say=status.update)

        try:
            with database_settings(own_settings(folder)) as settings:
                grown = asyncio.run(with_place(settings, measured))
        except BenchFailed as error:
            raise Failure(str(error)) from error
    Console().print(_table(grown))
    if json_file is not None:
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(grown)) + b"\n")
    if (steepest := growth.steepest(grown)) > MOST_TIME:
        raise Failure(f"Ten times the values took {steepest:.1f} times the time; at most {MOST_TIME:.0f} is linear.")
    if (memory := grown[-1].memory_times) > MOST_MEMORY:
        raise Failure(f"The largest answer took {memory:.1f} times its bytes; at most {MOST_MEMORY:.0f} is allowed.")


def _table(grown: list[growth.Grown]) -> Table:
    table = Table(title="What a query takes of the server, by the values that it returns")
    for column in ("values", "KiB", "ms of processor", "times the one before", "MiB of memory", "times the response"):
        table.add_column(column, justify="right")
    for one in grown:
        times = "" if one is grown[0] else f"{one.times:.1f}"
        sizes = f"{one.values:,}", f"{one.bytes / 1024:,.0f}", f"{one.cpu_ms:.2f}", times
        table.add_row(*sizes, f"{one.memory_bytes / 2**20:.1f}", f"{one.memory_times:.1f}")
    return table
