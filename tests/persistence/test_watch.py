"""The watch over a real server: what it says is true when it says so."""

import asyncio
from collections.abc import Callable

import pytest

from gateway.embedded.postgres import APP, OWNER, EmbeddedPostgres
from persistence.advisory_locks import UNHEARD
from persistence.database import open_database
from persistence.ids import TenantId
from persistence.migrate import migrate
from persistence.positions import timeline_of
from persistence.repositories.podcasts import Podcasts
from persistence.repositories.tenants import insert_tenant, rename_tenant
from persistence.watch import FRESH_SECONDS, SAMPLE_SECONDS
from resolvers.context import Services
from tests.actors import new_tenant
from tests.services.sql import rows


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


async def test_primary_is_fresh_while_it_is_watched_and_no_longer(app_url: str) -> None:
    database = open_database(app_url, pool_size=1, statement_timeout=5)
    assert not database.watch.fresh
    async with database.watch.running():
        assert database.watch.fresh
        assert timeline_of(database.watch.position) == 1
        [state] = database.watch.states
        assert (state.role, state.healthy, state.lag_seconds, state.in_use) == ("primary", True, 0.0, 0)
        assert "@" not in state.name
    assert not database.watch.fresh
    await database.close()


async def test_position_follows_writes_of_others(app_url: str, services: Services) -> None:
    actor = await new_tenant(services)
    database = open_database(app_url, pool_size=1, statement_timeout=5)
    async with database.watch.running():
        before = database.watch.position
        written: list[int] = []
        async with services.database.write(actor.tenant_id, wrote=written.append) as session:
            await Podcasts(session).insert({"title": "One"})
        await eventually(lambda: database.watch.position >= written[0])
        assert before < written[0]
        database.watch.heard(written[0] * 2)
        assert database.watch.position == written[0] * 2
    await database.close()


async def test_whoever_looks_away_is_in_doubt(app_url: str) -> None:
    database = open_database(app_url, pool_size=1, statement_timeout=5)
    now = 100.0
    database.watch._clock = lambda: now
    async with database.watch.running():
        doubt = database.watch.doubt
        await database.watch.sampled(5)
        assert database.watch.fresh
        assert database.watch.doubt == doubt
        now += FRESH_SECONDS
        assert not database.watch.fresh
        now += SAMPLE_SECONDS
        await eventually(lambda: database.watch.fresh)
        assert database.watch.doubt == doubt + 1, "somebody may have come and gone meanwhile"
    await database.close()


async def test_unheard_writer_is_seen_before_its_block_begins_and_doubted_after(app_url: str) -> None:
    writing, watching = (open_database(app_url, pool_size=1, statement_timeout=5) for _ in range(2))
    async with watching.watch.running(), watching.caching(exclusive=False):
        assert not watching.watch.unheard
        async with writing.unheard_writes():
            assert watching.watch.unheard or not watching.watch.fresh
            await eventually(lambda: watching.watch.unheard)
            doubt = watching.watch.doubt
        await eventually(lambda: not watching.watch.unheard)
        assert watching.watch.doubt > doubt
    await writing.close()
    await watching.close()


async def test_lost_lock_of_an_unheard_writer_is_taken_again_and_nothing_is_committed_meanwhile(
    app_url: str, owner_url: str, services: Services
) -> None:
    actor = await new_tenant(services)
    database = open_database(app_url, pool_size=2, statement_timeout=5)
    # While somebody caches, the lock is had a while after it was taken.
    async with database.caching(exclusive=False), database.unheard_writes():
        [lock] = database._commits._locks
        low_half = UNHEARD & 0xFFFF_FFFF
        held = f"FROM pg_locks WHERE locktype = 'advisory' AND objid::bigint = {low_half}"
        assert await rows(app_url, f"SELECT pg_terminate_backend(pid, 5000) {held}") == [(True,)]
        await eventually(lambda: not lock.held)
        with pytest.raises(Exception, match="lock of unheard writers"):
            async with database.write(actor.tenant_id) as session:
                await Podcasts(session).insert({"title": "Refused"})
        await eventually(lambda: lock.held)
        async with database.write(actor.tenant_id) as session:
            assert await Podcasts(session).count() == 0
            await Podcasts(session).insert({"title": "Kept"})
    assert not lock.held
    async with database.write(actor.tenant_id) as session:
        assert await Podcasts(session).count() == 1
    await database.close()


async def test_who_caches_alone_keeps_out_all_others_and_those_who_hear_each_other_share(app_url: str) -> None:
    one, other = (open_database(app_url, pool_size=1, statement_timeout=5) for _ in range(2))
    async with (
        one.caching(exclusive=True) as alone,
        other.caching(exclusive=False) as shared,
        other.caching(exclusive=True) as also,
    ):
        assert (alone, shared, also) == (True, False, False)
    async with (
        one.caching(exclusive=False) as first,
        other.caching(exclusive=False) as second,
        other.caching(exclusive=True) as alone,
    ):
        assert (first, second, alone) == (True, True, False)
    async with other.caching(exclusive=True) as alone:
        assert alone
    await one.close()
    await other.close()


async def test_nothing_is_fresh_while_the_lock_of_who_caches_is_lost(app_url: str) -> None:
    database = open_database(app_url, pool_size=1, statement_timeout=5)
    async with database.watch.running(), database.caching(exclusive=False):
        assert not database.watch.fresh, "nobody has looked for unheard writers since the lock was taken"
        await eventually(lambda: database.watch.fresh)
        [lock] = database.watch._locks
        await lock.release()
        assert not database.watch.fresh
        assert await lock.take()
        await eventually(lambda: database.watch.fresh)
    await database.close()


async def test_database_that_does_not_tell_its_log_has_positions_by_its_clock(postgres: EmbeddedPostgres) -> None:
    postgres.ensure_database("silent_log")
    await migrate(postgres.url(OWNER, "silent_log"), APP)
    superuser = postgres.url("postgres", "silent_log")
    await rows(superuser, "REVOKE EXECUTE ON FUNCTION pg_current_wal_flush_lsn() FROM PUBLIC")
    written: list[int] = []
    database = open_database(postgres.url(APP, "silent_log"), pool_size=1, statement_timeout=5)
    try:
        async with database.watch.running():
            assert database.watch.fresh
            async with database.write(TenantId(1), wrote=written.append) as session:
                tenant = await insert_tenant(session, "One")
            async with database.write(TenantId(1), wrote=written.append) as session:
                assert await rename_tenant(session, tenant.version, "Two")
            await eventually(lambda: database.watch.position >= written[-1])
    finally:
        await database.close()
    [(now,)] = await rows(superuser, "SELECT (extract(epoch FROM now()) * 1000000)::bigint")
    assert written == sorted(set(written))
    assert 0 < now - written[0] < 60_000_000
