"""Whether what a query is charged is what it takes: charged cost beside server time, over HTTP."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import httpx2
import msgspec

from ops.bench.decades import Spread, decade
from ops.bench.demo_server import BenchFailed, answered, data, demo_server
from ops.bench.ranks import spearman

GOAL: Final = 0.9
"""Spearman's correlation that is asked of the weights."""

DEMANDED: Final = 200
"""Queries that a figure must rest on."""

_RUNS_SECONDS: Final = 60.0
_TRIES: Final = 20
"""Queries that may be drawn for each one wanted: some are refused, fail, or would cost too much."""

_RUNS: Final = "{ attributionRuns(filter: {statuses: [QUEUED, RUNNING]}) { totalCount } }"
"""Those that are not done; they would be calculated beside the queries."""

Ask = Callable[[str], Awaitable[Mapping[str, Any]]]
Queries = Callable[[Ask], Awaitable[Iterator[tuple[str, Mapping[str, Any]]]]]
"""Texts and variables without end, made for the server that can be asked."""


class Measured(msgspec.Struct, frozen=True):
    """One query: what it was charged, what had been requested, in points; and its shortest answer, in seconds."""

    text: str
    charged: float
    requested: float
    seconds: float


class Decade(msgspec.Struct, frozen=True):
    """The queries that cost from `least` to ten times as much."""

    least: int
    queries: int
    correlation: float


async def measured(
    program: Sequence[str],
    folder: Path,
    queries: Queries,
    *,
    wanted: int,
    repetitions: int,
    say: Callable[[str], None],
) -> list[Measured]:
    """So many queries against a server of its own, each asked again and again and timed by its shortest answer.

    The folder is empty, and every account of the machine may enter it: as root, PostgreSQL runs as another one.
    Repetitions go round all queries, so that what else the machine does falls on none of them alone. Queries that are
    refused or have errors are not taken: errors cost nothing. Raises BenchFailed.
    """
    say("Starting a server with a demo")
    async with demo_server(program, folder) as server:
        http = server.http
        await _runs_done(http)

        async def ask(text: str) -> Mapping[str, Any]:
            found: Mapping[str, Any] = await data(http, msgspec.json.encode({"query": text}))
            return found

        chosen = await _chosen(http, await queries(ask), wanted, say)
        best = [math.inf] * len(chosen)
        for round_ in range(1, repetitions + 1):
            say(f"Round {round_} of {repetitions}: {len(chosen)} queries")
            for place, (body, _) in enumerate(chosen):
                began = time.perf_counter()
                await answered(http, body)
                best[place] = min(best[place], time.perf_counter() - began)
    return [msgspec.structs.replace(first, seconds=seconds) for (_, first), seconds in zip(chosen, best, strict=True)]


def correlation(found: Sequence[Measured]) -> float:
    """Spearman's, between what was charged and how long it took."""
    return spearman([each.charged for each in found], [each.seconds for each in found])


def decades(found: Iterable[Measured]) -> list[Decade]:
    """The correlation among queries of about the same cost, the cheapest first."""
    by_size: dict[int, list[Measured]] = {}
    for each in found:
        by_size.setdefault(decade(each.charged), []).append(each)
    return [Decade(least, len(group), correlation(group)) for least, group in sorted(by_size.items())]


def outliers(found: Sequence[Measured], count: int) -> list[tuple[Measured, float]]:
    """The queries whose ranks differ most, and by how much: above 0 for those that took long for their charge."""
    by_cost = {id(each): place for place, each in enumerate(sorted(found, key=lambda each: each.charged))}
    by_time = {id(each): place for place, each in enumerate(sorted(found, key=lambda each: each.seconds))}
    apart = [(each, (by_time[id(each)] - by_cost[id(each)]) / len(found)) for each in found]
    return sorted(apart, key=lambda pair: -abs(pair[1]))[:count]


async def _chosen(
    http: httpx2.AsyncClient,
    queries: Iterator[tuple[str, Mapping[str, Any]]],
    wanted: int,
    say: Callable[[str], None],
) -> list[tuple[bytes, Measured]]:
    """Queries that have an answer without errors, about as many of each decade, with what they were charged."""
    chosen: list[tuple[bytes, Measured]] = []
    spread = Spread(wanted)
    for text, variables in (next(queries) for _ in range(wanted * _TRIES)):
        body = msgspec.json.encode({"query": text, "variables": variables})
        answer = msgspec.json.decode((await answered(http, body)).content)
        cost = answer.get("extensions", {}).get("cost")
        if "errors" in answer or cost is None or not spread.takes(cost["actualQueryCost"]):
            continue
        chosen.append((body, Measured(text, cost["actualQueryCost"], cost["requestedQueryCost"], math.inf)))
        say(f"Choosing queries: {len(chosen)} of {wanted}")
        if spread.full:
            return chosen
    raise BenchFailed(f"only {len(chosen)} of {wanted * _TRIES} queries have an answer")


async def _runs_done(http: httpx2.AsyncClient) -> None:
    deadline = time.monotonic() + _RUNS_SECONDS
    while (await data(http, msgspec.json.encode({"query": _RUNS})))["attributionRuns"]["totalCount"]:
        if time.monotonic() > deadline:
            raise BenchFailed("the demo's attribution runs are not done")
        await asyncio.sleep(0.2)
