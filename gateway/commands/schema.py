"""`podgraph schema`: print the graph's SDL, and judge how it changed."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, NoReturn

import msgspec
import typer
from rich.console import Console

import schema
from gateway.commands.exit_codes import UsageGroup
from gateway.schema_changes.baseline import BaselineUnavailable, baseline
from gateway.schema_changes.classification import changes_between
from gateway.schema_changes.deprecation import expired_deprecations, violations
from gateway.schema_changes.elements import Coordinate, Element, UnreadableSchema, elements, schema_from
from gateway.schema_changes.report import OUTDATED, SNAPSHOT_PATH, Report, annotations, markdown, table
from gateway.schema_changes.usage import Evidence, UnreadableUsage, Usage, usage_from

UNREADABLE = 3
"""Exit code when there is nothing to judge: no such ref or file, no usage to be had, or text that is no schema."""

UNUSED_DAYS = 90
"""For how long nobody must have used what is removed, where the command line does not say."""

USAGE_DAYS = 400
"""How far back usage is looked at."""

DATABASE = "database"


def printed_schema() -> str:
    """The SDL of the graph with its directives, types sorted by name; ends with a newline."""
    from schema.graph import build_graph  # noqa: PLC0415  # other commands start without loading the graph

    return build_graph().sdl


def recorded_usage(days: int, today: date) -> Usage | None:
    """What the database at hand has of so many days; None when nothing was ever counted. Raises UnreadableUsage."""
    from gateway.commands.recorded import usage_of_database  # noqa: PLC0415  # other commands need no database

    return usage_of_database(days, today)


def committed_snapshot() -> Path:
    """The file of the committed SDL, beside the schema's code."""
    return Path(schema.__path__[0], "schema.graphql")


def schema_commands(
    printed: Callable[[], str] = printed_schema,
    snapshot: Callable[[], Path] = committed_snapshot,
    today: Callable[[], date] = lambda: datetime.now(UTC).date(),
    recorded: Callable[[int, date], Usage | None] = recorded_usage,
) -> typer.Typer:
    """The `schema` commands over this source of SDL, committed file, calendar (UTC) and source of usage."""
    app = typer.Typer(name="schema", help="The graph's SDL and its changes.", no_args_is_help=True, cls=UsageGroup)

    @app.command("print")
    def print_(
        out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write here, not to the terminal.")] = None,
    ) -> None:
        """Print the SDL of the graph, directives included."""
        sdl = printed()
        if out is None:
            typer.echo(sdl, nl=False)
        else:
            _write(out, sdl, "w")

    @app.command()
    def check(
        against: Annotated[
            str | None,
            typer.Option(
                metavar="REF_OR_FILE",
                help="Compare with this SDL file, or with the snapshot at this git ref. "
                "Default: the merge base with the default branch, else HEAD.",
                show_default=False,
            ),
        ] = None,
        usage: Annotated[
            str | None,
            typer.Option(
                metavar="FILE|database",
                help="What clients used: what `schema usage --out` wrote, or the database itself. A removal of what"
                " nobody has used for --unused-days does not fail the check.",
            ),
        ] = None,
        unused_days: Annotated[
            int, typer.Option(min=1, metavar="N", help="For how many days nobody must have used it.")
        ] = UNUSED_DAYS,
        markdown_file: Annotated[
            Path | None, typer.Option("--markdown", metavar="FILE", help="Write the report as Markdown.")
        ] = None,
        annotate: Annotated[
            bool, typer.Option("--annotations/--no-annotations", envvar="GITHUB_ACTIONS", help="Annotate for GitHub.")
        ] = False,
        step_summary: Annotated[Path | None, typer.Option(envvar="GITHUB_STEP_SUMMARY", hidden=True)] = None,
    ) -> None:
        """Judge every change of the graph: breaking, dangerous or safe.

        Exit code: 0 when it may land; 1 for a breaking change or a breach of the deprecation policy (it wins over 2);
        2 when the committed snapshot is out of date; 3 when there is nothing to compare; 64 for a wrong command line.
        """
        try:
            found = None if usage is None else _usage(usage, max(USAGE_DAYS, unused_days), today(), recorded)
            evidence = Evidence(found, unused_days, today())
            report, lines = _judged(against, printed(), snapshot(), today(), evidence)
        except (BaselineUnavailable, UnreadableSchema, UnreadableUsage) as error:
            _refuse(str(error))
        _show(report)
        if annotate:
            for command in annotations(report, lines):
                typer.echo(command)
        if markdown_file is not None:
            _write(markdown_file, markdown(report), "w")
        if step_summary is not None:
            _write(step_summary, markdown(report), "a")
        raise typer.Exit(report.exit_code)

    @app.command("usage")
    def usage_(
        days: Annotated[int, typer.Option(min=1, metavar="N", help="How far back to look.")] = USAGE_DAYS,
        out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write here, not to the terminal.")] = None,
    ) -> None:
        """Write what clients used of the graph, as JSON: each element with the versions of clients and their last day.

        Needs the application's database alone; `schema check --usage FILE` reads it.
        """
        try:
            found = recorded(days, today())
        except UnreadableUsage as error:
            _refuse(str(error))
        if found is None:
            _refuse("Nothing was counted yet: usage is written by a running gateway.")
        text = msgspec.json.format(msgspec.json.encode(found), indent=1).decode() + "\n"
        if out is None:
            typer.echo(text, nl=False)
            return
        _write(out, text, "w")
        elements_used = len({each.coordinate for each in found.elements})
        clients = len({(each.client, each.version) for each in found.elements})
        typer.echo(
            f"{elements_used} elements, used by {clients} versions of clients"
            f" from {found.first_day} to {found.last_day}."
        )

    return app


def _usage(named: str, days: int, today: date, recorded: Callable[[int, date], Usage | None]) -> Usage | None:
    if named == DATABASE:
        return recorded(days, today)
    try:
        return usage_from(Path(named).read_bytes(), named)
    except OSError as error:
        raise UnreadableUsage(f"{named} cannot be read: {error.strerror}.") from error


def _judged(
    against: str | None, sdl: str, snapshot: Path, today: date, evidence: Evidence
) -> tuple[Report, dict[Coordinate, Element]]:
    """The report, and the elements of the committed snapshot, whose lines it points at."""
    old = baseline(against, snapshot)
    before, after = schema_from(old.sdl, old.origin), schema_from(sdl, "The graph")
    old_elements = elements(before)
    report = Report(
        origin=old.origin,
        changes=evidence.told(
            changes_between(before, after, (expired_deprecations(old_elements, today), evidence.excuse))
        ),
        violations=violations(old_elements, elements(after), today),
        outdated=_committed(snapshot) != sdl,
        gap=evidence.gap,
    )
    return report, _snapshot_elements(snapshot)


def _committed(snapshot: Path) -> str | None:
    try:
        return snapshot.read_bytes().decode("utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        return None


def _snapshot_elements(snapshot: Path) -> dict[Coordinate, Element]:
    try:
        return elements(schema_from(_committed(snapshot) or "", SNAPSHOT_PATH))
    except UnreadableSchema:
        return {}  # it is out of date, and the annotations then point at its first line


def _show(report: Report) -> None:
    # Not wrapped to 80 columns where no terminal says how wide it is: logs are searched by line.
    console = Console()
    if not console.is_terminal:
        console = Console(width=200)
    if report.changes or report.violations:
        console.print(table(report))
    console.print(report.summary, markup=False, highlight=False)
    if report.doubt:
        console.print(report.doubt, markup=False, highlight=False)
    if report.outdated:
        typer.echo(OUTDATED, err=True)


def _write(file: Path, text: str, mode: str) -> None:
    try:
        with file.open(mode, encoding="utf-8", newline="\n") as stream:
            stream.write(text)
    except OSError as error:
        _refuse(f"{file} cannot be written: {error.strerror}.")


def _refuse(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(UNREADABLE)
