"""A repository of its own with a snapshot in it, and `podgraph schema` over it."""

import os
import subprocess
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import typer
from typer.testing import CliRunner, Result

from gateway.commands.schema import recorded_usage, schema_commands
from gateway.schema_changes.usage import Usage

BEFORE = '''type Query {
  """Shows."""
  podcasts: [String!]!
  old: Int
}
'''
ADDED = BEFORE.replace("  old: Int\n", "  old: Int\n  episodes: Int\n")
REMOVED = BEFORE.replace("  old: Int\n", "")
PRICED = BEFORE.replace("old: Int", "old(unit: Int): Int")
NO_GITHUB = {"GITHUB_ACTIONS": None, "GITHUB_STEP_SUMMARY": None}


class Checkout:
    """A repository with `schema/schema.graphql`, and the commands over it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.snapshot = root / "schema" / "schema.graphql"

    def git(self, *arguments: str) -> str:
        identity = ("-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        done = subprocess.run(
            ["git", *identity, *arguments],
            cwd=self.root,
            env={**environment, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull},
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        return done.stdout.strip()

    def init(self) -> None:
        self.git("init", "--quiet", "--initial-branch=main")

    def commit(self, sdl: str) -> None:
        """Commit this SDL as the snapshot."""
        self.snapshot.write_text(sdl, encoding="utf-8")
        self.git("add", ".")
        self.git("commit", "--quiet", "--allow-empty", "--message=Snapshot")

    def run(
        self,
        arguments: Sequence[str],
        printed: str,
        environment: dict[str, str | None] | None = None,
        recorded: Callable[[int, date], Usage | None] = recorded_usage,
    ) -> Result:
        """`podgraph schema ARGUMENTS` while the code's graph prints as `printed`, on 1 June 2026."""
        app = typer.Typer()
        commands = schema_commands(
            printed=lambda: printed,
            snapshot=lambda: self.snapshot,
            today=lambda: date(2026, 6, 1),
            recorded=recorded,
        )
        app.add_typer(commands, name="schema")
        # A second command, as podgraph has: typer would else take the only one for the whole program.
        app.command()(_nothing)
        return CliRunner().invoke(app, ["schema", *arguments], env={**NO_GITHUB, **(environment or {})})


def _nothing() -> None:
    """Do nothing."""
