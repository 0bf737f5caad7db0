"""`podgraph bench attribution`: measures the command itself, on files that are what they say."""

import json
import sys
from pathlib import Path
from random import Random

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from ops.bench.attribution import BenchFailed, measurements, write_paths


def written(folder: Path, seed: int) -> list[str]:
    file = folder / "paths.csv"
    write_paths(file, 25_000, Random(seed))  # noqa: S311  # test data
    return file.read_text().splitlines()


def test_paths_are_distinct_seeded_and_over_twenty_channels(tmp_path: Path) -> None:
    header, *rows = written(tmp_path, 1)
    paths = [row.split(",")[0] for row in rows]
    assert header == "path,total_conversions,total_conversion_value,total_null"
    assert len(set(paths)) == 25_000
    assert len({channel for path in paths for channel in path.split(" > ")}) == 20
    assert sum(path.count(">") + 1 for path in paths) == 5.4 * 25_000
    assert written(tmp_path, 1) == [header, *rows]
    assert written(tmp_path, 2) != [header, *rows]


def test_figures_are_those_of_the_command(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    options = ["--paths", "100", "--paths", "2000", "--model", "LINEAR", "--model", "MARKOV", "--json", str(file)]
    done = CliRunner().invoke(app, ["bench", "attribution", *options])
    assert done.exit_code == 0, done.stderr
    figures = json.loads(file.read_text())
    assert [(figure["model"], figure["paths"]) for figure in figures] == [
        ("LINEAR", 100),
        ("MARKOV", 100),
        ("LINEAR", 2000),
        ("MARKOV", 2000),
    ]
    for figure in figures:
        assert 0.05 < figure["seconds"] < 60
        assert 20 << 20 < figure["peak_bytes"] < 1 << 30
        assert f"{figure['seconds']:.2f}" in done.stdout


def test_command_that_fails_is_no_figure() -> None:
    done = CliRunner().invoke(app, ["bench", "attribution", "--paths", "10", "--model", "NONE"])
    assert done.exit_code == 1
    assert done.stderr.startswith("podgraph attribute --model NONE ended with 1: --model NONE: There is no such model")
    assert done.stdout == ""


def test_command_that_forgets_a_conversion_is_no_figure(tmp_path: Path) -> None:
    cheat = tmp_path / "cheat.py"
    cheat.write_text("""print('{"paths": 10, "conversions": 5, "channels": [{"conversions": 4.0}]}')""")
    with pytest.raises(BenchFailed, match="did not credit every conversion"):
        list(measurements([sys.executable, str(cheat)], tmp_path, 1, [10], ["LINEAR"]))
