"""The verdict of a schema check, and its forms: terminal, Markdown, GitHub annotations."""

from collections.abc import Mapping

import msgspec
from rich.table import Table
from rich.text import Text

from gateway.schema_changes.change import Change, Severity
from gateway.schema_changes.deprecation import Violation
from gateway.schema_changes.elements import Coordinate, Element, line_of

SNAPSHOT_PATH = "schema/schema.graphql"
"""The snapshot as people and GitHub name it: from the root of the repository."""

OUTDATED = f"{SNAPSHOT_PATH} is out of date: run podgraph schema print --out {SNAPSHOT_PATH}"

_COLOURS = {Severity.BREAKING: "bold red", Severity.DANGEROUS: "yellow", Severity.SAFE: "green"}
_MARKS = {Severity.BREAKING: "🛑", Severity.DANGEROUS: "⚠️", Severity.SAFE: "✅"}


class Report(msgspec.Struct, frozen=True):
    """What a check found.

    `origin` says in words what the schema was compared with; `gap` why usage proves nothing, where it does not.
    """

    origin: str
    changes: tuple[Change, ...]
    violations: tuple[Violation, ...]
    outdated: bool
    gap: str | None = None

    @property
    def exit_code(self) -> int:
        """1 for a breaking change or a breach of the deprecation policy, else 2 for an old snapshot, else 0.

        1 wins over 2: who treats 2 as "print it again" must not overlook a break.
        """
        if self.violations or self.count(Severity.BREAKING):
            return 1
        return 2 if self.outdated else 0

    def count(self, severity: Severity) -> int:
        """The number of changes of this severity."""
        return sum(change.severity is severity for change in self.changes)

    @property
    def summary(self) -> str:
        """One sentence: the counts, and what they were compared with."""
        counts = ", ".join(f"{self.count(severity)} {severity}" for severity in Severity)
        breaches = f", {len(self.violations)} against the deprecation policy" if self.violations else ""
        return f"Compared with {self.origin}: {counts}{breaches}."

    @property
    def doubt(self) -> str | None:
        """What usage could not tell of the breaking changes; None where it could, or nothing breaks."""
        return self.gap if self.count(Severity.BREAKING) else None


def table(report: Report) -> Table:
    """The changes and breaches as a table for the terminal."""
    grid = Table(show_lines=False, expand=False)
    grid.add_column("severity", no_wrap=True)
    grid.add_column("where", overflow="fold")
    grid.add_column("change", overflow="fold", ratio=1)
    # Text, not str: a type like [Episode!] would be read as markup.
    for violation in report.violations:
        grid.add_row(Text("policy", style="bold red"), Text(violation.coordinate), Text(violation.message))
    for change in report.changes:
        severity = Text(change.severity.value, style=_COLOURS[change.severity])
        grid.add_row(severity, Text(change.coordinate or ""), Text(_sentence(change)))
    return grid


def markdown(report: Report) -> str:
    """The report as GitHub's Markdown, the safe changes folded away; ends with a newline."""
    verdict = {0: "✅ passes", 1: "🛑 fails", 2: "🛑 fails: the snapshot is out of date"}[report.exit_code]
    lines = [f"## Schema check {verdict}", "", _cell(report.summary)]
    if report.doubt:
        lines += ["", _cell(report.doubt)]
    if report.outdated:
        lines += ["", f"**{OUTDATED}**"]
    if report.violations:
        lines += ["", "### 🛑 deprecation policy", "", "| where | breach |", "|---|---|"]
        lines += [f"| {_code(violation.coordinate)} | {_cell(violation.message)} |" for violation in report.violations]
    for severity in Severity:
        rows = [change for change in report.changes if change.severity is severity]
        if not rows:
            continue
        title = f"{_MARKS[severity]} {severity} ({len(rows)})"
        grid = ["", "| where | kind | change |", "|---|---|---|", *map(_row, rows)]
        if severity is Severity.SAFE:
            lines += ["", f"<details><summary>{title}</summary>", *grid, "", "</details>"]
        else:
            lines += ["", f"### {title}", *grid]
    return "\n".join(lines) + "\n"


def annotations(report: Report, lines: Mapping[Coordinate, Element]) -> list[str]:
    """GitHub's workflow commands, one a line: errors for what fails the check, warnings for dangerous changes.

    `lines` are the elements of the committed snapshot, the file that GitHub shows.
    """
    known = dict(lines)
    commands = [_annotation("error", 1, OUTDATED)] if report.outdated else []
    for violation in report.violations:
        commands.append(_annotation("error", line_of(violation.coordinate, known), violation.message))
    for change in report.changes:
        if change.severity is not Severity.SAFE:
            level = "error" if change.severity is Severity.BREAKING else "warning"
            commands.append(_annotation(level, line_of(change.coordinate, known), _sentence(change)))
    return commands


def _sentence(change: Change) -> str:
    if change.excuse is not None:
        return f"{change.description} Allowed: {change.excuse}."
    return change.description if change.users is None else f"{change.description} Used: {change.users}."


def _row(change: Change) -> str:
    return f"| {_code(change.coordinate or '')} | {change.kind} | {_cell(_sentence(change))} |"


def _code(coordinate: str) -> str:
    return f"`{coordinate}`" if coordinate else ""


def _cell(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("&", "&amp;").replace("<", "&lt;")
    for character in "|*_`[]":
        escaped = escaped.replace(character, f"\\{character}")
    return " ".join(escaped.split())


def _annotation(level: str, line: int, message: str) -> str:
    escaped = message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return f"::{level} file={SNAPSHOT_PATH},line={line}::{escaped}"
