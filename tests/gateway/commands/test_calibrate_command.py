"""`podgraph cost calibrate`: it measures, and proposes a file of weights that the graph can be built with."""

import re
from decimal import Decimal
from pathlib import Path
from random import Random

from gateway.commands.calibrate import calibration
from gateway.cost.calibration.weighing import Sample
from gateway.cost.calibration.weights_file import difference
from schema.graph import build_graph
from schema.sdl import WEIGHTS
from tests.gateway.commands.terminal import KEYS, Terminal


def test_calibration_proposes_weights_that_the_graph_takes(seeded: Terminal, tmp_path: Path) -> None:
    before = WEIGHTS.read_text()
    out = tmp_path / "weights.toml"
    options = ["--queries", "40", "--rounds", "1", "--most", "3000", "--seed", "3", "--out", str(out)]
    said = seeded.run("cost", "calibrate", *options)
    assert said.status == 0, said.err
    assert re.search(r"of those held out: -?[\d.]+ before, -?[\d.]+ after", said.err)
    assert said.out == difference(before, out.read_text(), "schema/weights.toml")
    build_graph(out.read_text())
    assert WEIGHTS.read_text() == before


def test_too_few_answers_propose_nothing(seeded: Terminal) -> None:
    sentence = seeded.sentence("cost", "calibrate", "--queries", "20", "--most", "1")
    assert re.fullmatch(
        r"Only \d queries had an answer: ask for more queries, or name a tenant with more data\.", sentence
    )


def test_production_is_not_calibrated(seeded: Terminal) -> None:
    seeded.set(PODGRAPH_ENVIRONMENT="production", **KEYS)
    assert seeded.sentence("cost", "calibrate").startswith("Calibrating takes all of a machine for minutes")


def test_correlation_is_of_queries_that_were_held_out() -> None:
    graph = build_graph("")
    source = Random(2)  # noqa: S311  # made-up figures

    def sample(dear: float) -> Sample:
        counts = {"Campaign": int(source.lognormvariate(3, 2)), "Campaign.metrics": int(source.lognormvariate(1, 1))}
        return Sample(counts, 1e-3 + 1e-4 * (counts["Campaign"] + dear * counts["Campaign.metrics"]))

    told = calibration(graph, [sample(100) for _ in range(200)])
    assert [(each.coordinate, each.before) for each in told.moved if each.coordinate == "Campaign.metrics"] == [
        ("Campaign.metrics", Decimal(1))
    ]
    assert told.before < 0.9 < told.after
    # Where the held-out ones take something else, the weights do not explain them.
    other = [sample(100) if place % 4 else sample(0) for place in range(200)]
    assert calibration(graph, other).after < told.after
