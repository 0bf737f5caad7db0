"""`podgraph bench budgets`, on two gateways with one Redis that is killed in the middle."""

import asyncio
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import httpx2
import msgspec
import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import create_async_engine

from ops.bench.budgets import QUERY, SIZES, ClientMeasured, Measured, measured
from persistence.tables import api_keys
from tests.gateway.commands.terminal import KEYS, OwnDatabase, Terminal
from tests.services.gateway import Gateway
from tests.services.redis_server import RedisServer

SECONDS = 6.0
CLIENTS = 16


@pytest.fixture
def gateways(seeded: Terminal, redis_server: RedisServer) -> Iterator[Sequence[str]]:
    """Addresses of two gateways of the demo."""
    seeded.set(
        **KEYS,
        PODGRAPH_REDIS__URL=redis_server.url,
        PODGRAPH_HTTP__DRAIN_SECONDS="0",
        PODGRAPH_LOGS__LEVEL="WARNING",  # what is said goes to a pipe that nobody reads meanwhile
    )
    with ExitStack() as stack:
        urls = []
        for _ in range(2):
            with socket.create_server(("127.0.0.1", 0)) as probe:
                port = probe.getsockname()[1]
            server = stack.enter_context(seeded.start("serve", "--port", str(port)))
            stack.callback(server.terminate)
            urls.append(f"http://127.0.0.1:{port}")
        for url in urls:
            until_ready(url)
        yield urls


def until_ready(url: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if httpx2.get(f"{url}/readyz", timeout=5).status_code == 200:
                return
        except httpx2.HTTPError:
            pass
        time.sleep(0.05)
    raise AssertionError("the gateway did not start")


class Key(msgspec.Struct, frozen=True):
    text: str
    capacity: int
    restore_rate: int


@pytest.fixture
async def key(gateways: Sequence[str], seeded: Terminal, own_database: OwnDatabase) -> Key:
    """The demo's key, with a budget that is too low for all first requests together, and has enough soon."""
    text = str(msgspec.json.decode((seeded.data_dir / "demo.json").read_bytes())["api_key"])
    prices = [price(gateways[0], text, *size) for size in SIZES]
    together = sum(prices[number % len(prices)] for number in range(CLIENTS))
    key = Key(text, int(0.85 * together), int(together / 4))
    assert max(prices) < key.capacity / 2  # a gateway's share of it, without Redis
    engine = create_async_engine(own_database.superuser_url)
    async with engine.begin() as connection:
        await connection.execute(
            update(api_keys).values(budget_capacity=key.capacity, budget_restore_rate=key.restore_rate)
        )
    await engine.dispose()
    return key


def price(url: str, key: str, podcasts: int, episodes: int) -> float:
    body = {"query": QUERY, "variables": {"podcasts": podcasts, "episodes": episodes}}
    # Nothing is remembered of the key: its budget changes in a way of which no gateway hears.
    headers = {"authorization": f"Bearer {key}", "graphql-cost": "validate", "cache-control": "no-cache"}
    answer = httpx2.post(f"{url}/graphql", json=body, headers=headers).json()
    return float(answer["extensions"]["cost"]["requestedQueryCost"])


async def test_nobody_gets_more_than_the_budget_and_everybody_something_while_redis_is_killed_and_started(
    gateways: Sequence[str], key: Key, redis_server: RedisServer
) -> None:
    async def outage() -> None:
        await asyncio.sleep(0.5 * SECONDS)
        redis_server.kill()
        await asyncio.sleep(0.25 * SECONDS)
        await asyncio.to_thread(redis_server.start)

    done, _ = await asyncio.gather(measured(gateways, key.text, clients=CLIENTS, seconds=SECONDS), outage())
    assert done.problems == []
    assert (done.capacity, done.restore_rate) == (key.capacity, key.restore_rate)
    assert 0 < done.settled <= done.bound
    for url in gateways:
        assert "podgraph_budget_failovers_total 1.0" in httpx2.get(f"{url}/metrics").text
    assert len(done.clients) == CLIENTS


def test_command_prints_the_figures_and_fails_when_nobody_was_throttled(
    demo_server: Gateway, terminal: Terminal, tmp_path: Path
) -> None:
    file = tmp_path / "figures.json"
    options = ["--key", demo_server.api_key, "--clients", "2", "--seconds", "1", "--json", str(file)]
    said = terminal.run("bench", "budgets", demo_server.url, *options)
    figures = msgspec.json.decode(file.read_bytes(), type=Measured)
    assert said.status == 1
    assert said.err.strip() == "Nobody was throttled: the budget is too large for this bench, or the time too short."
    assert figures.settled == sum(client.settled for client in figures.clients) > 0
    for client in figures.clients:
        assert f"{client.settled:,.1f}" in said.out


def figures(*, settled: float = 100, admitted: int = 1, throttled: int = 1, failures: int = 0) -> Measured:
    clients = (
        ClientMeasured("one", True, 1, throttled, settled, 0.0),
        ClientMeasured("two", False, admitted, throttled, 0, 0.0),
    )
    failed = {"500 INTERNAL_SERVER_ERROR": failures} if failures else {}
    return Measured(10.0, 100, 5, settled, settled, clients, failed)


@pytest.mark.parametrize(
    ("done", "problems"),
    [
        (figures(settled=150), []),
        (figures(settled=150.001), ["150.001 points were spent of 150.000."]),
        (figures(admitted=0), ["Never admitted: two."]),
        (figures(failures=3), ["3 requests failed: 500 INTERNAL_SERVER_ERROR."]),
        (
            figures(throttled=0),
            ["Nobody was throttled: the budget is too large for this bench, or the time too short."],
        ),
    ],
)
def test_what_must_not_be_is_said(done: Measured, problems: list[str]) -> None:
    assert done.problems == problems
