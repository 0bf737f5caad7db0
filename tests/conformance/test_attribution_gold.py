"""The reference credits of a real set of paths, to 1e-6."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli import app

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "attribution"

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="the reference credits (../shared/data/attribution) are not on this machine"
)


def gold(model: str) -> Iterator[tuple[str, float, float]]:
    with (DATA / "gold.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["model"] == model:
                yield row["channel"], float(row["conversions"]), float(row["value"])


@pytest.mark.parametrize("model", ["FIRST_TOUCH", "LAST_TOUCH", "LINEAR", "MARKOV"])
def test_credits_are_those_of_the_reference(model: str) -> None:
    done = CliRunner().invoke(app, ["attribute", str(DATA / "paths.csv.gz"), "--model", model, "--format", "json"])
    assert done.exit_code == 0
    credits = {row["channel"]: row for row in json.loads(done.stdout)["channels"]}
    expected = list(gold(model))
    assert len(expected) == len(credits) == 12
    for channel, conversions, value in expected:
        assert credits[channel]["conversions"] == pytest.approx(conversions, abs=1e-6, rel=0)
        assert credits[channel]["value"] == pytest.approx(value, abs=1e-6, rel=0)
