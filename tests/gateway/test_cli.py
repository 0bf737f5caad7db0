"""`podgraph` imports the command that is run, and no other."""

import subprocess
import sys

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from gateway.cli import app

COMMANDS = list(get_command(app).commands)  # type: ignore[attr-defined]  # a group, which get_command does not promise


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_listed_and_tells_its_own_options(command: str) -> None:
    listed = CliRunner().invoke(app, ["--help"])
    told = CliRunner().invoke(app, [command, "--help"], prog_name="podgraph")
    assert (listed.exit_code, told.exit_code) == (0, 0)
    assert f"│ {command} " in listed.stdout
    assert f"Usage: podgraph {command} " in told.stdout


def test_wrong_command_is_told_the_right_one() -> None:
    done = CliRunner().invoke(app, ["atribute"])
    assert done.exit_code == 2
    assert "No such command 'atribute'. Did you mean 'attribute'?" in done.stderr


def test_attribution_starts_without_the_graph_the_server_and_the_feed_parser() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from gateway.cli import app;"
        "assert CliRunner().invoke(app, ['attribute', '--help']).exit_code == 0;"
        "print({'strawberry', 'starlette', 'uvicorn', 'alembic', 'feedparser', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
