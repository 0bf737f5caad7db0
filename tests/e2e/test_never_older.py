"""Two servers, two replicas, one Redis: nobody is ever shown less than was acknowledged before they asked."""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import pytest

from tests.e2e.histories import History, new_account
from tests.gateway.commands.terminal import KEYS
from tests.services.directories import open_directory
from tests.services.gateway import Gateway
from tests.services.redis_server import RedisServer
from tests.services.replicas import Cluster

OPERATIONS = int(os.environ.get("PODGRAPH_HISTORY_OPERATIONS", "3000"))
SESSIONS = 16


@pytest.fixture
def servers(own_cluster: Cluster, redis_server: RedisServer) -> Iterator[Sequence[str]]:
    """Addresses of two servers."""
    with open_directory() as root, ExitStack() as stack:
        environment = {
            **KEYS,
            "PODGRAPH_DATABASE__URL": own_cluster.primary_url,
            "PODGRAPH_DATABASE__REPLICA_URLS": ",".join(own_cluster.replica_urls),
            # A replica that stands still is to be asked on, as long as it can be.
            "PODGRAPH_DATABASE__LAG_SECONDS": "3600",
            "PODGRAPH_REDIS__URL": redis_server.url,
            "PODGRAPH_COST__DEFAULT_PLAN": "ENTERPRISE",
            "PODGRAPH_HTTP__DRAIN_SECONDS": "0",
            "PODGRAPH_LOGS__LEVEL": "WARNING",
        }
        yield [stack.enter_context(_served(root / name, environment)).url for name in ("one", "two")]


def _served(root: Path, environment: dict[str, str]) -> Gateway:
    (root / "data").mkdir(parents=True)
    return Gateway(root / "data", command=("serve",), environment=environment)


@asynccontextmanager
async def standing_still_now_and_then(cluster: Cluster, seed: int) -> AsyncIterator[None]:
    """Within the block, one replica or the other shows nothing new for a while."""
    chosen = random.Random(seed)  # noqa: S311  # what comes next is no secret

    async def pauses() -> None:
        while True:
            number = chosen.choice((1, 2))
            await cluster.pause_replay(number)
            await asyncio.sleep(chosen.uniform(0.05, 1.0))
            await cluster.resume_replay(number)
            await asyncio.sleep(chosen.uniform(0.0, 0.3))

    pausing = asyncio.create_task(pauses())
    try:
        yield
    finally:
        pausing.cancel()
        await asyncio.gather(pausing, return_exceptions=True)
        for number in (1, 2):
            await cluster.resume_replay(number)


async def test_nobody_goes_back_in_time_while_replicas_stand_still(
    servers: Sequence[str], own_cluster: Cluster
) -> None:
    history = History(servers, await new_account(servers[0], podcasts=20), seed=6)
    async with standing_still_now_and_then(own_cluster, seed=7):
        await history.run(sessions=SESSIONS, operations=OPERATIONS)
    assert history.failures == []
    assert history.total >= OPERATIONS
    assert history.throttled == 0
    assert history.tokens > OPERATIONS / 5
    assert history.operations["write"] > OPERATIONS / 5
    await own_cluster.caught_up()
    await history.everything_current()
    assert history.failures == []


async def test_losing_redis_in_any_way_fails_no_request_and_shows_nothing_old(
    servers: Sequence[str], redis_server: RedisServer
) -> None:
    history = History(servers, await new_account(servers[0], podcasts=5), seed=8)

    async def within_normal(seconds: float = 5.0) -> None:
        """Returns when reads and writes are as quick as ever; fails when they are not by then."""
        await asyncio.sleep(seconds)
        history.watch_latency()
        await asyncio.sleep(1.0)
        assert history.slowest < 0.5

    async with history.going_on(sessions=4):
        await asyncio.sleep(1.0)
        redis_server.kill()
        await asyncio.sleep(2.0)
        await asyncio.to_thread(redis_server.start)
        await within_normal()
        redis_server.flush()
        await within_normal(1.0)
        redis_server.pause()
        await asyncio.sleep(10.0)
        redis_server.resume()
        await within_normal()
        await asyncio.to_thread(redis_server.restart)
        await within_normal()
    assert history.failures == []
    assert history.total > 500
    assert history.throttled < 10
    await history.everything_current()
    assert history.failures == []
