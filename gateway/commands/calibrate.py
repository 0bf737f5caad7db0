"""`podgraph cost calibrate`: weights from what queries take on this machine."""

import asyncio
import warnings
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from random import Random
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from gateway.commands.failures import Failure, failures_as_sentences
from gateway.commands.running import database_settings
from gateway.commands.tenant import tenant_of
from gateway.cost.calibration.known import known_values
from gateway.cost.calibration.measuring import Measuring, Unanswered
from gateway.cost.calibration.queries import assorted
from gateway.cost.calibration.weighing import (
    FEWEST,
    Proposal,
    Sample,
    predicted,
    proposals,
    seconds_per_object,
    weighed,
)
from gateway.cost.calibration.weights_file import difference, with_weights
from gateway.cost.points import points
from gateway.development import with_development_secrets
from gateway.lifespan import open_process
from gateway.middleware.drain import Drain
from gateway.settings import CacheSettings, Environment, Settings
from ops.bench.ranks import spearman
from persistence.ids import TenantId
from resolvers.context import RequestContext
from resolvers.policy import Role, Viewer
from schema.graph import Graph, build_graph
from schema.sdl import WEIGHTS

_TRIES = 3
"""Queries that are drawn for each one wanted, until there are enough of each size."""

_HELD_OUT = 4
"""Every so many-th query is kept to judge the weights, which do not come from it."""


class Calibration(msgspec.Struct, frozen=True):
    """What came of it. The correlations are of the queries that were held out, by the weights before and after."""

    moved: Sequence[Proposal]
    queries: int
    rate: float
    """Seconds that a point stands for on this machine."""
    before: float
    after: float


@failures_as_sentences
def calibrate_command(
    queries: Annotated[int, typer.Option(min=20, max=100_000, help="Queries that are measured.")] = 1_500,
    rounds: Annotated[int, typer.Option(min=1, max=100, help="Times that each is run; the shortest counts.")] = 5,
    most: Annotated[int, typer.Option(min=1, help="Leave out queries that may cost more points.")] = 50_000,
    seed: Annotated[int, typer.Option(help="Of the queries, which are made up.")] = 1,
    tenant: Annotated[
        str | None, typer.Option(metavar="ID", help="Whose data are read; the demo's if left out.", show_default=False)
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the new weights here.")] = None,
    write: Annotated[bool, typer.Option("--write", help="Write the new weights to schema/weights.toml.")] = False,
) -> None:
    """Measure what queries take, and propose weights as a diff of schema/weights.toml.

    The queries are made up over the data of a tenant and run in this process, as the gateway runs them. A weight stays
    as it is unless it moves by more than a fifth and enough queries say so. On standard error: what moves, and
    Spearman's rank correlation of cost and time, of queries that were held out, before and after.
    """
    # What is kept would be fetched once, and the other rounds would measure the cache.
    settings = with_development_secrets(Settings()).model_copy(update={"cache": CacheSettings(enabled=False)})
    if settings.environment is Environment.PRODUCTION:
        raise Failure("Calibrating takes all of a machine for minutes: PODGRAPH_ENVIRONMENT is production.")
    console = Console(stderr=True)
    random = Random(seed)  # noqa: S311  # made-up queries, no secret
    # Read before the long work, so that the weights that are measured are those that are changed.
    text = WEIGHTS.read_text()
    graph = build_graph(text)
    with warnings.catch_warnings(), database_settings(settings) as running, console.status("") as status:
        tenant_id = tenant_of(running, tenant, "data they are")
        # What else a query began when a field of it failed: graphql-core leaves it where it is.
        warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
        found = asyncio.run(_calibration(running, graph, tenant_id, random, queries, rounds, most, status.update))
    new = with_weights(text, found.moved, graph.schema)
    console.print(_table(found.moved))
    console.print(
        f"{found.queries:,} queries, {found.rate * 1e6:.0f} µs a point; Spearman's correlation of cost and time,"
        f" of those held out: {found.before:.3f} before, {found.after:.3f} after.",
        soft_wrap=True,
    )
    typer.echo(difference(text, new, "schema/weights.toml"), nl=False)
    for file in [each for each in (out, WEIGHTS if write else None) if each is not None]:
        file.write_text(new)


async def _calibration(
    settings: Settings,
    graph: Graph,
    tenant_id: TenantId,
    random: Random,
    queries: int,
    rounds: int,
    most: int,
    say: Callable[[str], None],
) -> Calibration:
    async with open_process(settings, Drain()) as process:
        viewer = Viewer(tenant_id=tenant_id, role=Role.ADMIN)
        measuring = Measuring(graph, lambda: RequestContext(process.services, viewer))
        try:
            values = await known_values(measuring.ask)
        except Unanswered as error:
            raise Failure(f"The tenant cannot be read: {error}") from error
        samples = await measuring.samples(
            islice(assorted(graph.schema, random, values), _TRIES * queries),
            wanted=queries,
            rounds=rounds,
            dearest=points(most),
            say=say,
        )
    if len(samples) < 2 * FEWEST:
        raise Failure(
            f"Only {len(samples)} queries had an answer: ask for more queries, or name a tenant with more data"
        )
    return calibration(graph, samples)


def calibration(graph: Graph, samples: Sequence[Sample]) -> Calibration:
    """What the samples say of the graph's weights."""
    weights = weighed(graph.schema, graph.annotations)
    learnt = [sample for place, sample in enumerate(samples) if place % _HELD_OUT]
    held_out = samples[::_HELD_OUT]
    rate = seconds_per_object(learnt)
    moved = proposals(learnt, weights, rate)
    seconds = [sample.seconds for sample in held_out]
    after = {**weights, **{proposal.coordinate: proposal.after for proposal in moved}}
    return Calibration(
        moved=moved,
        queries=len(samples),
        rate=rate,
        before=spearman(predicted(held_out, weights), seconds),
        after=spearman(predicted(held_out, after), seconds),
    )


def _table(moved: Sequence[Proposal]) -> Table:
    table = Table(title="Weights that move")
    table.add_column("of")
    for column in ("before", "after", "samples"):
        table.add_column(column, justify="right")
    for proposal in moved:
        table.add_row(proposal.coordinate, f"{proposal.before:f}", f"{proposal.after:f}", f"{proposal.samples:,}")
    return table
