"""How the server's time and memory grow with what a query returns, up to 100,000 values.

Time is the processor's, that the operating system gives the server; sizes take turns in rounds. Memory is the largest
resident set seen during one answer, above that of a server of its own which has answered small ones of the same query.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Final

import httpx2
import msgspec
import psutil  # type: ignore[import-untyped]  # it has no types

from ops.bench.processes import BenchFailed, answered, cpu_seconds, data, free_port, serving, without_podgraph
from ops.bench.queries import Place
from ops.bench.query_data import seeded
from ops.bench.query_shapes import Size, values

SIZE: Final = Size(
    advertisers=1, campaigns=1, placements=1, podcasts=1, episodes=1, archives=10, archive_episodes=1_000, conversions=0
)
"""What there has to be: ten podcasts of a thousand episodes."""

_QUERY: Final = """query($podcasts: [ID!]!, $first: Int!) { nodes(ids: $podcasts) { ... on Podcast {
  episodes(first: $first) { nodes {
    id title guid publishedAt durationSeconds enclosureUrl enclosureBytes season number type
  } } } } }"""
_ASKED: Final = ((1, 100, 60), (1, 1_000, 10), (10, 1_000, 2))
"""Podcasts, episodes of each, and how often in a round: a round of each size takes about as long."""
_SMALL: Final = (1, 1, 5)
_LOOK_EVERY: Final = 0.001
"""Seconds between two looks at the memory."""


class Grown(msgspec.Struct, frozen=True):
    """One size: medians of the rounds. Bytes are those of the response's body."""

    values: int
    bytes: int
    cpu_ms: float
    times: float
    """The time of the size before it, in the same rounds; nan for the first."""
    memory_bytes: int
    """At the peak, above the idle server."""

    @property
    def memory_times(self) -> float:
        """Of the response."""
        return self.memory_bytes / self.bytes


async def measured(
    program: Sequence[str], folder: Path, place: Place, *, today: datetime, rounds: int, say: Callable[[str], None]
) -> list[Grown]:
    """Every size, the smallest first. `today` is a midnight before which the data lies. Raises BenchFailed."""
    say("Starting Podgraph")
    async with _podgraph(program, folder, place) as (http, process_id):
        say("Filling the database")
        owner_url = place.owner_url.replace("+asyncpg", "")
        known = await seeded(owner_url, place.tenant_id, http, SIZE, today)
        counts = [values(await data(http, _body(known.archives, *one))) for one in _ASKED]
        expected = [10 * podcasts * first for podcasts, first, _ in _ASKED]
        if counts != expected:
            raise BenchFailed(f"the answers have {counts} values, and {expected} are expected")
        times = []
        for number in range(1, rounds + 1):
            say(f"Round {number} of {rounds}")
            times.append([await _cpu(http, process_id, known.archives, *one) for one in _ASKED])
    found = []
    for place_of, one in enumerate(_ASKED):
        say(f"Memory of {counts[place_of]:,} values")
        async with _podgraph(program, folder, place) as (http, process_id):
            size, memory = await _memory(http, process_id, known.archives, one)
        own = [each[place_of] for each in times]
        before = [each[place_of - 1] for each in times] if place_of else [float("nan")] * len(own)
        ratios = [cost / earlier for cost, earlier in zip(own, before, strict=True)]
        found.append(Grown(counts[place_of], size, 1_000 * median(own), median(ratios), memory))
    return found


def steepest(grown: Sequence[Grown]) -> float:
    """The greatest growth of time for ten times the values."""
    return max(one.times * 10 * before.values / one.values for before, one in pairwise(grown))


def _body(podcasts: Sequence[str], count: int, first: int, _times: int) -> bytes:
    return msgspec.json.encode({"query": _QUERY, "variables": {"podcasts": podcasts[:count], "first": first}})


async def _cpu(
    http: httpx2.AsyncClient, process_id: int, podcasts: Sequence[str], count: int, first: int, times: int
) -> float:
    """Seconds of the server's processor for each query."""
    body = _body(podcasts, count, first, times)
    before = cpu_seconds(process_id)
    for _ in range(times):
        await _checked(http, body)
    return (cpu_seconds(process_id) - before) / times


async def _memory(
    http: httpx2.AsyncClient, process_id: int, podcasts: Sequence[str], asked: tuple[int, int, int]
) -> tuple[int, int]:
    """The bytes of the response, and those of memory that it took."""
    process = psutil.Process(process_id)
    for _ in range(_SMALL[2]):
        await _checked(http, _body(podcasts, *_SMALL))
    idle = process.memory_info().rss
    asking = asyncio.create_task(_checked(http, _body(podcasts, *asked)))
    most = idle
    while not asking.done():
        most = max(most, process.memory_info().rss)
        await asyncio.sleep(_LOOK_EVERY)
    return await asking, most - idle


async def _checked(http: httpx2.AsyncClient, body: bytes) -> int:
    """How many bytes were answered. Raises BenchFailed."""
    response = await answered(http, body)
    if response.status_code != httpx2.codes.OK or b'"errors":' in response.content[:100]:
        raise BenchFailed(f"the server answers {response.status_code}: {response.text[:2000]}")
    return len(response.content)


@asynccontextmanager
async def _podgraph(
    program: Sequence[str], folder: Path, place: Place
) -> AsyncIterator[tuple[httpx2.AsyncClient, int]]:
    port = free_port()
    own = {
        "PODGRAPH_DATABASE__URL": place.url,
        "PODGRAPH_HTTP__DRAIN_SECONDS": "0",
        # A page that is kept takes memory of its own, which is not the answer's.
        "PODGRAPH_CACHE__ENABLED": "false",
    }
    environment = without_podgraph(os.environ) | {**place.environment, **own}
    headers = {"authorization": f"Bearer {place.api_key}", "content-type": "application/json"}
    command = (*program, "serve", "--port", str(port))
    async with (
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as http,
        serving(command, environment, folder / "podgraph.log", http) as process_id,
    ):
        yield http, process_id
