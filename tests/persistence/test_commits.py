"""What a write touches is announced before it is committed, and settled by what became of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import func, select, text

from gateway.embedded.postgres import APP, OWNER, EmbeddedPostgres
from persistence.announcements import Announcement, Tag
from persistence.database import Database, open_database
from persistence.errors import DatabaseUnavailable, MissingReference
from persistence.ids import TenantId
from persistence.positions import Position, timeline_of
from persistence.repositories.podcasts import Podcasts
from resolvers.context import Services
from tests.actors import new_tenant
from tests.services.sql import rows


class Witness:
    """Implements Announcer, and notes the order of things; `before` runs when a write is announced."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.before: Callable[[], Awaitable[None]] | None = None
        self.hold: asyncio.Event | None = None
        self.holding = asyncio.Event()

    async def announced(self, tags: Collection[Tag]) -> Announcement:
        self.seen.append("announced")
        if self.before is not None:
            await self.before()
        return self

    async def done(self, position: Position) -> None:
        if self.hold is not None:
            self.holding.set()
            await self.hold.wait()
        self.seen.append(f"done on timeline {timeline_of(position)}")

    async def undone(self) -> None:
        self.seen.append("undone")


@asynccontextmanager
async def witnessed(url: str) -> AsyncIterator[tuple[Database, Witness]]:
    database, witness = open_database(url, pool_size=2, statement_timeout=10), Witness()
    database.announcer = witness
    try:
        yield database, witness
    finally:
        await database.close()


async def titles(database: Database, tenant_id: TenantId) -> int:
    async with database.read(tenant_id) as session:
        return await Podcasts(session).count()


async def test_write_is_announced_while_nobody_sees_it_and_done_when_all_do(app_url: str, services: Services) -> None:
    actor = await new_tenant(services)
    async with witnessed(app_url) as (database, witness):

        async def look() -> None:
            witness.seen.append(str(await titles(services.database, actor.tenant_id)))

        witness.before = look
        heard: list[Position] = []
        async with database.write(actor.tenant_id, wrote=heard.append) as session:
            await Podcasts(session).insert({"title": "One"})
            assert witness.seen == []
        assert witness.seen == ["announced", "0", "done on timeline 1"]
        assert await titles(services.database, actor.tenant_id) == 1
        assert heard == [database.watch.position]


async def test_position_covers_the_write_and_the_next_write_is_beyond(app_url: str, services: Services) -> None:
    actor = await new_tenant(services)
    heard: list[Position] = []
    async with witnessed(app_url) as (database, _):
        for synchronous_commit in ("on", "off"):
            async with database.read(actor.tenant_id) as session:
                await session.scalar(select(func.set_config("synchronous_commit", synchronous_commit, False)))
            for _ in range(3):
                async with database.write(actor.tenant_id, wrote=heard.append) as session:
                    await Podcasts(session).insert({"title": "One"})
    assert heard == sorted(set(heard))
    assert len(heard) == 6


async def test_refused_commit_is_undone(postgres: EmbeddedPostgres, services: Services) -> None:
    postgres.ensure_database("refusing")
    owner, app = postgres.url(OWNER, "refusing"), postgres.url(APP, "refusing")
    await rows(owner, "CREATE TABLE parents (id int PRIMARY KEY)")
    await rows(owner, "CREATE TABLE children (id int REFERENCES parents DEFERRABLE INITIALLY DEFERRED)")
    await rows(owner, f"GRANT SELECT, INSERT ON parents, children TO {APP}")
    async with witnessed(app) as (database, witness):
        with pytest.raises(MissingReference):
            async with database.write(TenantId(1)) as session:
                await session.execute(text("INSERT INTO children VALUES (1)"))
        assert witness.seen == ["announced", "undone"]
    assert await rows(owner, "SELECT count(*) FROM children") == [(0,)]


async def test_commit_of_which_nobody_knows_what_became_stays_announced(app_url: str, services: Services) -> None:
    actor = await new_tenant(services)
    async with witnessed(app_url) as (database, witness):
        with pytest.raises(DatabaseUnavailable):
            async with database.write(actor.tenant_id) as session:
                await Podcasts(session).insert({"title": "One"})
                backend = await session.scalar(text("SELECT pg_backend_pid()"))

                async def end_it() -> None:
                    ending = text("SELECT pg_terminate_backend(:backend, 5000)").bindparams(backend=backend)
                    async with services.database.read_account() as other:
                        assert await other.scalar(ending)

                witness.before = end_it
        assert witness.seen == ["announced"]
        async with database.write(actor.tenant_id) as session:
            witness.before = None
            await Podcasts(session).insert({"title": "Two"})
    assert await titles(services.database, actor.tenant_id) == 1


async def test_announcer_that_refuses_prevents_the_write(app_url: str, services: Services) -> None:
    actor = await new_tenant(services)
    async with witnessed(app_url) as (database, witness):

        async def refuse() -> None:
            raise DatabaseUnavailable("nobody can be told")

        witness.before = refuse
        with pytest.raises(DatabaseUnavailable, match="nobody can be told"):
            async with database.write(actor.tenant_id) as session:
                await Podcasts(session).insert({"title": "One"})
    assert await titles(services.database, actor.tenant_id) == 0


async def test_writer_that_is_cancelled_while_it_commits_says_what_became_of_it(
    app_url: str, services: Services
) -> None:
    actor = await new_tenant(services)
    async with witnessed(app_url) as (database, witness):
        witness.hold = asyncio.Event()

        async def write() -> None:
            async with database.write(actor.tenant_id) as session:
                await Podcasts(session).insert({"title": "One"})

        writing = asyncio.create_task(write())
        await witness.holding.wait()
        for _ in range(2):
            writing.cancel()
            await asyncio.sleep(0)
        assert not writing.done()
        witness.hold.set()
        await asyncio.wait([writing])
        assert writing.cancelled()
        assert witness.seen == ["announced", "done on timeline 1"]
        assert await titles(database, actor.tenant_id) == 1


async def test_server_that_takes_no_writes_is_unavailable_and_its_connection_is_not_used_again(app_url: str) -> None:
    async with witnessed(app_url) as (database, witness):
        with pytest.raises(DatabaseUnavailable):
            async with database.write(TenantId(1)) as session:
                backend = await session.scalar(text("SELECT pg_backend_pid()"))
                await session.execute(text("SET TRANSACTION READ ONLY"))
                await Podcasts(session).insert({"title": "One"})
        async with database.read(TenantId(1)) as session:
            assert await session.scalar(text("SELECT pg_backend_pid()")) != backend
        assert witness.seen == []
