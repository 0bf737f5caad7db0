"""How many events a second come in, by the command and over HTTP, beside a bare COPY of the same rows."""

import asyncio
import random
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import asyncpg  # type: ignore[import-untyped]  # it has no types
import httpx2
import msgspec

from ops.bench.demo_server import demo_server
from ops.bench.processes import BenchFailed, data

BATCH: Final = 500
"""Events in one call of trackEvents."""
CONNECTIONS: Final = 4

_SPAN_SECONDS: Final = 7 * 86_400
_HOUSEHOLDS: Final = 1 << 20

_PLACEMENTS: Final = "{ campaigns(first: 5) { nodes { advertiser { id } placements(first: 20) { nodes { id } } } } }"
_TRACK: Final = """
mutation($events: [EventInput!]!) {
  trackEvents(events: $events) { ... on TrackEventsPayload { accepted results { status eventId problems { code } } } }
}
"""
_COLUMNS: Final = (
    *("tenant_id", "id", "occurred_at", "received_at", "type", "key", "household", "advertiser_id", "placement_id"),
    *("source", "order_id", "value_minor", "currency", "promo_code", "counted"),
)
_DIFFERENCES: Final = """
WITH counted AS (
  SELECT advertiser_id, coalesce(placement_id, 0), date_trunc('hour', occurred_at, 'UTC'), type, coalesce(currency, ''),
         count(*), coalesce(sum(value_minor), 0)
    FROM events WHERE tenant_id = $1 AND counted GROUP BY 1, 2, 3, 4, 5
), rolled_up AS (
  SELECT advertiser_id, placement_id, hour, type, currency, events, value_minor FROM event_hours WHERE tenant_id = $1
)
SELECT (SELECT count(*) FROM (TABLE counted EXCEPT TABLE rolled_up) AS missing)
     + (SELECT count(*) FROM (TABLE rolled_up EXCEPT TABLE counted) AS left_over)
"""


class Measured(msgspec.Struct, frozen=True):
    """One way in, over all rounds."""

    way: str
    events: int
    seconds: float
    """Wall time; of the command, from its start to its end."""

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds


class Place(msgspec.Struct, frozen=True):
    """A placement and whose it is, as typed ids."""

    placement: str
    advertiser: str


async def measured(
    program: Sequence[str],
    folder: Path,
    *,
    events: int,
    http_events: int,
    rounds: int,
    seed: int,
    say: Callable[[str], None],
) -> list[Measured]:
    """COPY, `podgraph ingest` and trackEvents in turns, over a server of its own; `events` are those of one round.

    The folder is empty, and every account of the machine may enter it: as root, PostgreSQL runs as another one. Raises
    BenchFailed, also when afterwards an event is missing, is there twice, or the hourly counts differ from the events.
    """
    seconds = dict.fromkeys(("COPY", "podgraph ingest", "trackEvents"), 0.0)
    sizes = {"COPY": events, "podgraph ingest": events, "trackEvents": http_events}
    say("Starting a server with a demo")
    async with _served(program, folder) as served:
        before = await served.stored()
        for number in range(1, rounds + 1):
            for way, size in sizes.items():
                say(f"Round {number} of {rounds}: {way}, {size:,} events")
                # The rows that are copied are those of the file that is ingested next.
                name = f"{'file' if way != 'trackEvents' else 'http'}-{seed}-{number}"
                made = _events(random.Random(f"{name}"), name, size, served.places)  # noqa: S311  # test data
                if way == "COPY":
                    seconds[way] += await served.copied(made)
                elif way == "podgraph ingest":
                    seconds[way] += await served.ingested(folder / f"{name}.ndjson", made)
                else:
                    seconds[way] += await served.tracked(made)
        say("Checking what is stored")
        await served.check(before + rounds * (sizes["podgraph ingest"] + sizes["trackEvents"]))
    return [Measured(way, rounds * size, seconds[way]) for way, size in sizes.items()]


def _events(source: random.Random, name: str, size: int, places: Sequence[Place]) -> Iterator[dict[str, Any]]:
    """Nine plays and then a visit or, every second time, a purchase; in no order of time, which is the harder case."""
    now = datetime.now(UTC).replace(microsecond=0)
    for number in range(size):
        place = source.choice(places)
        household = source.randrange(_HOUSEHOLDS)
        event: dict[str, Any] = {
            "key": f"{name}-{number:012d}",
            "type": "AD_DELIVERED",
            "occurredAt": (now - timedelta(seconds=source.randrange(_SPAN_SECONDS))).isoformat(),
            "ipAddress": f"93.{household >> 16}.{household >> 8 & 255}.{household & 255}",
            "placementId": place.placement,
        }
        if number % 10 == 9:  # noqa: PLR2004  # as the docstring says
            event["type"] = "VISIT"
        if number % 20 == 9:  # noqa: PLR2004
            del event["placementId"]
            purchase = {"orderId": f"{name}-{number}", "valueMinor": source.randrange(1, 50_000), "currency": "EUR"}
            event.update(type="PURCHASE", advertiserId=place.advertiser, **purchase)
        yield event


class _Served:
    """A running `podgraph up` and a connection to its database, by the role that owns the tables."""

    def __init__(
        self,
        program: Sequence[str],
        environment: Mapping[str, str],
        connection: "asyncpg.Connection[asyncpg.Record]",
        http: httpx2.AsyncClient,
        tenant_id: int,
        places: Sequence[Place],
    ) -> None:
        self._program = program
        self._environment = environment
        self._connection = connection
        self._http = http
        self._tenant_id = tenant_id
        self.places = places

    async def stored(self) -> int:
        return int(await self._connection.fetchval("SELECT count(*) FROM events WHERE tenant_id = $1", self._tenant_id))

    async def check(self, expected: int) -> None:
        """Raises BenchFailed."""
        if (found := await self.stored()) != expected:
            raise BenchFailed(f"{expected:,} events should be stored, and {found:,} are")
        if differences := await self._connection.fetchval(_DIFFERENCES, self._tenant_id):
            raise BenchFailed(f"{differences:,} hourly counts differ from the events")

    async def copied(self, events: Iterator[dict[str, Any]]) -> float:
        """Seconds; into a table of the same columns that has no index, no constraint and no partition."""
        rows = [_row(self._tenant_id, event) for event in events]
        await self._connection.execute("CREATE TABLE IF NOT EXISTS bench_copy (LIKE events)")
        began = time.perf_counter()
        await self._connection.copy_records_to_table("bench_copy", records=rows, columns=_COLUMNS)
        seconds = time.perf_counter() - began
        await self._connection.execute("DROP TABLE bench_copy")
        return seconds

    async def ingested(self, file: Path, events: Iterator[dict[str, Any]]) -> float:
        """Seconds, from the start of the command to its end."""
        with file.open("wb") as lines:
            lines.writelines(msgspec.json.encode(event) + b"\n" for event in events)
        began = time.perf_counter()
        command = await asyncio.create_subprocess_exec(
            *self._program,
            *("ingest", str(file)),
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        said, _ = await command.communicate()
        seconds = time.perf_counter() - began
        if command.returncode != 0:
            raise BenchFailed(f"podgraph ingest ended with {command.returncode}: {said.decode(errors='replace')}")
        await asyncio.to_thread(file.unlink)
        return seconds

    async def tracked(self, events: Iterator[dict[str, Any]]) -> float:
        """Seconds, by a few connections at once; the bodies are made before."""
        given = list(events)
        batches = [given[start : start + BATCH] for start in range(0, len(given), BATCH)]
        bodies = iter([msgspec.json.encode({"query": _TRACK, "variables": {"events": batch}}) for batch in batches])
        accepted = 0

        async def send() -> None:
            nonlocal accepted
            for body in bodies:
                answer = await data(self._http, body)
                accepted += answer["trackEvents"]["accepted"]

        began = time.perf_counter()
        await asyncio.gather(*(send() for _ in range(CONNECTIONS)))
        seconds = time.perf_counter() - began
        if accepted != len(given):
            raise BenchFailed(f"trackEvents accepted {accepted:,} of {len(given):,} events")
        return seconds


@asynccontextmanager
async def _served(program: Sequence[str], folder: Path) -> AsyncIterator[_Served]:
    async with demo_server(program, folder) as server:
        connection = await asyncpg.connect(server.owner_url)
        try:
            await connection.execute("SELECT set_config('podgraph.tenant_id', $1, false)", str(server.tenant_id))
            places = await _places(server.http)
            yield _Served(program, server.environment, connection, server.http, server.tenant_id, places)
        finally:
            await connection.close()


async def _places(http: httpx2.AsyncClient) -> list[Place]:
    answer = await data(http, msgspec.json.encode({"query": _PLACEMENTS}))
    return [
        Place(placement["id"], campaign["advertiser"]["id"])
        for campaign in answer["campaigns"]["nodes"]
        for placement in campaign["placements"]["nodes"]
    ]


def _row(tenant_id: int, event: Mapping[str, Any]) -> tuple[Any, ...]:
    """What is stored of an event, but for the values of its hashes."""
    occurred_at = datetime.fromisoformat(event["occurredAt"])
    row_id, household = (
        int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) >> 2
        for text in (event["key"], event["ipAddress"])
    )
    placement = event.get("placementId")
    return (
        *(tenant_id, row_id, occurred_at, datetime.now(UTC), event["type"], event["key"], household),
        int(event.get("advertiserId", "adv_1").removeprefix("adv_")),
        None if placement is None else int(placement.removeprefix("plc_")),
        "SERVER" if event["type"] == "PURCHASE" else None,
        *(event.get("orderId"), event.get("valueMinor"), event.get("currency"), None, True),
    )
