"""Connections are bounded, keep their scope, and are never handed on in a bad state."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import Float, Select, bindparam, func, select, text

from persistence.connections import Connections, Scope
from persistence.database import Database, open_database
from persistence.errors import DatabaseUnavailable
from persistence.ids import TenantId
from persistence.repositories.podcasts import PodcastFilter, Podcasts
from persistence.sessions import TenantSession
from resolvers.context import Services
from tests.actors import Actor, new_tenant

ONE, TWO, THREE = Scope(1, 0), Scope(2, 0), Scope(3, 0)
BACKEND = text("SELECT pg_backend_pid()")
SCOPE = text("SELECT current_setting('podgraph.tenant_id')")


@asynccontextmanager
async def opened(url: str, size: int = 2, seconds: float = 5) -> AsyncIterator[Database]:
    database = open_database(url, pool_size=size, statement_timeout=seconds)
    try:
        yield database
    finally:
        await database.close()


async def backend(connections: Connections, scope: Scope) -> int:
    """The server's process of the connection that a session of the scope gets."""
    connection = await connections.take(scope)
    try:
        return int(await connection.driver.fetchval("SELECT pg_backend_pid()"))
    finally:
        connections.give_back(connection)


async def end_of(pid: int, other: Database) -> None:
    async with other.read_account() as session:
        await session.scalar(text("SELECT pg_terminate_backend(:pid, 5000)").bindparams(pid=pid))


async def test_each_scope_keeps_its_connection_while_there_is_room(app_url: str) -> None:
    async with opened(app_url, size=2) as database:
        pids = [await backend(database.connections, scope) for scope in (ONE, TWO, ONE, TWO)]
    assert pids[0] != pids[1]
    assert pids[2:] == pids[:2]


async def test_without_room_the_scope_that_was_asked_for_longest_ago_gives_way(app_url: str) -> None:
    async with opened(app_url, size=2) as database:
        one, two = [await backend(database.connections, scope) for scope in (ONE, TWO)]
        assert await backend(database.connections, ONE) == one
        assert await backend(database.connections, THREE) == two
        assert await backend(database.connections, ONE) == one


async def test_scope_is_set_once_for_a_run_of_sessions(app_url: str) -> None:
    async with opened(app_url, size=1) as database:
        connection = await database.connections.take(ONE)
        sent: list[str] = []
        connection.driver.add_query_logger(lambda record: sent.append(record.query))
        database.connections.give_back(connection)
        for scope in (ONE, ONE, TWO, TWO, ONE):
            assert await backend(database.connections, scope)
        await asyncio.sleep(0)
    assert len([query for query in sent if "set_config" in query]) == 2


async def test_many_sessions_of_all_kinds_never_open_more_connections_than_there_may_be(app_url: str) -> None:
    async with opened(app_url, size=3) as database, opened(app_url, size=1) as other:
        seen: set[int] = set()

        async def reads(number: int) -> None:
            async with database.read(TenantId(number % 5 + 1)) as session:
                seen.add(await session.scalar(BACKEND))

        async def writes(number: int) -> None:
            async with database.write(TenantId(number % 5 + 1)) as session:
                seen.add(await session.scalar(BACKEND))

        await asyncio.gather(*(kind(number) for number in range(15) for kind in (reads, writes)))
        async with other.read_account() as session:
            alive = await session.rows(text("SELECT pid FROM pg_stat_activity"))
    assert len(seen) == 3
    assert seen <= {row[0] for row in alive}


async def test_read_and_write_and_snapshot_of_one_tenant_share_a_connection(app_url: str) -> None:
    level = text(
        "SELECT pg_backend_pid(), current_setting('transaction_isolation'), current_setting('podgraph.tenant_id')"
    )
    async with opened(app_url, size=4) as database:
        found = []
        for _ in range(2):
            for kind in (database.read, database.write, database.snapshot, database.trial):
                async with kind(TenantId(7)) as session:
                    found += [tuple(row) for row in await session.rows(level)]
    pid = found[0][0]
    levels = ["read committed", "read committed", "repeatable read", "repeatable read"]
    assert found == [(pid, isolation, "7") for isolation in [*levels, *levels]]


async def test_cancelled_read_stops_at_the_server_and_its_connection_serves_on(app_url: str) -> None:
    async with opened(app_url, size=1) as database, opened(app_url, size=1) as other:
        active = text("SELECT count(*) FROM pg_stat_activity WHERE pid = :pid AND state = 'active'")
        pid = await backend(database.connections, ONE)

        async def sleeps() -> None:
            async with database.read(TenantId(1)) as session:
                await session.asked(_select_sleep, (), {"seconds": 60.0})

        reading = asyncio.create_task(sleeps())
        async with other.read_account() as watching, asyncio.timeout(20):
            while await watching.scalar(active.bindparams(pid=pid)) == 0:
                await asyncio.sleep(0.01)
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            assert reading.cancelled()
            assert await backend(database.connections, ONE) == pid
            assert await watching.scalar(active.bindparams(pid=pid)) == 0


async def test_read_that_takes_too_long_stops_at_the_server_and_its_connection_serves_on(app_url: str) -> None:
    async with opened(app_url, size=1, seconds=0.3) as database:
        pid = await backend(database.connections, ONE)
        with pytest.raises(DatabaseUnavailable):
            async with database.read(TenantId(1)) as session:
                await session.asked(_select_sleep, (), {"seconds": 60.0})
        async with asyncio.timeout(10):
            assert await backend(database.connections, ONE) == pid


async def test_place_of_a_session_that_was_cancelled_is_free_again(app_url: str) -> None:
    async with opened(app_url, size=1) as database:
        for _ in range(5):
            waiting = asyncio.create_task(backend(database.connections, ONE))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        async with asyncio.timeout(5):
            assert await backend(database.connections, TWO)


async def test_restarted_server_is_noticed_before_anything_is_sent(app_url: str) -> None:
    async with opened(app_url, size=3) as database, opened(app_url, size=1) as other:
        connections = [await database.connections.take(scope) for scope in (ONE, TWO, THREE)]
        lost = [await connection.driver.fetchval("SELECT pg_backend_pid()") for connection in connections]
        for connection in connections:
            database.connections.give_back(connection)
        for pid in lost:
            await end_of(pid, other)
        async with asyncio.timeout(5):
            while not all(connection.driver.is_closed() for connection in connections):
                await asyncio.sleep(0)
        for scope in (ONE, TWO, THREE):
            assert await backend(database.connections, scope) not in lost


async def test_connection_that_dies_as_its_scope_is_set_is_replaced(app_url: str) -> None:
    async with opened(app_url, size=1) as database:
        connection = await database.connections.take(ONE)
        died = await connection.driver.fetchval("SELECT pg_backend_pid()")
        database.connections.give_back(connection)
        # The loop has no turn to see it.
        connection.driver._transport.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        assert await backend(database.connections, TWO) != died


class FullServer:
    """Answers as PostgreSQL does when all its connections are taken."""

    def __init__(self) -> None:
        self.asked = 0

    async def connect(self) -> None:
        self.asked += 1
        raise OSError("sorry, too many clients already")


async def test_server_without_room_for_another_connection_is_served_by_an_idle_one(
    app_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(app_url, size=2) as database:
        pid = await backend(database.connections, ONE)
        with monkeypatch.context() as patch:
            full = FullServer()
            patch.setattr(database.connections, "engine", full)
            assert [await backend(database.connections, scope) for scope in (TWO, ONE, TWO)] == [pid] * 3
        assert full.asked == 1


async def test_connection_in_a_transaction_is_not_handed_on(app_url: str) -> None:
    async with opened(app_url, size=1) as database:
        connection = await database.connections.take(ONE)
        left = await connection.driver.fetchval("SELECT pg_backend_pid()")
        await connection.driver.execute("BEGIN")
        database.connections.give_back(connection)
        assert await backend(database.connections, ONE) != left


async def test_connection_given_back_after_the_end_is_closed(app_url: str) -> None:
    database = open_database(app_url, pool_size=1, statement_timeout=5)
    connection = await database.connections.take(ONE)
    await database.close()
    assert not connection.driver.is_closed()
    database.connections.give_back(connection)
    assert connection.driver.is_closed()
    await database.close()


async def test_session_that_has_ended_cannot_be_used(services: Services) -> None:
    async with services.database.read(TenantId(1)) as session:
        pass
    with pytest.raises(AttributeError):
        await session.scalar(SCOPE)
    with pytest.raises(AttributeError):
        await Podcasts(session).count()


async def test_both_ways_to_the_server_see_the_same_tenant(services: Services) -> None:
    mine, theirs = await new_tenant(services), await new_tenant(services)
    await _podcast(mine, "Mine")
    for actor, expected in ((mine, 1), (theirs, 0), (mine, 1)):
        async with services.database.read(actor.tenant_id) as session:
            assert await _counts(session) == [expected] * 3
        async with services.database.write(actor.tenant_id) as session:
            assert await _counts(session) == [expected] * 3


async def test_a_statement_sees_what_its_own_transaction_wrote(services: Services) -> None:
    actor = await new_tenant(services)
    async with services.database.write(actor.tenant_id) as session:
        made = await Podcasts(session).insert({"title": "New"})
        assert await Podcasts(session).by_ids([made.id]) == [made]
        async with services.database.read(actor.tenant_id) as outside:
            assert await Podcasts(outside).by_ids([made.id]) == [None]


async def _podcast(actor: Actor, title: str) -> None:
    async with actor.services.database.write(actor.tenant_id) as session:
        await Podcasts(session).insert({"title": title})


async def _counts(session: TenantSession) -> list[int]:
    """The podcasts by a statement that is compiled once, by SQLAlchemy, and by the driver alone."""
    return [
        await Podcasts(session).count(PodcastFilter()),
        await session.scalar(select(func.count()).select_from(Podcasts.table)),
        await session.connection.driver.fetchval("SELECT count(*) FROM podcasts"),
    ]


def _select_sleep() -> Select[tuple[None]]:
    return select(func.pg_sleep(bindparam("seconds", type_=Float())))
