"""`podgraph bench queries`: processor time for each query, beside a hand-written endpoint over the same database."""

import asyncio
import secrets
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, TypeVar

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from gateway.commands.database import migrated
from gateway.commands.failures import Failure, failures_as_sentences
from gateway.commands.running import database_settings
from gateway.development import with_development_secrets
from gateway.lifespan import open_process
from gateway.middleware.drain import Drain
from gateway.settings import Auth, DatabaseSettings, Environment, Events, RedisSettings, Settings
from ops.bench import queries
from ops.bench.processes import BenchFailed
from ops.bench.query_shapes import NAMES
from resolvers.billing.changing import put_on_plan
from resolvers.billing.plans import PlanName
from resolvers.context import RequestContext, Services
from resolvers.identity.accounts import Registration, register
from resolvers.identity.api_keys import NewApiKey, create_api_key
from resolvers.identity.tenants import NewTenant, create_tenant
from resolvers.policy import Scope

T = TypeVar("T")


class QueryFigures(msgspec.Struct, frozen=True):
    """What the command writes: when, on what, and what was measured."""

    measured_at: datetime
    python: str
    rounds: int
    seconds: float
    connections: int
    measured: queries.Measured


@failures_as_sentences
def queries_command(
    rounds: Annotated[int, typer.Option(min=1, max=1_000, help="The servers take turns so many times.")] = 7,
    seconds: Annotated[
        float, typer.Option(min=0.01, max=600, help="How long a server is asked a shape's queries in a round.")
    ] = 1.0,
    connections: Annotated[int, typer.Option(min=1, max=64, help="Queries that are asked at once.")] = 1,
    shape: Annotated[list[str] | None, typer.Option(help="Q1 to Q4; may be repeated. Default: all.")] = None,
    server: Annotated[
        list[str] | None,
        typer.Option(help="podgraph, warm (its caches on) or graphql-core; may be repeated. Default: all of them."),
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the figures here.")] = None,
) -> None:
    """Processor time of the server for each query, beside a hand-written endpoint over the same database.

    Podgraph authenticates by API key, prices, and keeps tenants apart; the endpoint (ops/bench/handwritten.py) does
    none of it. Servers and database are the command's own. Fails when any answer of any server differs.
    """
    names = _chosen("--shape", shape, NAMES)
    servers = _chosen("--server", server, tuple(queries.SERVERS))
    now = datetime.now(UTC)
    with (
        TemporaryDirectory(prefix="podgraph-bench-") as name,
        Console(stderr=True).status("Starting a database") as status,
    ):
        folder = Path(name)
        folder.chmod(0o755)  # as root, PostgreSQL runs as another account

        def measured(place: queries.Place) -> Awaitable[queries.Measured]:
            return queries.measured(
                (str(Path(sys.executable).with_name("podgraph")),),
                folder,
                place,
                today=now.replace(hour=0, minute=0, second=0, microsecond=0),
                servers=servers,
                names=names,
                rounds=rounds,
                seconds=seconds,
                connections=connections,
                say=status.update,
            )

        try:
            with database_settings(own_settings(folder)) as settings:
                done = asyncio.run(with_place(settings, measured))
        except BenchFailed as error:
            raise Failure(str(error)) from error
    _print(Console(soft_wrap=True), done)
    if json_file is not None:
        written = QueryFigures(now, sys.version.split()[0], rounds, seconds, connections, done)
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(written)) + b"\n")


def _chosen(option: str, given: Sequence[str] | None, all_: Sequence[str]) -> tuple[str, ...]:
    """What was asked for, in the order of all that there are. Raises Failure."""
    if unknown := [one for one in given or () if one not in all_]:
        raise Failure(f"{option} {unknown[0]}: there are {', '.join(all_)}.")
    return tuple(one for one in all_ if not given or one in given)


def own_settings(folder: Path) -> Settings:
    """Of the bench alone, whatever the environment says."""
    own = {"environment": Environment.DEVELOPMENT, "data_dir": folder / "data", "database": DatabaseSettings()}
    (folder / "data").mkdir()
    return with_development_secrets(
        Settings().model_copy(update={**own, "auth": Auth(), "redis": RedisSettings(), "events": Events()})
    )


async def with_place(settings: Settings, measured: Callable[[queries.Place], Awaitable[T]]) -> T:
    """What is measured in the database of these settings, for a new tenant in it."""
    await migrated(settings)
    async with open_process(settings, Drain()) as process:
        tenant_id, api_key = await _tenant(process.services)
    return await measured(
        queries.Place(
            url=settings.database.url or "",
            owner_url=settings.database.owner_url or "",
            tenant_id=tenant_id,
            api_key=api_key,
            environment={
                "PODGRAPH_DATA_DIR": str(settings.data_dir),
                "PODGRAPH_AUTH__SIGNING_KEYS": secrets.token_urlsafe(48),
                "PODGRAPH_AUTH__HASH_KEY": secrets.token_urlsafe(32),
            },
        )
    )


async def _tenant(services: Services) -> tuple[int, str]:
    """A new tenant on the largest plan, and an API key of it that may do everything."""
    context = RequestContext(services, None, "bench")
    await register(context, Registration(email="bench@example.com", name="Bench", password=secrets.token_urlsafe(12)))
    tenant, _ = await create_tenant(context, NewTenant(name="Bench"))
    await put_on_plan(services, tenant.id, PlanName.ENTERPRISE)
    _, api_key = await create_api_key(context, NewApiKey(name="Bench", scopes=list(Scope)))
    return tenant.id, api_key


def _print(console: Console, done: queries.Measured) -> None:
    table = Table(
        "query",
        "server",
        title="Processor time of the server for each query, in ms",
        caption="Medians of the rounds; the ratio is to the hand-written endpoint in the same round.",
    )
    for column in ("queries", "median", "least", "most", "ratio"):
        table.add_column(column, justify="right")
    for shape in done.shapes:
        table.add_section()
        for figure in (figure for figure in done.figures if figure.shape == shape.name):
            times = [f"{time:.2f}" for time in (figure.median_ms, figure.least_ms, figure.most_ms)]
            table.add_row(shape.name, figure.server, f"{figure.queries:,}", *times, f"{figure.ratio:.2f}")
    console.print(table)
    for shape in done.shapes:
        console.print(f"{shape.name}: {shape.title}; {shape.values:,} values in {shape.bytes / 1024:,.1f} KiB.")
    console.print(f"When it began, {done.load:.1f} processes wanted one of {done.processors} processors.")
