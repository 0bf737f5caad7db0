"""An attribution run outlives the server that works on it: killed, or stopped in order."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import create_async_engine

from persistence.database import open_database
from persistence.ids import RunId
from persistence.tables import attribution_jobs, path_sets
from resolvers.context import Services
from resolvers.runs.requests import run_attribution
from tests.actors import Actor
from tests.gateway.commands.terminal import KEYS, OwnDatabase, Terminal
from tests.resolvers.paths.scene import Scene, new_scene
from tests.resolvers.runs.scene import credited, state, three_currencies, wanted


@pytest.fixture
async def scene(services: Services, migrated: Terminal, own_database: OwnDatabase) -> AsyncIterator[Scene]:
    """In a database that only this test's server serves."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    migrated.set(**KEYS, PODGRAPH_HTTP__PORT=str(port), PODGRAPH_HTTP__DRAIN_SECONDS="0")
    database = open_database(own_database.app_url, pool_size=4, statement_timeout=10)
    found = await new_scene(msgspec.structs.replace(services, database=database))
    await three_currencies(found)
    yield found
    await database.close()


@asynccontextmanager
async def freezing_held_up(own_database: OwnDatabase) -> AsyncIterator[None]:
    """Within the block no path set can be made: a run stays where it is."""
    engine = create_async_engine(own_database.owner_url)
    try:
        async with engine.begin() as connection:
            await connection.execute(text("LOCK TABLE path_sets IN ACCESS EXCLUSIVE MODE"))
            yield
    finally:
        await engine.dispose()


async def until(actor: Actor, run_id: RunId, status: str) -> None:
    async with asyncio.timeout(30):
        while (await state(actor, run_id)).status != status:
            await asyncio.sleep(0.02)


async def test_run_of_a_killed_server_is_done_by_the_next_one(
    migrated: Terminal, own_database: OwnDatabase, scene: Scene
) -> None:
    run = await run_attribution(scene.actor.context(), wanted(scene, "MARKOV"))
    async with freezing_held_up(own_database):
        with migrated.start("serve") as server:
            await until(scene.actor, run.id, "RUNNING")
            server.send_signal(signal.SIGKILL)
            server.communicate()
    async with scene.actor.services.database.write_account() as session:
        expired = func.clock_timestamp() - func.make_interval(0, 0, 0, 0, 0, 0, 1)
        assert await session.scalar(select(attribution_jobs.c.attempts)) == 1
        await session.execute(update(attribution_jobs).values(lease_until=expired))
    with migrated.start("serve") as server:
        await until(scene.actor, run.id, "SUCCEEDED")
        server.terminate()
        server.communicate()
    assert sum((await credited(scene.actor, run)).values()) == 6
    async with scene.actor.services.database.read(scene.actor.tenant_id) as session:
        own = path_sets.c.tenant_id == scene.actor.tenant_id
        assert await session.scalar(select(func.count()).select_from(path_sets).where(own)) == 1


async def test_run_of_a_server_that_stops_is_free_at_once(
    migrated: Terminal, own_database: OwnDatabase, scene: Scene
) -> None:
    run = await run_attribution(scene.actor.context(), wanted(scene))
    async with freezing_held_up(own_database):
        with migrated.start("serve") as server:
            await until(scene.actor, run.id, "RUNNING")
            server.send_signal(signal.SIGTERM)
            out, err = server.communicate(timeout=30)
    assert "Traceback" not in out + err
    async with scene.actor.services.database.read_account() as session:
        [job] = await session.rows(select(attribution_jobs.c.lease_until, attribution_jobs.c.attempts))
    assert tuple(job) == (None, 0)
