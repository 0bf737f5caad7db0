"""`podgraph bench queries`: what it computes, what it refuses to measure, and one run of all of it."""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from typer.testing import CliRunner

from gateway.cli import app
from gateway.cost.quotes.price_list import graph_prices
from gateway.settings import Settings
from ops.bench import handwritten, query_shapes
from ops.bench.processes import BenchFailed, cpu_seconds
from ops.bench.queries import SERVERS, Budget, Cell, Figure, Server, cell, figures, first_answers
from ops.bench.query_shapes import Known, Question, Shape, Size, needed, shapes, values
from resolvers.billing.plans import PLANS, PlanName
from schema.graph import build_graph

KNOWN = Known(("adv_1", "adv_2"), ("cmp_1", "cmp_2"), ("run_1", "run_2"), ("pod_1", "pod_2"))
SHAPE = Shape("Q9", "two of anything", (Question(b"{}", "/one"), Question(b"{}", "/two")), 2)


def made(server: str, round_: int, queries: int, cpu_seconds: float) -> Cell:
    return Cell(server, "Q1", round_, queries, cpu_seconds, 1.0)


def test_figures_are_medians_and_ratios_of_the_same_round() -> None:
    cells = [
        *(made("hand-written", 1, 100, 0.2), made("podgraph", 1, 50, 0.2)),
        *(made("hand-written", 2, 100, 0.8), made("podgraph", 2, 50, 0.6)),
        *(made("hand-written", 3, 200, 0.6), made("podgraph", 3, 10, 0.1)),
    ]
    assert [msgspec.structs.astuple(figure) for figure in figures(cells)] == [
        ("hand-written", "Q1", 400, 3.0, 2.0, 8.0, 1.0),
        # 4, 12 and 10 ms beside 2, 8 and 3: the median of 2, 1.5 and 10 ÷ 3
        ("podgraph", "Q1", 110, 10.0, 4.0, 12.0, 2.0),
    ]


def test_round_in_which_the_base_took_no_time_has_no_ratio() -> None:
    [_, podgraph] = figures([made("hand-written", 1, 1, 0.0), made("podgraph", 1, 1, 0.01)])
    assert podgraph.ratio != podgraph.ratio  # NaN
    assert isinstance(podgraph, Figure)


def test_every_question_of_a_shape_asks_both_servers_for_the_same() -> None:
    found = shapes(Size(), KNOWN)
    assert [shape.name for shape in found] == ["Q1", "Q2", "Q3", "Q4"]
    assert [shape.values for shape in found] == [7_150, 1_602, 3, 4_000]
    for shape in found:
        first, second = shape.questions
        assert first.body != second.body
        for question in shape.questions:
            variables = json.loads(question.body)["variables"]
            assert dict(httpx2.URL(question.path).params) == {name: str(value) for name, value in variables.items()}


def test_every_question_fits_the_largest_plan() -> None:
    prices, largest = graph_prices(build_graph()), PLANS[PlanName.ENTERPRISE]
    for shape in shapes(Size(), KNOWN):
        body = json.loads(shape.questions[0].body)
        quote = prices.quote(body["query"], None, body["variables"])
        assert quote.refusal(largest) is None, (shape.name, quote.cost)


def test_only_what_is_asked_for_has_to_be_there() -> None:
    assert needed(["Q1", "Q2", "Q3", "Q4"]) == Size()
    assert (needed(["Q1", "Q3"]).archives, needed(["Q1", "Q3"]).conversions) == (0, 0)
    assert (needed(["Q2"]).conversions, needed(["Q4"]).archives) == (Size().conversions, Size().archives)


@pytest.mark.parametrize("name", SERVERS)
def test_other_ways_of_serving_are_settings_that_there_are(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = Settings()
    for variable, value in SERVERS[name].items():
        monkeypatch.setenv(variable, value)
    assert (Settings() == usual) == (not SERVERS[name])


def test_values_are_scalars_and_nulls() -> None:
    assert values({"a": [{"b": 1, "c": None}, {"b": 2, "c": "x"}], "d": {}}) == 4


class Stub:
    """Answers of a server of the test's own, the same for each path until they are changed."""

    def __init__(self, **answers: bytes) -> None:
        self.answers = answers
        self.asked = 0

    @asynccontextmanager
    async def server(self, budget: Budget | None = None) -> AsyncIterator[Server]:
        routes = [Route("/graphql", self._answer, methods=["POST"]), Route("/{name}", self._answer)]
        transport = httpx2.ASGITransport(app=Starlette(routes=routes))
        async with httpx2.AsyncClient(base_url="http://bench", transport=transport) as http:
            yield Server("a stub", http, os.getpid(), budget)

    async def _answer(self, request: Request) -> Response:
        self.asked += 1
        return Response(self.answers[request.path_params.get("name", "graphql")])


async def test_cell_asks_every_question_as_often_and_counts_the_processor() -> None:
    stub = Stub(one=b"[1,1]", two=b"[2,2]")
    async with stub.server() as server:
        begin = cpu_seconds(os.getpid())
        found = await cell(server, SHAPE, [b"[1,1]", b"[2,2]"], 3, 0.1, 2)
        most = cpu_seconds(os.getpid()) - begin
    assert (found.server, found.shape, found.round) == ("a stub", "Q9", 3)
    assert found.queries == stub.asked
    assert found.queries % 4 == 0
    assert found.seconds >= 0.1
    assert 0 < found.cpu_seconds <= most


async def test_answer_that_differs_is_no_sample() -> None:
    async with Stub(one=b"[1,1]", two=b"[2,3]").server() as server:
        with pytest.raises(BenchFailed, match=r"Q9: to /two a stub answers …\[2,3\]… where the .* …\[2,2\]…"):
            await cell(server, SHAPE, [b"[1,1]", b"[2,2]"], 1, 0.1, 1)


async def test_answer_that_stops_short_is_no_sample() -> None:
    async with Stub(one=b"[1,1]", two=b"[2").server() as server:
        with pytest.raises(BenchFailed, match="Q9: to /two"):
            await cell(server, SHAPE, [b"[1,1]", b"[2,2]"], 1, 0.1, 1)


@pytest.mark.parametrize(
    ("second", "why"),
    [(b"[2]", "/two has 1 values, and 2 are expected"), (b"[1,1]", "different questions have the same answer")],
)
async def test_answers_that_say_nothing_are_not_measured(second: bytes, why: str) -> None:
    async with Stub(one=b"[1,1]", two=second).server() as server:
        with pytest.raises(BenchFailed, match=why):
            await first_answers(SHAPE, [server], lambda _: None)


def priced(data: bytes, *, requested: float, available: float) -> bytes:
    status = {"maximumAvailable": 1_000, "currentlyAvailable": available, "restoreRate": 50}
    cost = {"requestedQueryCost": requested, "actualQueryCost": 1, "throttleStatus": status}
    return b'{"data":%b,"extensions":%b}' % (data, msgspec.json.encode({"cost": cost}))


async def test_data_of_a_priced_answer_is_compared_as_it_is() -> None:
    stub = Stub(graphql=priced(b'{"a" : 1}', requested=5, available=9))
    async with stub.server(Budget()) as server:
        assert await server.answer(SHAPE.questions[0]) == b'{"a" : 1}'


@pytest.mark.parametrize(
    "answer",
    [
        b'{"data":{"a":1}}',
        b'{"data":null,"errors":[{"message":"no"}]}',
        priced(b"null", requested=1, available=1)[:-1] + b',"errors":[]}',
        b"<html>",
    ],
)
async def test_answer_without_a_price_or_with_errors_is_no_sample(answer: bytes) -> None:
    async with Stub(graphql=answer).server(Budget()) as server:
        with pytest.raises(BenchFailed, match="a stub answers"):
            await server.answer(SHAPE.questions[0])


@pytest.mark.parametrize(
    ("questions", "later", "seconds"),
    [(1, 0.0, 0.0), (2, 0.0, 2.0), (2, 1.5, 0.5), (2, 9.0, 0.0), (100, 0.0, 14.0)],
)
def test_question_waits_for_the_budget(questions: int, later: float, seconds: float) -> None:
    budget = Budget()
    assert budget.seconds_until(100, 0.0) == 0.0  # nothing is known yet
    budget.paid(priced(b"1", requested=200, available=300), 10.0)
    assert budget.seconds_until(questions, 10.0 + later) == seconds


def test_hand_written_shares_have_twelve_decimals_and_sum_to_one() -> None:
    moment = datetime(2026, 11, 1, tzinfo=UTC)
    conversion = (1, moment, 700, "EUR", 3)
    touch = ("CODE", 7, "An episode")
    [node] = handwritten.conversions(
        [(*conversion, 1, 5, *touch), (*conversion, 2, 6, *touch), (*conversion, 3, 5, *touch)]
    )
    placement = {"promoCode": "CODE", "episode": {"id": "epi_7", "title": "An episode"}}
    assert node == {
        "occurredAt": moment,
        "value": {"amountMinor": 700, "currency": "EUR"},
        "credits": [
            {"share": "0.666666666667", "placement": {"id": "plc_5", **placement}},
            {"share": "0.333333333333", "placement": {"id": "plc_6", **placement}},
        ],
    }


def test_hand_written_lists_are_empty_where_nothing_is() -> None:
    nothing = (None,) * 5
    assert handwritten.conversions([(1, None, None, None, 0, None, None, None, None, None)]) == [
        {"occurredAt": None, "value": None, "credits": []}
    ]
    assert handwritten.campaigns(
        [(1, "A", "DRAFT", None, None, *nothing), (2, "B", "ACTIVE", None, None, *nothing)]
    ) == [
        {"id": "cmp_1", "name": "A", "status": "DRAFT", "placements": {"nodes": []}},
        {"id": "cmp_2", "name": "B", "status": "ACTIVE", "placements": {"nodes": []}},
    ]


def bench(*options: str) -> Any:
    return CliRunner().invoke(app, ["bench", "queries", *options], prog_name="podgraph")


def test_all_shapes_are_measured_with_answers_equal_byte_for_byte(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    done = bench("--rounds", "1", "--seconds", "0.05", "--server", "podgraph", "--json", str(file))
    assert done.exit_code == 0, done.output
    measured = json.loads(file.read_bytes())["measured"]
    assert [(shape["name"], shape["values"]) for shape in measured["shapes"]][2:] == [("Q3", 3), ("Q4", 4_000)]
    assert measured["shapes"][0]["values"] == 50 * 3 + 1_000 * 7
    assert {(figure["shape"], figure["server"]) for figure in measured["figures"]} == {
        (shape, server) for shape in ("Q1", "Q2", "Q3", "Q4") for server in ("podgraph", "hand-written")
    }
    assert all(figure["queries"] > 0 and figure["queries"] % 4 == 0 for figure in measured["figures"])
    assert {shape["name"] in done.stdout for shape in measured["shapes"]} == {True}


def test_command_fails_when_answers_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_shapes, "Q3", query_shapes.Q3.replace("status", "status: currency"))
    done = bench("--rounds", "1", "--seconds", "0.05", "--server", "podgraph", "--shape", "Q3")
    assert done.exit_code == 1
    assert done.stdout == ""
    assert done.stderr.startswith("Q3: to /q3?campaign=cmp_")
    assert '"status":"EUR"' in done.stderr


@pytest.mark.parametrize(
    ("option", "all_"), [("--shape", "Q1, Q2, Q3, Q4"), ("--server", "podgraph, warm, graphql-core")]
)
def test_what_there_is_not_is_refused(option: str, all_: str) -> None:
    done = bench(option, "Q7")
    assert (done.exit_code, done.stderr) == (1, f"{option} Q7: there are {all_}.\n")
