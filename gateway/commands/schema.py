"""`podgraph schema`: print the graph's SDL, and judge how it changed."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from typer.core import TyperGroup

import schema
from gateway.schema_changes.baseline import BaselineUnavailable, baseline
from gateway.schema_changes.classification import changes_between
from gateway.schema_changes.deprecation import expired_deprecations, violations
from gateway.schema_changes.elements import Coordinate, Element, UnreadableSchema, elements, schema_from
from gateway.schema_changes.report import OUTDATED, SNAPSHOT_PATH, Report, annotations, markdown, table

UNREADABLE = 3
"""Exit code when there is nothing to judge: no such ref or file, or text that is no schema."""

USAGE = 64
"""Exit code of a wrong command line (sysexits' EX_USAGE): typer's own 2 means here that the snapshot is old."""

_TYPER_USAGE = 2


def printed_schema() -> str:
    """The SDL of the graph with its directives, types sorted by name; ends with a newline."""
    from strawberry.printer import print_schema  # noqa: PLC0415  # other commands start without loading the graph

    from schema.build import build_schema  # noqa: PLC0415  # likewise

    return print_schema(build_schema()).strip() + "\n"


def committed_snapshot() -> Path:
    """The file of the committed SDL, beside the schema's code."""
    return Path(schema.__path__[0], "schema.graphql")


def schema_commands(
    printed: Callable[[], str] = printed_schema,
    snapshot: Callable[[], Path] = committed_snapshot,
    today: Callable[[], date] = lambda: datetime.now(UTC).date(),
) -> typer.Typer:
    """The `schema` commands over this source of SDL, this committed file and this calendar (UTC)."""
    app = typer.Typer(name="schema", help="The graph's SDL and its changes.", no_args_is_help=True, cls=_SchemaGroup)

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
            report, lines = _judged(against, printed(), snapshot(), today())
        except (BaselineUnavailable, UnreadableSchema) as error:
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

    return app


def _judged(against: str | None, sdl: str, snapshot: Path, today: date) -> tuple[Report, dict[Coordinate, Element]]:
    """The report, and the elements of the committed snapshot, whose lines it points at."""
    old = baseline(against, snapshot)
    before, after = schema_from(old.sdl, old.origin), schema_from(sdl, "The graph")
    old_elements = elements(before)
    report = Report(
        origin=old.origin,
        changes=changes_between(before, after, (expired_deprecations(old_elements, today),)),
        violations=violations(old_elements, elements(after), today),
        outdated=_committed(snapshot) != sdl,
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


class _SchemaGroup(TyperGroup):
    """Commands whose usage errors do not exit with 2.

    The signatures say Any because typer keeps the classes of its context private.
    """

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """As in TyperGroup: the group's own options are read here."""
        try:
            return super().make_context(*args, **kwargs)
        except typer.TyperException as error:
            _leave_two_free(error)
            raise

    def invoke(self, ctx: Any) -> Any:
        """As in TyperGroup: the command is chosen and its options are read here."""
        try:
            return super().invoke(ctx)
        except typer.TyperException as error:
            _leave_two_free(error)
            raise


def _leave_two_free(error: typer.TyperException) -> None:
    if error.exit_code == _TYPER_USAGE:
        error.exit_code = USAGE
