"""The tests' cluster is one of real replicas, and does what the tests of reads rely on."""

import asyncio
from uuid import uuid4

import asyncpg  # type: ignore[import-untyped]  # it ships no types
import pytest

from tests.services.replicas import Cluster


async def new_table(cluster: Cluster) -> str:
    """An empty table of numbers on server 0."""
    name = f"numbers_{uuid4().hex}"
    await cluster.execute(0, f"CREATE TABLE {name} (number int)")
    return name


async def insert(cluster: Cluster, server: int, table: str, number: int) -> None:
    await cluster.execute(server, f"INSERT INTO {table} VALUES ({number})")  # noqa: S608  # the test's own table


async def numbers(cluster: Cluster, server: int, table: str) -> list[int]:
    found = await cluster.execute(server, f"SELECT number FROM {table} ORDER BY 1")  # noqa: S608  # as above
    return [number for (number,) in found]


async def test_replicas_show_what_the_primary_commits(replicated: Cluster) -> None:
    table = await new_table(replicated)
    await insert(replicated, 0, table, 7)
    await replicated.caught_up()
    assert [await numbers(replicated, server, table) for server in (1, 2)] == [[7], [7]]
    assert [await replicated.value(server, "SELECT pg_is_in_recovery()") for server in (0, 1, 2)] == [False, True, True]


async def test_paused_replica_shows_the_state_before_until_it_is_resumed(replicated: Cluster) -> None:
    table = await new_table(replicated)
    await replicated.caught_up()
    await replicated.pause_replay(1)
    await insert(replicated, 0, table, 7)
    await replicated.caught_up(2)
    assert (await numbers(replicated, 1, table), await numbers(replicated, 2, table)) == ([], [7])
    await replicated.resume_replay(1)
    await replicated.caught_up(1)
    assert await numbers(replicated, 1, table) == [7]


async def test_application_role_reads_on_every_server(replicated: Cluster) -> None:
    assert len(replicated.urls) == 3
    for url in replicated.urls:
        connection = await asyncpg.connect(url.replace("+asyncpg", ""), timeout=5)
        assert await connection.fetchval("SELECT current_user::text") == "podgraph_app"
        await connection.close(timeout=5)


async def test_killed_replica_catches_up_when_it_is_started(own_cluster: Cluster) -> None:
    table = await new_table(own_cluster)
    own_cluster.kill(1)
    with pytest.raises((OSError, asyncpg.CannotConnectNowError)):
        await own_cluster.execute(1, "SELECT 1")
    await insert(own_cluster, 0, table, 7)
    await own_cluster.start(1)
    await own_cluster.caught_up()
    assert await numbers(own_cluster, 1, table) == [7]


async def test_promoted_replica_takes_writes_and_its_sibling_follows_it(synchronous_cluster: Cluster) -> None:
    cluster = synchronous_cluster
    table = await new_table(cluster)
    await insert(cluster, 0, table, 1)
    cluster.kill_primary()
    await cluster.promote(1)
    await insert(cluster, 1, table, 2)
    await cluster.caught_up(2, primary=1)
    assert [await numbers(cluster, server, table) for server in (1, 2)] == [[1, 2], [1, 2]]


async def test_synchronous_commit_waits_for_a_replica(synchronous_cluster: Cluster) -> None:
    cluster = synchronous_cluster
    table = await new_table(cluster)
    cluster.kill(1)
    await insert(cluster, 0, table, 1)
    cluster.kill(2)
    waiting = asyncio.create_task(insert(cluster, 0, table, 2))
    await cluster.until(
        0, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query LIKE 'INSERT%')"
    )
    assert not waiting.done()
    await cluster.start(2)
    await waiting
    assert await numbers(cluster, 0, table) == [1, 2]
