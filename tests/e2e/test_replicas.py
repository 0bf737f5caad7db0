"""Replicas come and go under load: no read fails, none shows what is older, and each is used again when it is well."""

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx2
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.histories import new_account
from tests.e2e.outages import Outage
from tests.gateway.commands.terminal import KEYS
from tests.services.directories import open_directory
from tests.services.gateway import Gateway
from tests.services.replicas import Cluster

LAG_SECONDS = 0.5


@contextmanager
def served(cluster: Cluster) -> Iterator[Gateway]:
    """Without caches: every read is a replica's or the primary's."""
    environment = {
        **KEYS,
        "PODGRAPH_DATABASE__URL": cluster.primary_url,
        "PODGRAPH_DATABASE__REPLICA_URLS": ",".join(cluster.replica_urls),
        "PODGRAPH_DATABASE__LAG_SECONDS": str(LAG_SECONDS),
        "PODGRAPH_CACHE__ENABLED": "false",
        "PODGRAPH_COST__DEFAULT_PLAN": "ENTERPRISE",
        "PODGRAPH_HTTP__DRAIN_SECONDS": "0",
        "PODGRAPH_LOGS__LEVEL": "WARNING",
    }
    with open_directory() as root, Gateway(root / "data", command=("serve",), environment=environment) as gateway:
        yield gateway


class Metrics:
    """What the gateway says of the database's servers, by their numbers in the cluster."""

    def __init__(self, gateway: Gateway, cluster: Cluster) -> None:
        self._url = f"{gateway.url}/metrics"
        ports = [re.search(r"port=(\d+)", url) for url in cluster.urls]
        self._numbers = {port[1]: number for number, port in enumerate(ports) if port}

    def healthy(self) -> list[int]:
        return sorted(
            self._numbers[labels["server"].rpartition("/")[0].rpartition(":")[2]]
            for labels, value in self._samples("podgraph_database_server_healthy")
            if value == 1
        )

    def reads(self, where: str) -> float:
        return sum(v for labels, v in self._samples("podgraph_database_reads_total") if labels["where"] == where)

    def _samples(self, name: str) -> list[tuple[dict[str, str], float]]:
        text = httpx2.get(self._url, timeout=10).text
        return [
            (sample.labels, sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name
        ]

    async def until(self, condition: Callable[[], bool]) -> float:
        """The seconds that it took."""
        began = time.monotonic()
        async with asyncio.timeout(20):
            while not await asyncio.to_thread(condition):
                await asyncio.sleep(0.01)
        return time.monotonic() - began


async def test_killed_replicas_fail_no_read_and_are_used_again_when_they_are_back(own_cluster: Cluster) -> None:
    with served(own_cluster) as gateway:
        metrics = Metrics(gateway, own_cluster)
        outage = Outage(gateway.url, await new_account(gateway.url, podcasts=3))
        async with outage.going_on():
            await outage.more(reads=100, writes=10)
            assert metrics.reads("replica") > 0

            own_cluster.kill(1)
            await outage.more(reads=100, writes=10)
            assert metrics.healthy() == [0, 2]
            own_cluster.kill(2)
            await outage.more(reads=100, writes=10)
            assert metrics.healthy() == [0]

            for number in (1, 2):
                await own_cluster.start(number)
            await metrics.until(lambda: metrics.healthy() == [0, 1, 2])
            before = metrics.reads("replica")
            await outage.more(reads=100, writes=10)
            assert metrics.reads("replica") > before
        assert outage.failures == []
        assert outage.refusals == {}


async def test_replica_that_lags_is_used_no_more_until_it_has_caught_up(own_cluster: Cluster) -> None:
    with served(own_cluster) as gateway:
        metrics = Metrics(gateway, own_cluster)
        outage = Outage(gateway.url, await new_account(gateway.url, podcasts=3))
        async with outage.going_on():
            await outage.more(writes=10)
            assert metrics.healthy() == [0, 1, 2]
            await own_cluster.pause_replay(1)
            took = await metrics.until(lambda: metrics.healthy() == [0, 2])
            assert took < LAG_SECONDS + 1.5  # 0.5 s of it are the watch's, the rest is for a busy machine
            await outage.more(reads=50, writes=10)
            await own_cluster.resume_replay(1)
            await metrics.until(lambda: metrics.healthy() == [0, 1, 2])
            await outage.more(reads=50, writes=10)
        assert outage.failures == []
        assert outage.refusals == {}
