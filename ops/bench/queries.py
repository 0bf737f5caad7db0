"""What Podgraph's server takes to answer queries, beside a hand-written endpoint over the same database.

Servers take turns in rounds, so that what else the machine does falls on none of them alone. What counts is the time of
the processor that the operating system gives the server's processes; the load and PostgreSQL are other processes.
Every answer is compared, byte for byte, with the hand-written endpoint's for the same variables.
"""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import Final

import httpx2
import msgspec

from ops.bench.processes import BenchFailed, cpu_seconds, free_port, serving, without_podgraph
from ops.bench.query_data import seeded
from ops.bench.query_shapes import Question, Shape, needed, shapes, values

HAND_WRITTEN: Final = "hand-written"
WARM: Final = "warm"
_UNCACHED: Final = {"PODGRAPH_CACHE__ENABLED": "false"}
SERVERS: Final[Mapping[str, Mapping[str, str]]] = {
    "podgraph": _UNCACHED,
    WARM: {},
    "graphql-core": {**_UNCACHED, "PODGRAPH_EXECUTION__COMPILED": "false"},
}
"""Podgraph without caches, with them (every answer that is measured has been given before), and on graphql-core."""

_WARMING: Final = 3
"""Times that every question is asked before it is measured: connections, plans and caches of statements are then
there, and the executor's too."""


class Place(msgspec.Struct, frozen=True):
    """A database of the bench's own, and a tenant in it that has nothing yet but a plan without narrow limits."""

    url: str
    """Of the application's role, as a setting of Podgraph."""
    owner_url: str
    tenant_id: int
    api_key: str
    environment: Mapping[str, str]
    """Settings for the servers, without the database."""


class Cell(msgspec.Struct, frozen=True):
    """One server's answers to one shape in one round."""

    server: str
    shape: str
    round: int
    queries: int
    cpu_seconds: float
    """Of the server."""
    seconds: float

    @property
    def cpu_ms(self) -> float:
        """For each query."""
        return 1_000 * self.cpu_seconds / self.queries


class Figure(msgspec.Struct, frozen=True):
    """A server's cells of a shape, in milliseconds of processor time for each query; `least` and `most` of a round."""

    server: str
    shape: str
    queries: int
    median_ms: float
    least_ms: float
    most_ms: float
    ratio: float
    """To the hand-written endpoint in the same round: the median of the rounds."""


class ShapeMeasured(msgspec.Struct, frozen=True):
    """What was asked, and how large an answer to the first question is."""

    name: str
    title: str
    values: int
    """Scalars, nulls included."""
    bytes: int
    """Of `data`."""


class Measured(msgspec.Struct, frozen=True):
    """All of it; `load` is how many processes wanted one of `processors` when it began, over a minute."""

    shapes: list[ShapeMeasured]
    figures: list[Figure]
    cells: list[Cell]
    processors: int
    load: float


async def measured(
    program: Sequence[str],
    folder: Path,
    place: Place,
    *,
    today: datetime,
    servers: Sequence[str],
    names: Sequence[str],
    rounds: int,
    seconds: float,
    connections: int,
    say: Callable[[str], None],
) -> Measured:
    """The named shapes on the named servers and the hand-written endpoint; `seconds` is a cell's least time.

    `today` is a midnight before which the data lies. Raises BenchFailed, also when any answer is not the right one.
    """
    load, size = os.getloadavg()[0], needed(names)
    chosen: list[Shape] = []
    answers: list[list[bytes]] = []
    cells: list[Cell] = []
    # A server without Redis caches only while it has the database for itself: it takes its turns with the hand-written
    # endpoint alone, in rounds of their own.
    for together in filter(
        None, ([name for name in servers if name != WARM], [name for name in servers if name == WARM])
    ):
        async with AsyncExitStack() as stack:
            running: list[Server] = []
            for name in together:
                say(f"Starting {name}")
                running.append(await stack.enter_async_context(_podgraph(name, program, folder, place)))
            if not chosen:
                say("Filling the database")
                owner_url = place.owner_url.replace("+asyncpg", "")
                known = await seeded(owner_url, place.tenant_id, running[0].http, size, today)
                chosen = [shape for shape in shapes(size, known) if shape.name in names]
            running.insert(0, await stack.enter_async_context(_hand_written(folder, place)))
            answers = [await first_answers(shape, running, say) for shape in chosen]
            begun = max((cell.round for cell in cells), default=0)
            for number in range(begun + 1, begun + rounds + 1):
                for shape, right in zip(chosen, answers, strict=True):
                    for server in _turned(running, number):
                        say(f"Round {number - begun} of {rounds}: {shape.name} on {server.name}")
                        cells.append(await cell(server, shape, right, number, seconds, connections))
    return Measured(
        [
            ShapeMeasured(shape.name, shape.title, values(msgspec.json.decode(right[0])), len(right[0]))
            for shape, right in zip(chosen, answers, strict=True)
        ],
        figures(cells),
        cells,
        os.cpu_count() or 1,
        load,
    )


def figures(cells: Iterable[Cell]) -> list[Figure]:
    """One for each shape and server, in the order of their first cells."""
    by_shape: dict[tuple[str, str], list[Cell]] = {}
    for each in cells:
        by_shape.setdefault((each.shape, each.server), []).append(each)
    found = []
    for (shape, server), own in by_shape.items():
        base = {each.round: each.cpu_ms for each in by_shape[shape, HAND_WRITTEN]}
        costs = [each.cpu_ms for each in own]
        ratios = [each.cpu_ms / base[each.round] if base[each.round] else float("nan") for each in own]
        asked = sum(each.queries for each in own)
        found.append(Figure(server, shape, asked, median(costs), min(costs), max(costs), median(ratios)))
    return found


class Server(msgspec.Struct, frozen=True):
    """One that runs. With a budget it is a Podgraph, without one the hand-written endpoint."""

    name: str
    http: httpx2.AsyncClient
    process_id: int
    budget: "Budget | None" = None

    async def answer(self, question: Question) -> bytes:
        """The bytes of the answer's data. Raises BenchFailed."""
        try:
            if self.budget is None:
                response = await self.http.get(question.path)
            else:
                response = await self.http.post("/graphql", content=question.body)
        except httpx2.HTTPError as error:
            raise BenchFailed(f"{self.name} does not answer: {error!r}") from error
        if response.status_code != httpx2.codes.OK:
            raise BenchFailed(f"{self.name} answers {response.status_code}: {response.text[:2000]}")
        if self.budget is None:
            return response.content
        try:
            return self.budget.paid(response.content, time.monotonic())
        except (msgspec.MsgspecError, ValueError) as error:
            raise BenchFailed(f"{self.name} answers {response.text[:2000]}") from error

    async def affordable(self, questions: int) -> None:
        """Waits until its budget has so many more of the last question."""
        if self.budget is not None:
            await asyncio.sleep(self.budget.seconds_until(questions, time.monotonic()))


class _Throttle(msgspec.Struct, frozen=True, rename="camel"):
    maximum_available: float
    currently_available: float
    restore_rate: float


class _Cost(msgspec.Struct, frozen=True, rename="camel"):
    requested_query_cost: float
    throttle_status: _Throttle


class _Extensions(msgspec.Struct, frozen=True):
    cost: _Cost


class _Answer(msgspec.Struct, frozen=True):
    extensions: _Extensions
    data: msgspec.Raw
    errors: msgspec.Raw | None = None


class Budget:
    """What a server says is left of the tenant's, so that a question is not asked before it can be paid for."""

    def __init__(self) -> None:
        self._last: _Cost | None = None
        self._at = 0.0

    def paid(self, content: bytes, now: float) -> bytes:
        """The data of an answer, in its own bytes. Raises MsgspecError or ValueError for any but a priced result."""
        answer = msgspec.json.decode(content, type=_Answer)
        if answer.errors is not None:
            raise ValueError("the answer has errors")
        self._last, self._at = answer.extensions.cost, now
        return bytes(answer.data)

    def seconds_until(self, questions: int, now: float) -> float:
        """How long until there is enough for so many more of the last question, or as much as there ever is."""
        if self._last is None:
            return 0.0
        status = self._last.throttle_status
        wanted = min(questions * self._last.requested_query_cost, status.maximum_available)
        return max(0.0, (wanted - status.currently_available) / status.restore_rate - (now - self._at))


async def first_answers(shape: Shape, servers: Sequence[Server], say: Callable[[str], None]) -> list[bytes]:
    """What the first server answers to each question, which is what all of them answer. Raises BenchFailed."""
    first, *others = servers
    say(f"Checking {shape.name}")
    right = [await first.answer(question) for question in shape.questions]
    for question, answer in zip(shape.questions, right, strict=True):
        if (found := values(msgspec.json.decode(answer))) < shape.values:
            raise BenchFailed(f"{shape.name}: {question.path} has {found:,} values, and {shape.values:,} are expected")
    if len(set(right)) < len(right):
        raise BenchFailed(f"{shape.name}: different questions have the same answer")
    for server in (first, *others):
        for question, answer in islice(cycle(zip(shape.questions, right, strict=True)), _WARMING * len(right)):
            await server.affordable(1)
            _compare(server.name, shape, question, await server.answer(question), answer)
    return right


async def cell(
    server: Server, shape: Shape, right: Sequence[bytes], number: int, seconds: float, connections: int
) -> Cell:
    """Asks all questions in turns until the time is over, every one of them as often. Raises BenchFailed."""
    turn = [*zip(shape.questions, right, strict=True)] * connections
    asked, cpu, elapsed = 0, 0.0, 0.0
    while elapsed < seconds:
        await server.affordable(len(turn))
        left = iter(turn)
        before, began = cpu_seconds(server.process_id), time.perf_counter()
        await asyncio.gather(*(_ask(server, shape, left) for _ in range(connections)))
        elapsed += time.perf_counter() - began
        cpu += cpu_seconds(server.process_id) - before
        asked += len(turn)
    return Cell(server.name, shape.name, number, asked, cpu, elapsed)


async def _ask(server: Server, shape: Shape, left: Iterator[tuple[Question, bytes]]) -> None:
    for question, right in left:
        _compare(server.name, shape, question, await server.answer(question), right)


def _compare(server: str, shape: Shape, question: Question, answer: bytes, right: bytes) -> None:
    if answer != right:
        place = next((at for at, (one, other) in enumerate(zip(answer, right, strict=False)) if one != other), -1)
        here = slice(max(0, place - 40), place + 40)
        raise BenchFailed(
            f"{shape.name}: to {question.path} {server} answers …{answer[here].decode(errors='replace')}…"
            f" where the hand-written endpoint answers …{right[here].decode(errors='replace')}…"
        )


def _turned(servers: Sequence[Server], number: int) -> list[Server]:
    """In another order each round: whoever comes after the heaviest of them is another one."""
    start = number % len(servers)
    return [*servers[start:], *servers[:start]]


@asynccontextmanager
async def _podgraph(name: str, program: Sequence[str], folder: Path, place: Place) -> AsyncIterator[Server]:
    port = free_port()
    environment = without_podgraph(os.environ) | {
        **place.environment,
        "PODGRAPH_DATABASE__URL": place.url,
        "PODGRAPH_HTTP__DRAIN_SECONDS": "0",
        **SERVERS[name],
    }
    headers = {"authorization": f"Bearer {place.api_key}", "content-type": "application/json"}
    async with (
        _client(port, headers) as http,
        serving((*program, "serve", "--port", str(port)), environment, folder / f"{name}.log", http) as process_id,
    ):
        yield Server(name, http, process_id, Budget())


@asynccontextmanager
async def _hand_written(folder: Path, place: Place) -> AsyncIterator[Server]:
    port = free_port()
    arguments = (place.url.replace("+asyncpg", ""), str(place.tenant_id), str(port))
    command = (sys.executable, "-m", "ops.bench.handwritten", *arguments)
    async with (
        _client(port, {"x-tenant": str(place.tenant_id)}) as http,
        serving(command, os.environ, folder / "hand-written.log", http) as process_id,
    ):
        yield Server(HAND_WRITTEN, http, process_id)


def _client(port: int, headers: Mapping[str, str]) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60)
