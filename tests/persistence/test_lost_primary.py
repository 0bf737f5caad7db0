"""Reads that the primary was to answer when it was lost."""

import asyncio

import pytest
from sqlalchemy import select

from persistence.errors import DatabaseUnavailable
from persistence.repositories.podcasts import PodcastFilter, Podcasts
from persistence.views import DatabaseView
from tests.persistence.sights import ScriptedSight
from tests.persistence.test_replica_reads import count, eventually, insert, on_standby, opened, tenant_of
from tests.services.replicas import Cluster


async def test_sessions_on_a_primary_that_is_killed_go_on_elsewhere(own_cluster: Cluster) -> None:
    async with opened(own_cluster) as database, tenant_of(database) as (view, sight, tenant_id):
        await insert(view, tenant_id, "Kept")
        await own_cluster.caught_up()
        sight.primary = True
        async with (
            view.read(tenant_id) as one,
            view.analyse(tenant_id) as other,
            view.read_account() as third,
            view.read(tenant_id, primary=True) as fourth,
        ):
            assert [await on_standby(session) for session in (one, other)] == [False, False]
            await third.scalar(select(1))
            await fourth.scalar(select(1))
            own_cluster.kill_primary()
            assert [await Podcasts(session).count(PodcastFilter()) for session in (one, other)] == [1, 1]
            assert [await on_standby(session) for session in (one, other)] == [True, True]
            assert await third.scalar(select(1)) == 1
            with pytest.raises(DatabaseUnavailable):  # it is for what nobody but the primary knows
                await fourth.scalar(select(1))
        assert await count(view, tenant_id) == 1


async def test_lost_connection_to_a_primary_that_lives_costs_no_read(own_cluster: Cluster) -> None:
    async with opened(own_cluster) as database, tenant_of(database) as (view, sight, tenant_id):
        await insert(view, tenant_id, "Kept")
        sight.primary = True
        async with view.read(tenant_id) as session:
            assert not await on_standby(session)
            await own_cluster.execute(
                0, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'podgraph_app'"
            )
            assert await Podcasts(session).count(PodcastFilter()) == 1
        await eventually(lambda: database.servers.primary is database.servers.all[0])
        await insert(view, tenant_id, "Another")
        assert await count(view, tenant_id) == 2


async def test_read_without_a_primary_waits_for_a_replica_to_show_what_it_has(own_cluster: Cluster) -> None:
    async with opened(own_cluster) as database, tenant_of(database) as (view, _, tenant_id):
        await own_cluster.caught_up()
        for number in (1, 2):
            await own_cluster.pause_replay(number)
        await insert(view, tenant_id, "Received")
        position = await own_cluster.value(0, "SELECT pg_current_wal_flush_lsn()::text")
        for number in (1, 2):
            await own_cluster.until(number, f"SELECT pg_last_wal_receive_lsn() >= '{position}'")
        own_cluster.kill_primary()
        await eventually(lambda: database.servers.primary is None)
        await eventually(lambda: database.servers.replicas != ())
        reading = asyncio.create_task(count(DatabaseView(database, ScriptedSight()), tenant_id))
        for number in (1, 2):
            await own_cluster.resume_replay(number)
        assert await reading == 1
