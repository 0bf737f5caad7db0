"""`podgraph schema print`, and the committed snapshot."""

import os
import subprocess
import sys

import pytest

from gateway.commands.schema import committed_snapshot, printed_schema
from gateway.schema_changes.elements import schema_from
from gateway.schema_changes.report import OUTDATED
from tests.gateway.schema_changes.checkout import BEFORE, Checkout


def test_print_shows_the_schema_as_it_is(bare: Checkout) -> None:
    result = bare.run(["print"], BEFORE)
    assert (result.exit_code, result.stdout) == (0, BEFORE)


def test_print_writes_the_file_it_is_told(bare: Checkout) -> None:
    result = bare.run(["print", "--out", str(bare.snapshot)], BEFORE)
    assert (result.exit_code, result.stdout) == (0, "")
    assert bare.snapshot.read_bytes() == BEFORE.encode()


def test_print_into_a_missing_folder_is_one_sentence(bare: Checkout) -> None:
    missing = bare.root / "missing" / "schema.graphql"
    result = bare.run(["print", "--out", str(missing)], BEFORE)
    assert (result.exit_code, result.stderr) == (3, f"{missing} cannot be written: No such file or directory.\n")


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_graph_prints_the_same_in_every_process(seed: str) -> None:
    code = "from gateway.commands.schema import printed_schema; print(printed_schema(), end='')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=committed_snapshot().parents[1],
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        encoding="utf-8",
        check=True,
        timeout=60,
    )
    assert done.stdout == printed_schema()


def test_the_committed_snapshot_is_the_graph_of_the_code() -> None:
    assert committed_snapshot().read_text(encoding="utf-8") == printed_schema(), OUTDATED


def test_the_printed_graph_is_a_valid_schema() -> None:
    printed = printed_schema()
    assert printed.endswith("\n")
    assert not printed.endswith("\n\n")
    schema_from(printed, "The graph")
