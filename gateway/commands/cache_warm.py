"""`podgraph cache warm`: fill Redis with what queries read, before anybody asks."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Final

import msgspec
import typer
from prometheus_client import CollectorRegistry
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from gateway.commands.failures import Failure, failures_as_sentences
from gateway.commands.given import GivenVariables, given_document, given_variables, refuse
from gateway.commands.running import database_settings
from gateway.cost.quotes.price_list import complaints
from gateway.development import with_development_secrets
from gateway.documents.documents import Documents
from gateway.documents.limits import DocumentLimits
from gateway.errors import RequestRejected
from gateway.lifespan import Process, open_process
from gateway.middleware.drain import Drain
from gateway.settings import Settings
from gateway.warming.pressure import Pressure
from gateway.warming.queries import LeftOut, Query, queries_of
from gateway.warming.warmer import Report, Rights, Warmer, free_operations
from ops.telemetry.metrics import DocumentMetrics
from persistence.ids import TenantId
from persistence.repositories.documents import all_documents
from persistence.repositories.tenants import last_tenant_id, tenants_of
from resolvers import ids
from resolvers.errors import InvalidInput
from resolvers.policy import Role, Scope
from schema.graph import Graph, build_graph

STOPPED: Final = 4
"""The exit status where it was stopped by a sign of pressure; 3 is that of a file that cannot be used."""

_TOLD: Final = 5
"""Operations that are named of those that are not asked."""


class Given(msgspec.Struct, frozen=True):
    """What the command line says, read."""

    texts: Sequence[tuple[str, str]]
    """Of files, each with its name; none: the registered documents."""
    variables: dict[str, Any]
    tenants: Sequence[TenantId]
    """None: all."""
    rights: Sequence[Rights]
    batch: int


@failures_as_sentences
def warm_command(
    query: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="QUERY", help="Files with GraphQL documents, - for the input; default: the registered ones."
        ),
    ] = None,
    variables: GivenVariables = None,
    tenant: Annotated[
        list[str] | None, typer.Option(metavar="TENANT", help="In whose name, such as ten_1; may be repeated.")
    ] = None,
    all_tenants: Annotated[bool, typer.Option("--all-tenants", help="In the name of every tenant.")] = False,
    role: Annotated[
        list[Role] | None,
        typer.Option(help="Whose whole answers; may be repeated. What they are made of is shared. Default: OWNER."),
    ] = None,
    scopes: Annotated[
        list[str] | None,
        typer.Option(metavar="SCOPES", help="The same for API keys, such as read,write; may be repeated."),
    ] = None,
    batch: Annotated[
        int, typer.Option(min=1, max=64, help="Operations at once; between two batches it looks for pressure.")
    ] = 8,
) -> None:
    """Ask queries in tenants' names, so that Redis has what they read.

    To be run from a new release before it takes requests, or by hand. Runs
    every query of the documents whose variables are given or optional, at
    nobody's cost and past the limits of plans. Whole answers are found again
    by the very text and variables; what they are made of serves all queries
    that select the same. It is kept for about PODGRAPH_CACHE__SECONDS (300).

    Stops when Redis evicts or is nearly full, when a replica is away or lags,
    when the database becomes slow, or when nothing can be kept. What was
    warmed stays warm: run it again to go on.

    Exit status: 0 done, though some queries may have failed; 1 not done, or
    all failed; 3 a file cannot be used; 4 stopped.
    """
    settings = with_development_secrets(Settings())
    if settings.redis.url is None:
        raise Failure(
            "There is nobody to warm for: set PODGRAPH_REDIS__URL to the Redis of the servers, from which they fill"
            " their memory."
        )
    if not settings.cache.enabled:
        raise Failure("Nothing is kept, since PODGRAPH_CACHE__ENABLED is off.")
    if bool(tenant) == all_tenants:
        raise Failure("Say in whose name: --tenant ten_…, which may be repeated, or --all-tenants.")
    given = Given(
        texts=[given_document(named) for named in query or ()],
        variables=given_variables(variables),
        tenants=[_tenant_id(named) for named in tenant or ()],
        rights=_rights(role or (), scopes or ()),
        batch=batch,
    )
    graph = build_graph()
    documents = Documents(graph.schema, DocumentLimits(), DocumentMetrics(CollectorRegistry()))
    queries, left_out = _of_files(documents, given)
    with database_settings(settings) as running:
        began = time.monotonic()
        try:
            report = asyncio.run(_warmed(running, graph, documents, given, queries, left_out))
        except KeyboardInterrupt:
            raise Failure("Interrupted: what was warmed stays warm; run it again to go on.") from None
    _print(report, time.monotonic() - began)
    if report.stopped is not None:
        raise typer.Exit(STOPPED)
    if report.failed and not report.warmed + report.there:
        raise typer.Exit(1)


def _tenant_id(named: str) -> TenantId:
    try:
        return TenantId(ids.row_id(named, ids.TENANT, "--tenant"))
    except InvalidInput as error:
        raise Failure(f"--tenant: {error.message}") from error


def _rights(roles: Sequence[Role], scopes: Sequence[str]) -> list[Rights]:
    if not roles and not scopes:
        return [Rights(Role.OWNER)]
    return [*map(Rights, dict.fromkeys(roles)), *(Rights(scopes=_scopes(named)) for named in dict.fromkeys(scopes))]


def _scopes(named: str) -> frozenset[Scope]:
    try:
        return frozenset(Scope(name.strip()) for name in named.split(","))
    except ValueError:
        raise Failure(f"--scopes {named}: there are {', '.join(Scope)}, with commas between them.") from None


def _of_files(documents: Documents, given: Given) -> tuple[list[Query], list[LeftOut]]:
    queries: list[Query] = []
    left_out: list[LeftOut] = []
    for origin, text in given.texts:
        try:
            document = documents.document(text, hide_suggestions=False)
        except RequestRejected as error:
            refuse(*complaints(error, origin))
        some, others = queries_of(document, text, origin, given.variables)
        queries += some
        left_out += others
    return queries, left_out


async def _warmed(
    settings: Settings,
    graph: Graph,
    documents: Documents,
    given: Given,
    queries: list[Query],
    left_out: list[LeftOut],
) -> Report:
    async with open_process(settings, Drain(), serving=True) as process:
        services = process.services
        if services.keeper is None:
            raise Failure(
                "Nothing may be kept here: a server without PODGRAPH_REDIS__URL keeps what it reads of this database;"
                " give it the same Redis."
            )
        if not given.texts:
            queries, left_out = await _registered(process, documents, given)
        console = Console(stderr=True, soft_wrap=True, highlight=False)
        for each in left_out[:_TOLD]:
            console.print(Text(f"Not asked: {each.name} {each.why}."))
        if len(left_out) > _TOLD:
            console.print(f"Not asked: {len(left_out) - _TOLD:,} more.")
        if not queries:
            raise Failure(
                "There is nothing to ask: name a file with a query, or register documents that need no values."
            )
        tenants = await _tenants(process, given)
        pressure = Pressure(
            process.redis,
            lambda: services.database.watch.states,
            services.keeper.cache.statistics,
            settings.database.lag_seconds,
        )
        operations = free_operations(graph, services, documents, seconds=settings.http.operation_seconds)
        warmer = Warmer(operations, services, pressure, batch=given.batch)
        return await _with_bar(console, warmer, tenants, queries, given.rights)


async def _with_bar(
    console: Console, warmer: Warmer, tenants: Sequence[TenantId], queries: Sequence[Query], rights: Sequence[Rights]
) -> Report:
    columns = (
        SpinnerColumn(),
        BarColumn(),
        TaskProgressColumn(show_speed=False),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=len(tenants) * len(queries) * len(rights))

        def progress(report: Report) -> None:
            bar.update(task, description=_counts(report), completed=report.done)

        return await warmer.warm(tenants, queries, rights, progress)


async def _registered(process: Process, documents: Documents, given: Given) -> tuple[list[Query], list[LeftOut]]:
    async with process.services.database.read_account() as session:
        found = await all_documents(session)
    queries: list[Query] = []
    left_out: list[LeftOut] = []
    for each in found:
        origin = f"{each.id} (registered)"
        try:
            document = documents.document(each.text, hide_suggestions=False)
        except RequestRejected:
            left_out.append(LeftOut(f"{each.name} of {origin}", "does not fit the graph any more"))
            continue
        some, others = queries_of(document, each.text, origin, given.variables)
        queries += some
        left_out += others
    return queries, left_out


async def _tenants(process: Process, given: Given) -> Sequence[TenantId]:
    """Raises Failure. Of all, those that there are no more are passed over later: nobody sees all tenants at once."""
    database = process.services.database
    if not given.tenants:
        async with database.read_account() as session:
            return list(map(TenantId, range(1, await last_tenant_id(session) + 1)))
    for tenant_id in given.tenants:
        async with database.read(tenant_id) as tenant_session:
            if await tenants_of(tenant_session, [tenant_id]) == [None]:
                raise Failure(f"There is no tenant {ids.typed_id(ids.TENANT, tenant_id)}.")
    return list(dict.fromkeys(given.tenants))


def _counts(report: Report) -> str:
    failed = f", {report.failed:,} failed" if report.failed else ""
    return f"{report.warmed:,} warmed, {report.there:,} answered by what was there{failed}"


def _print(report: Report, seconds: float) -> None:
    console = Console(soft_wrap=True, highlight=False)
    tenants = "1 tenant" if report.tenants == 1 else f"{report.tenants:,} tenants"
    console.print(f"{tenants} in {seconds:.1f} s: {_counts(report)}.")
    _told(report.errors, report.failed)
    if report.stopped is not None:
        Console(stderr=True, soft_wrap=True, highlight=False).print(
            Text(f"Stopped: {report.stopped}. What was warmed stays warm; run it again later to go on.", style="red")
        )


def _told(errors: Iterable[str], failed: int) -> None:
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    told = list(errors)
    for error in told:
        console.print(Text(error))
    if failed > len(told):
        console.print(f"and {failed - len(told):,} more.")
