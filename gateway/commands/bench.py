"""`podgraph bench`: what Podgraph's work takes on this machine."""

import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from gateway.commands.bench_cache import cache_command
from gateway.commands.bench_cost import cost_command
from gateway.commands.bench_growth import growth_command
from gateway.commands.bench_queries import queries_command
from gateway.commands.failures import Failure, failures_as_sentences
from ops.bench import attribution, budgets, ingest
from ops.bench.processes import BenchFailed

_MIB = 1024 * 1024


def bench_commands() -> typer.Typer:
    """The `bench` commands, one measurement each."""
    app = typer.Typer(name="bench", help="Measure Podgraph on this machine.", no_args_is_help=True)
    app.command("attribution")(attribution_command)
    app.command("budgets")(budgets_command)
    app.command("cache")(cache_command)
    app.command("cost")(cost_command)
    app.command("growth")(growth_command)
    app.command("ingest")(ingest_command)
    app.command("queries")(queries_command)
    return app


@failures_as_sentences
def attribution_command(
    paths: Annotated[
        list[int] | None, typer.Option(min=1, max=10_000_000, help="Paths in the file; may be repeated.")
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(help="The models; may be repeated. Default: all that do not need the time of every touch."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the paths, which are made up.")] = 1,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the figures here.")] = None,
) -> None:
    """Time and peak memory of `podgraph attribute` on files of distinct paths over 20 channels."""
    sizes, models = paths or attribution.SIZES, model or attribution.MODELS
    done = []
    # On standard error, so that the figures alone are the output.
    console = Console(stderr=True)
    with TemporaryDirectory(prefix="podgraph-bench-") as folder, console.status("") as status:
        status.update(f"Writing {sizes[0]:,} paths")
        try:
            for measured in attribution.measurements(_program(), Path(folder), seed, sizes, models):
                done.append(measured)
                status.update(f"{measured.model} on {measured.paths:,} paths: {measured.seconds:.2f} s")
        except attribution.BenchFailed as error:
            raise Failure(str(error)) from error
    Console().print(_table(done))
    if json_file is not None:
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(done)) + b"\n")


@failures_as_sentences
def budgets_command(
    url: Annotated[list[str], typer.Argument(metavar="URL", help="Gateways that share a Redis and a database.")],
    key: Annotated[
        str, typer.Option(envvar="PODGRAPH_API_KEY", help="An API key with a small budget, or a small plan.")
    ],
    clients: Annotated[int, typer.Option(min=1, max=1_000, help="Clients, spread over the gateways.")] = 16,
    seconds: Annotated[float, typer.Option(min=1, max=3_600, help="How long they ask.")] = 30.0,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the figures here.")] = None,
) -> None:
    """Hammer running gateways with one key: nobody gets more than the budget has, and everybody gets something.

    The key's own budget, or else its tenant's, is to be full at the start and used by nobody else. Fails where more was
    spent than capacity + restore rate x time, a client was never admitted, or a request failed by anything but
    THROTTLED: also while Redis is killed and started again.
    """
    with Console(stderr=True).status(f"{clients} clients ask for {seconds:.0f} seconds"):
        try:
            done = asyncio.run(budgets.measured(url, key, clients=clients, seconds=seconds))
        except BenchFailed as error:
            raise Failure(str(error)) from error
    Console().print(_budgets_table(done))
    if json_file is not None:
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(done)) + b"\n")
    if done.problems:
        raise Failure(" ".join(done.problems))


@failures_as_sentences
def ingest_command(
    events: Annotated[int, typer.Option(min=1_000, max=100_000_000, help="Events in the file of a round.")] = 200_000,
    http_events: Annotated[int, typer.Option(min=1_000, max=100_000_000, help="Events over HTTP in a round.")] = 20_000,
    rounds: Annotated[int, typer.Option(min=1, max=100, help="The ways in take turns so many times.")] = 2,
    seed: Annotated[int, typer.Option(help="Of the events, which are made up.")] = 1,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the figures here.")] = None,
) -> None:
    """Events a second through `podgraph ingest` and trackEvents, beside a bare COPY of the same rows."""
    console = Console(stderr=True)
    with TemporaryDirectory(prefix="podgraph-bench-") as name, console.status("") as status:
        folder = Path(name)
        folder.chmod(0o755)  # as root, PostgreSQL runs as another account
        try:
            done = asyncio.run(
                ingest.measured(
                    _program(),
                    folder,
                    events=events,
                    http_events=http_events,
                    rounds=rounds,
                    seed=seed,
                    say=status.update,
                )
            )
        except BenchFailed as error:
            raise Failure(str(error)) from error
    Console().print(_ingest_table(done))
    if json_file is not None:
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(done)) + b"\n")


def _budgets_table(done: budgets.Measured) -> Table:
    table = Table(
        "client",
        title=f"{done.settled:,.1f} points were charged, of {done.bound:,.1f} that there were",
        caption=f"{done.capacity:,.0f} + {done.restore_rate:,.0f} a second for {done.seconds:.2f} s. A patient client"
        " comes again when it was told to. The wait is the longest from an operation's refusal to its admission.",
    )
    for column in ("patient", "admitted", "throttled", "points", "wait in s"):
        table.add_column(column, justify="right")
    for client in done.clients:
        table.add_row(
            client.name,
            "yes" if client.patient else "no",
            f"{client.admitted:,}",
            f"{client.throttled:,}",
            f"{client.settled:,.1f}",
            f"{client.longest_wait:.2f}",
        )
    return table


def _ingest_table(done: list[ingest.Measured]) -> Table:
    table = Table(
        "way in",
        title="Events taken in: wall time, the command's start included",
        caption="COPY writes a table without index, constraint or partition. Every event is stored once, and the hourly"
        " counts are those of the events.",
    )
    for column in ("events", "seconds", "events/s", "of COPY"):
        table.add_column(column, justify="right")
    copy = done[0].rate
    for way in done:
        table.add_row(way.way, f"{way.events:,}", f"{way.seconds:.2f}", f"{way.rate:,.0f}", f"{way.rate / copy:.1%}")
    return table


def _program() -> tuple[str, ...]:
    """This installation's own command, whatever the search path says."""
    return (str(Path(sys.executable).with_name("podgraph")),)


def _table(done: list[attribution.Measured]) -> Table:
    table = Table("model", title="podgraph attribute: wall time and peak memory, start and reading included")
    for column in ("paths", "seconds", "MiB"):
        table.add_column(column, justify="right")
    for measured in done:
        table.add_row(
            measured.model, f"{measured.paths:,}", f"{measured.seconds:.2f}", f"{measured.peak_bytes / _MIB:,.0f}"
        )
    return table
