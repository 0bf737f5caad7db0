"""Whether what a query is charged is what it takes: charged cost beside server time, over HTTP."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from statistics import median
from typing import Any, Final

import httpx2
import msgspec

from ops.bench.decades import Spread, decade
from ops.bench.demo_server import DemoServer
from ops.bench.processes import BenchFailed, answered, data
from ops.bench.ranks import spearman

GOAL: Final = 0.9
"""Spearman's correlation that is asked of the weights."""

_RUNS_SECONDS: Final = 60.0
_TRIES: Final = 8
"""Queries that may be drawn for each one wanted: some are refused or fail, and few are large."""

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
    seconds: float
    """The median."""
    correlation: float


async def measured(
    server: DemoServer, queries: Queries, *, wanted: int, repetitions: int, say: Callable[[str], None]
) -> list[Measured]:
    """So many queries, each asked again and again and timed by its shortest answer.

    Repetitions go round all queries, so that what else the machine does falls on none of them alone. Queries that are
    refused or have errors are not taken: errors cost nothing. Raises BenchFailed.
    """
    await _runs_done(server.http)

    async def ask(text: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = await data(server.http, msgspec.json.encode({"query": text}))
        return found

    chosen = await _chosen(server.http, await queries(ask), wanted, say)
    best = [math.inf] * len(chosen)
    for round_ in range(1, repetitions + 1):
        say(f"Round {round_} of {repetitions}: {len(chosen)} queries")
        for place, (body, _) in enumerate(chosen):
            seconds, _ = await _timed(server.http, body)
            best[place] = min(best[place], seconds)
    return [msgspec.structs.replace(first, seconds=least) for (_, first), least in zip(chosen, best, strict=True)]


def correlation(found: Sequence[Measured]) -> float:
    """Spearman's, between what was charged and how long it took."""
    return spearman([each.charged for each in found], [each.seconds for each in found])


def decades(found: Iterable[Measured]) -> list[Decade]:
    """The correlation among queries of about the same cost, the cheapest first."""
    by_size: dict[int, list[Measured]] = {}
    for each in found:
        by_size.setdefault(decade(each.charged), []).append(each)
    return [
        Decade(least, len(group), median(each.seconds for each in group), correlation(group))
        for least, group in sorted(by_size.items())
    ]


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
    for text, variables in islice(queries, wanted * _TRIES):
        body = msgspec.json.encode({"query": text, "variables": variables})
        _, answer = await _timed(http, body)
        cost = answer.get("extensions", {}).get("cost")
        if "errors" in answer or cost is None or not spread.takes(cost["actualQueryCost"]):
            continue
        chosen.append((body, Measured(text, cost["actualQueryCost"], cost["requestedQueryCost"], math.inf)))
        say(f"Choosing queries: {len(chosen)} of {wanted}")
        if spread.full:
            return chosen
    if len(chosen) < wanted // 2:
        raise BenchFailed(f"only {len(chosen)} of {wanted * _TRIES:,} queries have an answer")
    return chosen


async def _timed(http: httpx2.AsyncClient, body: bytes) -> tuple[float, dict[str, Any]]:
    """Seconds and answer; where the budget is empty it is waited for. Raises BenchFailed."""
    while True:
        began = time.perf_counter()
        response = await answered(http, body)
        seconds = time.perf_counter() - began
        if response.status_code != httpx2.codes.TOO_MANY_REQUESTS:
            return seconds, msgspec.json.decode(response.content)
        await asyncio.sleep(float(response.headers.get("retry-after", "1")))


async def _runs_done(http: httpx2.AsyncClient) -> None:
    deadline = time.monotonic() + _RUNS_SECONDS
    while (await data(http, msgspec.json.encode({"query": _RUNS})))["attributionRuns"]["totalCount"]:
        if time.monotonic() > deadline:
            raise BenchFailed("the demo's attribution runs are not done")
        await asyncio.sleep(0.2)
