"""`podgraph bench cost`: whether what queries are charged is what they take, and what it takes to price them."""

import asyncio
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway.commands.failures import Failure, failures_as_sentences
from gateway.commands.running import database_settings
from gateway.cost.calibration.known import known_values
from gateway.cost.calibration.overhead import FIFTY_CAMPAIGNS, SMALL, Overhead, OverheadMeasuring
from gateway.cost.calibration.queries import assorted
from gateway.development import with_development_secrets
from gateway.lifespan import open_process
from gateway.middleware.drain import Drain
from gateway.settings import Auth, CacheSettings, DatabaseSettings, RedisSettings, Settings
from ops.bench import cost
from ops.bench.demo_server import DemoServer, demo_server
from ops.bench.processes import BenchFailed
from persistence.ids import TenantId
from resolvers.context import RequestContext
from resolvers.policy import Role, Viewer
from schema.graph import Graph, build_graph

_OUTLIERS = 5
_LONGEST_TEXT = 160
_REPETITIONS = {FIFTY_CAMPAIGNS: 40, SMALL: 1_000}
_NAMES = {FIFTY_CAMPAIGNS: "50 campaigns", SMALL: "a small query"}


class CostFigures(msgspec.Struct, frozen=True):
    """What the command measured."""

    correlation: float
    queries: Sequence[cost.Measured]
    overheads: Mapping[str, Overhead]


@failures_as_sentences
def cost_command(
    queries: Annotated[int, typer.Option(min=20, max=100_000, help="Queries that are made up.")] = 300,
    rounds: Annotated[int, typer.Option(min=1, max=100, help="Times that each is asked; the shortest counts.")] = 5,
    seed: Annotated[int, typer.Option(help="Of the queries.")] = 1,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the figures here.")] = None,
) -> None:
    """Charged cost beside server time over HTTP, on a demo server of its own, and the overhead of pricing.

    Fails when Spearman's rank correlation of the two is below 0.9.
    """
    random = Random(seed)  # noqa: S311  # made-up queries, no secret
    console = Console(stderr=True)
    with (
        TemporaryDirectory(prefix="podgraph-bench-") as name,
        console.status("Starting a server with a demo") as status,
    ):
        folder = Path(name)
        folder.chmod(0o755)  # as root, PostgreSQL runs as another account
        try:
            found, overheads = asyncio.run(_measured(folder, random, queries, rounds, status.update))
        except BenchFailed as error:
            raise Failure(str(error)) from error
    figures = CostFigures(cost.correlation(found), found, overheads)
    _print(Console(), figures)
    if json_file is not None:
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(figures)) + b"\n")
    if not figures.correlation >= cost.GOAL:
        raise Failure(f"Spearman's correlation of cost and time is {figures.correlation:.3f}, below {cost.GOAL}")


async def _measured(
    folder: Path, random: Random, wanted: int, rounds: int, say: Callable[[str], None]
) -> tuple[list[cost.Measured], dict[str, Overhead]]:
    graph = build_graph()

    async def queries(ask: cost.Ask) -> Iterator[tuple[str, Mapping[str, Any]]]:
        values = await known_values(ask)
        return ((query.text, query.variables) for query in assorted(graph.schema, random, values))

    program = (str(Path(sys.executable).with_name("podgraph")),)
    async with demo_server(program, folder) as server:
        found = await cost.measured(server, queries, wanted=wanted, repetitions=rounds, say=say)
        say("Measuring what pricing adds")
        return found, await _overheads(server, graph)


async def _overheads(server: DemoServer, graph: Graph) -> dict[str, Overhead]:
    # The server's own database and keys, whatever the environment says; and as the server, it keeps nothing.
    own = {"data_dir": Path(server.environment["PODGRAPH_DATA_DIR"]), "database": DatabaseSettings(), "auth": Auth()}
    own |= {"redis": RedisSettings(), "cache": CacheSettings(enabled=False)}
    settings = with_development_secrets(Settings().model_copy(update=own))
    with database_settings(settings) as running:
        async with open_process(running, Drain()) as process:
            viewer = Viewer(tenant_id=TenantId(server.tenant_id), role=Role.ADMIN)
            measuring = OverheadMeasuring(graph, lambda: RequestContext(process.services, viewer))
            return {
                _NAMES[text]: await measuring.overhead(text, repetitions) for text, repetitions in _REPETITIONS.items()
            }


def _print(console: Console, figures: CostFigures) -> None:
    console.print(_decades_table(figures.queries))
    console.print(_outliers_table(figures.queries))
    console.print(_overhead_table(figures.overheads))
    console.print(
        f"Spearman's correlation of charged cost and time over {len(figures.queries)} queries:"
        f" {figures.correlation:.3f} (at least {cost.GOAL} is asked).",
        soft_wrap=True,
    )


def _decades_table(queries: Sequence[cost.Measured]) -> Table:
    table = Table("charged", title="Queries by what they were charged, in points")
    for column in ("queries", "median ms", "correlation"):
        table.add_column(column, justify="right")
    for decade in cost.decades(queries):
        row = (f"{decade.queries}", f"{decade.seconds * 1_000:.1f}", f"{decade.correlation:.2f}")
        table.add_row(f"from {decade.least:,}", *row)
    return table


def _outliers_table(queries: Sequence[cost.Measured]) -> Table:
    table = Table(title="Queries whose ranks differ most; above 0 they took long for their charge")
    for column in ("ranks apart", "points", "ms"):
        table.add_column(column, justify="right")
    table.add_column("query", overflow="fold")
    for query, apart in cost.outliers(queries, _OUTLIERS):
        text = query.text if len(query.text) <= _LONGEST_TEXT else f"{query.text[:_LONGEST_TEXT]}…"
        table.add_row(f"{apart:+.0%}", f"{query.charged:,.1f}", f"{query.seconds * 1_000:.1f}", Text(text))
    return table


def _overhead_table(overheads: Mapping[str, Overhead]) -> Table:
    table = Table("query", title="What pricing adds: the shortest processor time with and without")
    for column in ("ms without", "ms with", "added µs", "added"):
        table.add_column(column, justify="right")
    for name, overhead in overheads.items():
        times = (f"{overhead.bare * 1_000:.3f}", f"{overhead.priced * 1_000:.3f}", f"{overhead.added * 1e6:.0f}")
        table.add_row(name, *times, f"{overhead.share:.1%}")
    return table
