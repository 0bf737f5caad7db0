"""Reads on real streaming replicas: never older than what the operation may know of, and never lost with a replica."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import psutil  # type: ignore[import-untyped]  # its types are a package of their own
import pytest
from sqlalchemy import text

from persistence.database import Database, open_database
from persistence.errors import DatabaseUnavailable, UnsafeRole
from persistence.footprints import Footprint
from persistence.ids import TenantId
from persistence.positions import timeline_of
from persistence.repositories.podcasts import PodcastFilter, Podcasts
from persistence.repositories.tenants import insert_tenant, new_tenant_id
from persistence.sessions import TenantSession
from persistence.views import DatabaseView
from tests.persistence.sights import ScriptedSight
from tests.services.replicas import Cluster

LAG_SECONDS = 0.4
STANDBY = text("SELECT pg_is_in_recovery()")


@asynccontextmanager
async def opened(cluster: Cluster, lag_seconds: float = 5.0) -> AsyncIterator[Database]:
    database = open_database(
        cluster.primary_url,
        replica_urls=cluster.replica_urls,
        pool_size=8,
        statement_timeout=10,
        lag_seconds=lag_seconds,
    )
    try:
        async with database.watch.running():
            yield database
    finally:
        await database.close()


@asynccontextmanager
async def tenant_of(database: Database) -> AsyncIterator[tuple[DatabaseView, ScriptedSight, TenantId]]:
    """A new tenant, and an operation's view that has seen it written."""
    sight = ScriptedSight(database.watch.position)
    view = DatabaseView(database, sight)
    async with view.read_account(primary=True) as session:
        tenant_id = await new_tenant_id(session)
    async with view.write(tenant_id) as session:
        await insert_tenant(session, "A tenant")
    yield view, sight, tenant_id


async def eventually(condition: Callable[[], bool], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


async def insert(view: DatabaseView, tenant_id: TenantId, title: str) -> None:
    async with view.write(tenant_id) as session:
        await Podcasts(session).insert({"title": title})


async def count(view: DatabaseView, tenant_id: TenantId) -> int:
    async with view.read(tenant_id) as session:
        return await Podcasts(session).count(PodcastFilter())


async def on_standby(session: TenantSession) -> bool:
    return bool(await session.scalar(STANDBY))


async def test_reads_go_to_replicas_and_see_what_the_operation_wrote(replicated: Cluster) -> None:
    async with opened(replicated) as database, tenant_of(database) as (view, sight, tenant_id):
        for number in range(10):
            await insert(view, tenant_id, f"Podcast {number}")
            assert await count(view, tenant_id) == number + 1
        await replicated.caught_up()
        await database.watch.sampled(5)
        await eventually(lambda: all(each.position >= sight.token for each in database.servers.replicas))
        async with view.read(tenant_id) as one, view.read(tenant_id) as other, view.analyse(tenant_id) as third:
            assert [await on_standby(one), await on_standby(other), await on_standby(third)] == [True] * 3
            servers = {session.connection.driver._addr for session in (one, other)}
        assert len(servers) == 2, "the second read goes to the replica that is less busy"
        async with view.read(tenant_id, primary=True) as session:
            assert not await on_standby(session)


async def test_paused_replicas_show_nothing_older_than_the_floor(replicated: Cluster) -> None:
    async with opened(replicated) as database, tenant_of(database) as (view, sight, tenant_id):
        await insert(view, tenant_id, "Before")
        await replicated.caught_up()
        for number in (1, 2):
            await replicated.pause_replay(number)
        try:
            await insert(view, tenant_id, "After")
            assert await count(view, tenant_id) == 2
            forgetful = DatabaseView(database, ScriptedSight())
            await database.watch.sampled(1)
            assert await count(forgetful, tenant_id) == 1, "whoever knows of nothing may read on a replica"
            heard = ScriptedSight()
            heard.floors[tenant_id] = sight.token
            assert await count(DatabaseView(database, heard), tenant_id) == 2
            heard.floors.clear()
            heard.writing.add(tenant_id)
            assert await count(DatabaseView(database, heard), tenant_id) == 2, "a write is under way"
            heard.writing.clear()
            heard.primary = True
            assert await count(DatabaseView(database, heard), tenant_id) == 2
        finally:
            for number in (1, 2):
                await replicated.resume_replay(number)
            await replicated.caught_up()


async def test_replica_that_lags_too_far_is_out_within_half_a_second_and_comes_back(replicated: Cluster) -> None:
    async with opened(replicated, lag_seconds=LAG_SECONDS) as database, tenant_of(database) as (view, _, tenant_id):
        await eventually(lambda: len(database.servers.replicas) == 2)
        lagging = database.servers.all[1]
        await replicated.pause_replay(1)
        try:
            await insert(view, tenant_id, "Beyond")
            began = time.monotonic()
            await eventually(lambda: not lagging.healthy)
            assert time.monotonic() - began < LAG_SECONDS + 0.5
            assert database.servers.replicas == (database.servers.all[2],)
            assert lagging.lag > LAG_SECONDS
            [state] = [state for state in database.watch.states if state.name == lagging.name]
            assert (state.role, state.healthy, state.lag_bytes > 0) == ("replica", False, True)
        finally:
            await replicated.resume_replay(1)
        await eventually(lambda: lagging.healthy)
        assert lagging.lag == 0


async def test_position_of_a_footprint_is_that_of_where_it_was_read(replicated: Cluster) -> None:
    async with opened(replicated) as database, tenant_of(database) as (view, sight, tenant_id):
        await insert(view, tenant_id, "Seen")
        await replicated.caught_up()
        await eventually(lambda: all(each.position >= sight.token for each in database.servers.replicas))
        footprint = Footprint()
        sight.position = 7
        await count(view.noting(footprint), tenant_id)
        assert footprint.position is not None
        assert footprint.position >= sight.token
        async with view.noting(footprint).read(tenant_id, primary=True) as session:
            await Podcasts(session).by_ids([1])
        assert footprint.position == 7
        assert footprint.tags(tenant_id) == {(tenant_id, "podcasts", 0)}


async def test_replica_killed_under_a_session_fails_no_read(own_cluster: Cluster) -> None:
    async with opened(own_cluster) as database, tenant_of(database) as (view, sight, tenant_id):
        await insert(view, tenant_id, "Kept")
        await own_cluster.caught_up()
        await eventually(lambda: all(each.position >= sight.token for each in database.servers.replicas))
        async with view.read(tenant_id) as one, view.read(tenant_id) as other, view.analyse(tenant_id) as third:
            assert [await on_standby(one), await on_standby(other), await on_standby(third)] == [True] * 3
            for number in (1, 2):
                own_cluster.kill(number)
            counts = [await Podcasts(session).count(PodcastFilter()) for session in (one, other, third)]
            assert counts == [1, 1, 1]
            assert [await on_standby(session) for session in (one, other, third)] == [False] * 3
        assert await count(view, tenant_id) == 1
        assert database.servers.replicas == ()
        await database.ping()
        await own_cluster.start(1)
        await eventually(lambda: len(database.servers.replicas) == 1)
        assert await count(view, tenant_id) == 1


async def test_promoted_replica_is_found_by_reads_and_writes_and_nothing_is_lost(
    synchronous_cluster: Cluster,
) -> None:
    cluster = synchronous_cluster
    async with opened(cluster) as database, tenant_of(database) as (view, sight, tenant_id):
        await insert(view, tenant_id, "Acknowledged")
        doubt = database.watch.doubt
        cluster.kill_primary()
        await eventually(lambda: database.servers.primary is None)
        await eventually(lambda: not database.watch.fresh)
        assert await count(view, tenant_id) == 1, "a standby has all that was acknowledged"
        untrusted = ScriptedSight()
        untrusted.primary = True
        assert await count(DatabaseView(database, untrusted), tenant_id) == 1
        with pytest.raises(DatabaseUnavailable):
            await insert(view, tenant_id, "Refused")
        await database.ping()
        best = max((1, 2), key=lambda number: database.servers.all[number].position)
        await cluster.promote(best)
        await eventually(lambda: database.servers.primary is database.servers.all[best])
        await insert(view, tenant_id, "After")
        assert timeline_of(sight.token) == 2
        assert await count(view, tenant_id) == 2
        await eventually(lambda: database.watch.fresh)
        assert database.watch.doubt > doubt


async def test_without_a_synchronous_standby_a_token_that_is_not_reached_fails_and_others_read(
    own_cluster: Cluster,
) -> None:
    async with opened(own_cluster) as database, tenant_of(database) as (view, sight, tenant_id):
        await own_cluster.caught_up()
        await eventually(lambda: all(each.position >= sight.token for each in database.servers.replicas))
        own_cluster.kill_primary()
        await eventually(lambda: database.servers.primary is None)
        assert await count(view, tenant_id) == 0
        sight.wrote(sight.token + 8)
        with pytest.raises(DatabaseUnavailable):
            await count(view, tenant_id)
        assert await count(DatabaseView(database, ScriptedSight()), tenant_id) == 0


async def test_database_without_the_watch_running_reads_on_the_primary(replicated: Cluster) -> None:
    database = open_database(
        replicated.primary_url, replica_urls=replicated.replica_urls, pool_size=1, statement_timeout=5
    )
    async with DatabaseView(database, ScriptedSight()).read(TenantId(1)) as session:
        assert not await on_standby(session)
    await database.close()


async def test_primary_is_found_whichever_url_names_it(replicated: Cluster) -> None:
    database = open_database(
        replicated.replica_urls[0], replica_urls=[replicated.primary_url], pool_size=1, statement_timeout=5
    )
    async with database.read(TenantId(1)) as session:
        assert not await on_standby(session)
    await database.close()


async def test_replica_of_another_role_is_refused(replicated: Cluster) -> None:
    other = replicated.replica_urls[0].replace("podgraph_app@", "postgres@")
    database = open_database(replicated.primary_url, replica_urls=[other], pool_size=1, statement_timeout=5)
    with pytest.raises(UnsafeRole, match="'postgres'"):
        await database.refuse_unsafe_role()
    await database.close()


async def test_statement_that_replay_cancels_is_answered_by_the_primary(replicated: Cluster) -> None:
    await replicated.execute(1, "ALTER SYSTEM SET max_standby_streaming_delay = 0")
    await replicated.execute(1, "SELECT pg_reload_conf()")
    try:
        async with opened(replicated) as database, tenant_of(database) as (view, _, tenant_id):
            await insert(view, tenant_id, "Kept")
            await replicated.caught_up()
            await database.watch.sampled(5)
            database.servers.lost(database.servers.all[2])
            async with view.read(tenant_id) as session:
                assert await on_standby(session)
                slow = text("SELECT count(*), max(pg_sleep(0.5)::text) FROM podcasts WHERE tenant_id = :tenant_id")
                reading = asyncio.create_task(session.rows(slow.bindparams(tenant_id=tenant_id)))
                await replicated.until(1, "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
                # Its replay needs the table for itself.
                await replicated.execute(0, "DO 'BEGIN LOCK TABLE podcasts IN ACCESS EXCLUSIVE MODE; END'")
                assert [row[0] for row in await reading] == [1]
                assert not await on_standby(session)
            assert database.servers.all[1].healthy
    finally:
        await replicated.execute(1, "ALTER SYSTEM RESET max_standby_streaming_delay")
        await replicated.execute(1, "SELECT pg_reload_conf()")
        await replicated.caught_up()


async def test_statement_on_a_replica_that_falls_silent_is_answered_elsewhere(own_cluster: Cluster) -> None:
    async with opened(own_cluster) as database, tenant_of(database) as (view, _, tenant_id):
        await insert(view, tenant_id, "Kept")
        await own_cluster.caught_up()
        await database.watch.sampled(5)
        database.servers.lost(database.servers.all[2])
        async with view.read(tenant_id) as session:
            assert await on_standby(session)
            backend = psutil.Process(await session.scalar(text("SELECT pg_backend_pid()")))
            postmaster = backend.parent()
            silent = [postmaster, *postmaster.children()]
            try:
                for process in silent:
                    process.suspend()
                began = time.monotonic()
                assert await Podcasts(session).count() == 1
                assert time.monotonic() - began < 5, "much sooner than a statement times out"
            finally:
                for process in silent:
                    process.resume()
            assert await session.scalar(text("SELECT pg_backend_pid()")) != backend.pid
