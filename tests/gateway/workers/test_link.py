"""A worker whose supervisor is gone, or silent."""

import asyncio
import socket

import pytest
from prometheus_client import CollectorRegistry, Gauge

from gateway.workers import link as module
from gateway.workers.link import Link

ALONE = [
    "# HELP podgraph_numbers Some number.",
    "# TYPE podgraph_numbers gauge",
    'podgraph_numbers{worker="2"} 7.0',
    "# HELP podgraph_worker_up 1 if the worker said what it counts.",
    "# TYPE podgraph_worker_up gauge",
    'podgraph_worker_up{worker="2"} 1.0',
]


@pytest.fixture
def registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    Gauge("podgraph_numbers", "Some number.", registry=registry).set(7)
    return registry


def of_workers(exposition: bytes) -> list[str]:
    return [line for line in exposition.decode().splitlines() if "restarts" not in line]


async def test_worker_is_told_to_leave_when_its_supervisor_is_gone(registry: CollectorRegistry) -> None:
    theirs, ours = socket.socketpair()
    left = asyncio.Event()
    link = Link(2, ours, registry)
    async with link.open(retire=lambda: None, leave=left.set):
        theirs.close()
        async with asyncio.timeout(5):
            await left.wait()
        assert of_workers(await link.exposition()) == ALONE


async def test_scrape_under_way_when_the_supervisor_dies_is_answered(registry: CollectorRegistry) -> None:
    theirs, ours = socket.socketpair()
    link = Link(2, ours, registry)
    async with link.open(retire=lambda: None, leave=lambda: None):
        asked = asyncio.create_task(link.exposition())
        await asyncio.sleep(0)
        theirs.close()
        async with asyncio.timeout(module.ANSWER_SECONDS / 2):
            assert of_workers(await asked) == ALONE


async def test_silent_supervisor_is_waited_for_a_while(
    registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.05)
    theirs, ours = socket.socketpair()
    link = Link(2, ours, registry)
    with theirs:
        async with link.open(retire=lambda: None, leave=lambda: None):
            assert of_workers(await link.exposition()) == ALONE
