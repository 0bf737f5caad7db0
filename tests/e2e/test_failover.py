"""The primary dies: reads go on, writes wait for the next one, and nothing that was acknowledged or shown is lost."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx2

from tests.e2e.histories import HEADER, WRITE, new_account
from tests.e2e.outages import READ, Outage
from tests.gateway.commands.terminal import KEYS
from tests.services.directories import open_directory
from tests.services.gateway import Gateway
from tests.services.redis_server import RedisServer
from tests.services.replicas import Cluster


@contextmanager
def served(cluster: Cluster, redis: RedisServer) -> Iterator[Gateway]:
    environment = {
        **KEYS,
        "PODGRAPH_DATABASE__URL": cluster.primary_url,
        "PODGRAPH_DATABASE__REPLICA_URLS": ",".join(cluster.replica_urls),
        "PODGRAPH_REDIS__URL": redis.url,
        "PODGRAPH_COST__DEFAULT_PLAN": "ENTERPRISE",
        "PODGRAPH_HTTP__DRAIN_SECONDS": "0",
        "PODGRAPH_LOGS__LEVEL": "WARNING",
    }
    with open_directory() as root, Gateway(root / "data", command=("serve",), environment=environment) as gateway:
        yield gateway


async def test_replica_takes_the_place_of_a_killed_primary(
    synchronous_cluster: Cluster, redis_server: RedisServer
) -> None:
    cluster = synchronous_cluster
    with served(cluster, redis_server) as gateway:
        outage = Outage(gateway.url, await new_account(gateway.url, podcasts=3))
        async with outage.going_on():
            await outage.more(reads=50, writes=20)
            assert outage.refusals == {}

            cluster.kill_primary()
            await outage.more(refusals=3)
            await outage.more(reads=100)
            assert gateway.ready()
            assert httpx2.get(f"{gateway.url}/health", timeout=5).json()["status"] == "degraded"

            await cluster.promote(await cluster.most_advanced(1, 2))
            await outage.more(reads=50, writes=20)

            await cluster.start(0)  # as it was: it knows nothing of all this, and takes writes
            await outage.more(reads=100, writes=20)
        assert outage.failures == []
        assert set(outage.refusals) == {"UNAVAILABLE"}


async def test_without_a_synchronous_replica_only_a_token_tells_what_is_missing(
    own_cluster: Cluster, redis_server: RedisServer
) -> None:
    with served(own_cluster, redis_server) as gateway:
        account = await new_account(gateway.url, podcasts=1)
        [podcast] = account.podcasts
        headers = {"authorization": f"Bearer {account.token}"}
        with httpx2.Client(base_url=gateway.url, headers=headers, timeout=30) as client:

            def read(consistency: str | None = None) -> httpx2.Response:
                given = {HEADER: consistency} if consistency else {}
                return client.post("/graphql", json={"query": READ, "variables": {"id": podcast}}, headers=given)

            await own_cluster.caught_up()
            own_cluster.kill(1)
            own_cluster.kill(2)
            written = client.post(
                "/graphql", json={"query": WRITE, "variables": {"id": podcast, "version": 1, "title": "Lost"}}
            )
            assert written.json()["data"]["updatePodcast"]["podcast"]["version"] == 2
            token = written.headers[HEADER]
            own_cluster.kill_primary()
            await own_cluster.start(1)
            await own_cluster.start(2)
            while (untold := read()).status_code == 503:
                pass
            told = read(token)
    assert untold.json()["data"]["podcast"]["version"] == 1
    assert (told.status_code, told.json()["errors"][0]["extensions"]["code"]) == (503, "UNAVAILABLE")
