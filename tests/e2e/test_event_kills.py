"""Kill -9 of the command, of the server and of PostgreSQL while events come in: what was acknowledged is there, once.

PostgreSQL runs as in production, with fsync on, and not under the server: each is killed alone.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gateway.embedded.postgres import APP, OWNER, EmbeddedPostgres
from tests.services.directories import copied, open_directory
from tests.services.gateway import Gateway
from tests.services.sql import rows

EVENTS = 3_000
SECONDS = 60.0
"""How long a test may take; it needs a tenth of it."""
TRACK = """
mutation($events: [EventInput!]!) { trackEvents(events: $events) { ... on TrackEventsPayload { results { status } } } }
"""
HOURS = """
WITH counted AS (
  SELECT tenant_id, advertiser_id, coalesce(placement_id, 0), date_trunc('hour', occurred_at, 'UTC'), type,
         coalesce(currency, ''), count(*), coalesce(sum(value_minor), 0)
    FROM events WHERE counted GROUP BY 1, 2, 3, 4, 5, 6
), rolled_up AS (
  SELECT tenant_id, advertiser_id, placement_id, hour, type, currency, events, value_minor FROM event_hours
)
SELECT (SELECT count(*) FROM (TABLE counted EXCEPT TABLE rolled_up) AS missing),
       (SELECT count(*) FROM (TABLE rolled_up EXCEPT TABLE counted) AS left_over)
"""


class Deployment:
    """A PostgreSQL with the demo in it and a gateway over it, each of which can be killed."""

    def __init__(self, root: Path, home: Path) -> None:
        self.root = root
        copied(home, root / "data")
        (root / "data" / "postgres").rename(root / "pg")
        self._postgres = self._opened()
        self.superuser_url = self._postgres.url("postgres", "podgraph")
        self.environment = {
            "PODGRAPH_DATA_DIR": str(root / "data"),
            "PODGRAPH_DATABASE__URL": self._postgres.url(APP, "podgraph"),
            "PODGRAPH_DATABASE__OWNER_URL": self._postgres.url(OWNER, "podgraph"),
        }
        self.gateway = Gateway(root / "data", environment=self.environment)

    def _opened(self) -> EmbeddedPostgres:
        return EmbeddedPostgres(self.root / "pg", shared_root=self.root / "shared").__enter__()

    def close(self) -> None:
        self._postgres.__exit__(None, None, None)

    def kill_postgres(self) -> None:
        """The postmaster, and then every process that it had started."""
        postmaster = int((self.root / "pg/primary/postmaster.pid").read_text().split()[0])
        listed = subprocess.run(
            ["ps", "-A", "-o", "pid=,ppid="], check=True, capture_output=True, text=True, timeout=10
        )
        family = [int(pid) for pid, parent in map(str.split, listed.stdout.splitlines()) if int(parent) == postmaster]
        for pid in (postmaster, *family):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:  # it went with the postmaster
                continue

    def restart_postgres(self) -> None:
        self.close()
        self._postgres = self._opened()

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        return asyncio.run(rows(self.superuser_url, statement))

    @contextmanager
    def ingesting(self, file: Path) -> Iterator["subprocess.Popen[str]"]:
        """Slowly: a transaction for every ten events."""
        process = subprocess.Popen(
            [str(Path(sys.executable).parent / "podgraph"), "ingest", str(file), "--batch", "10"],
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        with process:
            try:
                yield process
            finally:
                process.kill()


class Events:
    """Events with keys `<name>-<number>`: plays, and every tenth a purchase."""

    def __init__(self, deployment: Deployment, name: str) -> None:
        self.deployment = deployment
        self.name = name
        [(placement, advertiser)] = deployment.ask(
            "SELECT p.id, c.advertiser_id FROM placements p JOIN campaigns c ON c.id = p.campaign_id ORDER BY 1 LIMIT 1"
        )
        self._of_play = {"type": "AD_DELIVERED", "placementId": f"plc_{placement}"}
        self._of_purchase = {"type": "PURCHASE", "advertiserId": f"adv_{advertiser}", "currency": "EUR"}
        self._now = datetime.now(UTC)

    def event(self, number: int) -> dict[str, Any]:
        of_type = self._of_play if number % 10 else {**self._of_purchase, "valueMinor": number, "orderId": f"{number}"}
        return {
            "key": f"{self.name}-{number}",
            "occurredAt": (self._now - timedelta(minutes=number % 5_000)).isoformat(),
            "ipAddress": f"203.0.113.{number % 256}",
            **of_type,
        }

    def file(self) -> Path:
        file = self.deployment.root / f"{self.name}.ndjson"
        file.write_text("".join(json.dumps(self.event(number)) + "\n" for number in range(EVENTS)))
        return file

    def numbers(self) -> set[int]:
        """Which are stored; each is there once, and the hourly counts are exactly those of the events."""
        found = self.deployment.ask(f"SELECT key FROM events WHERE key LIKE '{self.name}-%'")  # noqa: S608  # a name of ours
        numbers = [int(key.rpartition("-")[2]) for (key,) in found]
        assert len(set(numbers)) == len(numbers)
        assert self.deployment.ask(HOURS) == [(0, 0)]
        return set(numbers)

    def stored(self) -> int:
        """How many, in the middle of it."""
        found = self.deployment.ask(f"SELECT count(*) FROM events WHERE key LIKE '{self.name}-%'")  # noqa: S608  # a name of ours
        return int(found[0][0])


class Client:
    """Sends batches over HTTP, and remembers which numbers were acknowledged."""

    def __init__(self, deployment: Deployment, events: Events) -> None:
        self._events = events
        self._http = httpx2.AsyncClient(
            base_url=deployment.gateway.url,
            headers={"authorization": f"Bearer {deployment.gateway.api_key}"},
            timeout=30,
        )
        self.acknowledged: set[int] = set()
        self.statuses: set[str] = set()

    async def close(self) -> None:
        await self._http.aclose()

    async def send(self, numbers: Sequence[int]) -> bool:
        """Whether the answer says what became of each; there may be none at all."""
        variables = {"events": [self._events.event(number) for number in numbers]}
        try:
            response = await self._http.post("/graphql", json={"query": TRACK, "variables": variables})
        except httpx2.HTTPError:
            return False
        if response.status_code != 200 or "errors" in (answer := response.json()):
            return False
        results = answer["data"]["trackEvents"]["results"]
        assert len(results) == len(numbers)
        self.statuses |= {result["status"] for result in results}
        self.acknowledged |= set(numbers)
        return True


@pytest.fixture(scope="module")
def deployment(stopped_home: Path) -> Iterator[Deployment]:
    with open_directory() as root:
        deployment = Deployment(root, stopped_home)
        try:
            with deployment.gateway:
                yield deployment
        finally:
            deployment.close()


@asynccontextmanager
async def client(deployment: Deployment, events: Events) -> AsyncIterator[Client]:
    opened = Client(deployment, events)
    async with asyncio.timeout(SECONDS):
        yield opened
    await opened.close()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def batches(size: int = 25) -> list[range]:
    return [range(start, start + size) for start in range(0, EVENTS, size)]


def acknowledged(file: Path) -> int:
    """How many lines the checkpoint calls taken."""
    return int(json.loads(file.with_name(f"{file.name}.ingest-state").read_bytes())["position"]["line"])


def test_command_killed_again_and_again_ends_with_every_event_once(deployment: Deployment) -> None:
    events = Events(deployment, "command")
    file = events.file()
    for enough in (1, EVENTS // 8, EVENTS // 4):
        with deployment.ingesting(file) as process:
            wait_until(lambda enough=enough: events.stored() >= enough)  # type: ignore[misc]  # mypy sees no type in the default
            process.kill()
        taken = events.numbers()
        assert enough <= len(taken) < EVENTS
        assert set(range(acknowledged(file))) <= taken
    with deployment.ingesting(file) as process:
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert said.startswith("Going on after line ")
    assert events.numbers() == set(range(EVENTS))


async def test_server_killed_keeps_what_it_acknowledged_and_the_rest_can_be_sent_again(deployment: Deployment) -> None:
    events = await asyncio.to_thread(Events, deployment, "server")
    async with client(deployment, events) as sender:
        waiting = iter(batches())

        async def send_until_it_fails() -> None:
            for numbers in waiting:
                if not await sender.send(numbers):
                    return
                if len(sender.acknowledged) > EVENTS // 4:
                    deployment.gateway.signal(signal.SIGKILL)

        await asyncio.gather(*(send_until_it_fails() for _ in range(4)))
        await asyncio.to_thread(deployment.gateway.wait)
        assert EVENTS // 4 < len(sender.acknowledged) < EVENTS
        assert sender.acknowledged <= await asyncio.to_thread(events.numbers)
        await asyncio.to_thread(deployment.gateway.start)
        assert sender.statuses == {"ACCEPTED"}
        for numbers in batches(500):
            assert await sender.send(numbers)
    assert sender.statuses == {"ACCEPTED", "DUPLICATE"}
    assert await asyncio.to_thread(events.numbers) == set(range(EVENTS))


async def test_postgres_killed_keeps_what_was_acknowledged_and_both_ways_in_go_on(deployment: Deployment) -> None:
    ingested = await asyncio.to_thread(Events, deployment, "ingested")
    tracked = await asyncio.to_thread(Events, deployment, "tracked")
    file = await asyncio.to_thread(ingested.file)
    async with client(deployment, tracked) as sender:
        waiting = iter(batches())

        async def send_until_acknowledged(numbers: Sequence[int]) -> None:
            while not await sender.send(numbers):
                await asyncio.sleep(0.05)

        async def send_until_all_are_acknowledged() -> None:
            for numbers in waiting:
                await send_until_acknowledged(numbers)

        with deployment.ingesting(file) as process:
            await asyncio.to_thread(wait_until, lambda: ingested.stored() > EVENTS // 16)
            clients = [asyncio.create_task(send_until_all_are_acknowledged()) for _ in range(3)]
            while len(sender.acknowledged) < EVENTS // 16:
                await asyncio.sleep(0.005)
            deployment.kill_postgres()
            lines, over_http = acknowledged(file), set(sender.acknowledged)
            refused = next(waiting)
            assert not await sender.send(refused)
            clients.append(asyncio.create_task(send_until_acknowledged(refused)))
            deployment.restart_postgres()
            assert 0 < lines < EVENTS
            assert len(over_http) < EVENTS
            # Both go on meanwhile: what is there now is there for good.
            found = await asyncio.to_thread(
                deployment.ask, "SELECT key FROM events WHERE key LIKE 'ingested-%' OR key LIKE 'tracked-%'"
            )
            keys = {key for (key,) in found}
            assert {f"ingested-{number}" for number in range(lines)} <= keys
            assert {f"tracked-{number}" for number in over_http} <= keys
            await asyncio.gather(*clients)
            said, _ = await asyncio.to_thread(process.communicate, timeout=60)
    assert process.returncode == 0, said
    assert await asyncio.to_thread(ingested.numbers) == set(range(EVENTS))
    assert await asyncio.to_thread(tracked.numbers) == set(range(EVENTS))
