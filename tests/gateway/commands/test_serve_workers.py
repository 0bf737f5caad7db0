"""`podgraph serve --workers`: several processes behind one port, with a real database and a real Redis."""

import asyncio
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx2
import msgspec
import psutil  # type: ignore[import-untyped]  # it has no types
import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.embedded import EmbeddedPostgres
from tests.gateway.commands.terminal import KEYS, OwnDatabase, Terminal
from tests.services.directories import open_directory
from tests.services.gateway import Gateway
from tests.services.redis_server import RedisServer

QUERY = {"query": "{ __typename }"}


@pytest.fixture(scope="module")
def environment(postgres: EmbeddedPostgres, migrated_to_copy: str) -> Iterator[dict[str, str]]:
    """Names a migrated database and a Redis."""
    database = OwnDatabase(postgres)
    database.become(migrated_to_copy)
    with RedisServer() as redis:
        yield {
            **KEYS,
            "PODGRAPH_DATABASE__URL": database.app_url,
            "PODGRAPH_REDIS__URL": redis.url,
            "PODGRAPH_HTTP__DRAIN_SECONDS": "0.2",
        }


@contextmanager
def served(environment: dict[str, str], workers: int) -> Iterator[Gateway]:
    with (
        open_directory() as root,
        Gateway(root / "data", command=("serve", "--workers", str(workers)), environment=environment) as gateway,
    ):
        yield gateway


@pytest.fixture(scope="module")
def gateway(environment: dict[str, str]) -> Iterator[Gateway]:
    """Three workers, which tests share and leave three."""
    with served(environment, 3) as running:
        yield running
        assert running.stop() == 0
        assert "Traceback" not in running.log


@pytest.fixture
def own(environment: dict[str, str]) -> Iterator[Gateway]:
    """Two workers of this test's own, to be ended."""
    with served(environment, 2) as running:
        yield running


async def all_there(gateway: Gateway) -> float:
    """The seconds until every worker answers."""

    def there() -> bool:
        return 0 not in series(gateway, "podgraph_worker_up").values()

    return await until(there)


def workers(gateway: Gateway) -> list[psutil.Process]:
    """Those that run, or are about to."""
    return [
        process
        for process in psutil.Process(gateway.pid).children()
        if runs(process) and "gateway.workers.worker" in process.cmdline()
    ]


async def until(condition: Callable[[], bool], seconds: float = 30) -> float:
    """The seconds that it took."""
    began = time.monotonic()
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)
    return time.monotonic() - began


def runs(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def connections(gateway: Gateway, worker: psutil.Process) -> list[Any]:
    """Those of clients."""
    return [
        connection
        for connection in worker.net_connections("tcp")
        if connection.status == psutil.CONN_ESTABLISHED and connection.laddr.port == gateway.port
    ]


def series(gateway: Gateway, name: str, **labels: str) -> dict[str, float]:
    """The sums of a metric's series with these labels, by worker."""
    found: dict[str, float] = {}
    text = httpx2.get(f"{gateway.url}/metrics", timeout=10).text
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                worker = sample.labels["worker"]
                found[worker] = found.get(worker, 0) + sample.value
    return found


class Load:
    """Clients that ask one request after the other, each over a connection of its own."""

    def __init__(self, url: str, clients: int) -> None:
        self._url = url
        self._stop = asyncio.Event()
        self._clients = clients
        self.answers = 0
        self.failures: list[str] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        clients = [asyncio.create_task(self._client()) for _ in range(self._clients)]
        yield
        self.stop()
        await asyncio.gather(*clients)

    def stop(self) -> None:
        self._stop.set()

    async def _client(self) -> None:
        async with httpx2.AsyncClient(base_url=self._url, timeout=20) as client:
            while not self._stop.is_set():
                try:
                    response = await client.post("/graphql", json=QUERY)
                    assert response.status_code == 200, response.text
                    assert response.json()["data"] == {"__typename": "Query"}
                    self.answers += 1
                except httpx2.TransportError as error:
                    self.failures.append(repr(error))


async def test_killed_worker_is_replaced_and_only_its_own_requests_are_lost(gateway: Gateway) -> None:
    await all_there(gateway)
    restarts = sum(series(gateway, "podgraph_worker_restarts_total").values())
    load = Load(gateway.url, 12)
    async with load.running():
        await until(lambda: load.answers > 50)
        victim = max(workers(gateway), key=lambda worker: len(connections(gateway, worker)))
        in_flight = len(connections(gateway, victim))
        victim.kill()
        await until(lambda: len(load.failures) > 0)
        answers = load.answers
        await until(lambda: load.answers > answers + 100)
        took = await all_there(gateway)
    assert 0 < len(load.failures) <= in_flight < 12
    assert took < 20
    assert len(workers(gateway)) == 3
    assert victim not in workers(gateway)
    assert sum(series(gateway, "podgraph_worker_restarts_total").values()) == restarts + 1


async def test_connections_are_spread_over_the_workers(gateway: Gateway) -> None:
    await all_there(gateway)
    load = Load(gateway.url, 12)
    async with load.running():
        await until(lambda: load.answers > 50)
        assert min(len(connections(gateway, worker)) for worker in workers(gateway)) >= 1


async def test_metrics_are_those_of_all_workers(gateway: Gateway) -> None:
    await all_there(gateway)

    def requests() -> float:
        return sum(series(gateway, "podgraph_http_requests_total", route="/graphql", status="200").values())

    def timed() -> float:
        return sum(series(gateway, "podgraph_http_request_seconds_count", route="/graphql").values())

    before = requests(), timed()
    load = Load(gateway.url, 6)
    async with load.running():
        await until(lambda: load.answers > 50)
    assert (requests() - before[0], timed() - before[1]) == (load.answers, load.answers)


async def test_reload_is_noticed_by_nobody(gateway: Gateway) -> None:
    await all_there(gateway)
    before, restarts = workers(gateway), series(gateway, "podgraph_worker_restarts_total")
    load = Load(gateway.url, 6)
    async with load.running():
        gateway.signal(signal.SIGHUP)
        while set(workers(gateway)) & set(before):
            assert await asyncio.to_thread(gateway.ready)
    assert load.failures == []
    assert len(workers(gateway)) == 3
    assert series(gateway, "podgraph_worker_restarts_total") == restarts


async def test_log_lines_name_their_worker(gateway: Gateway) -> None:
    await all_there(gateway)
    lines = [msgspec.json.decode(line) for line in gateway.log.splitlines()]
    assert {line.get("worker") for line in lines if line.get("logger") == "uvicorn.error"} == {1, 2, 3}


async def test_sigterm_under_load_loses_no_request(own: Gateway) -> None:
    load = Load(own.url, 6)
    async with load.running():
        await until(lambda: load.answers > 50)
        own.signal(signal.SIGTERM)
        load.stop()
    assert load.failures == []
    assert await asyncio.to_thread(own.wait) == 0
    assert "Traceback" not in own.log
    with socket.create_server(("127.0.0.1", own.port)):
        pass


async def test_workers_leave_when_their_supervisor_is_killed(own: Gateway) -> None:
    await all_there(own)
    orphans = workers(own)
    assert len(orphans) == 2
    own.kill()
    await until(lambda: not any(map(runs, orphans)))
    with socket.create_server(("127.0.0.1", own.port)):
        pass


def test_several_workers_without_a_redis(migrated: Terminal) -> None:
    assert migrated.sentence("serve", "--workers", "2") == (
        "Several workers need a Redis that all of them see, for budgets, caches and persisted queries: set"
        " PODGRAPH_REDIS__URL, or serve with one."
    )
