"""Who is heard, and who may keep what he reads, over a real database."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from cache.coherence import Coherence
from cache.redis import open_redis
from gateway.coherence import open_coherence
from persistence.database import Database, open_database
from persistence.repositories.podcasts import Podcasts
from resolvers.context import Services
from tests.actors import new_tenant
from tests.services.redis_server import RedisServer


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


@asynccontextmanager
async def process(
    app_url: str, redis_url: str | None = None, *, keeping: bool = True
) -> AsyncIterator[tuple[Database, Coherence | None]]:
    database = open_database(app_url, pool_size=2, statement_timeout=5)
    redis = open_redis(redis_url) if redis_url else None
    try:
        async with database.watch.running(), open_coherence(database, redis, keeping=keeping) as coherence:
            yield database, coherence
    finally:
        await database.close()
        if redis is not None:
            await redis.aclose()


async def trusts(coherence: Coherence | None) -> None:
    """Comes back when it does."""
    assert coherence is not None
    await eventually(lambda: coherence.trusted)


async def test_without_redis_only_one_process_keeps_anything(app_url: str) -> None:
    async with process(app_url) as (_, first):
        await trusts(first)
        async with process(app_url) as (_, second):
            assert second is None
            await trusts(first)
    async with process(app_url) as (_, third):
        await trusts(third)


async def test_without_redis_a_command_and_a_process_that_keeps_nothing_leave_the_place_to_others(app_url: str) -> None:
    async with process(app_url, keeping=False) as (_, command), process(app_url) as (_, server):
        assert command is None
        await trusts(server)


async def test_command_that_nobody_hears_is_noticed_before_it_writes(app_url: str, services: Services) -> None:
    actor = await new_tenant(services)
    async with process(app_url) as (_, server), process(app_url, keeping=False) as (command, _):
        await trusts(server)
        assert server is not None
        written: list[int] = []
        async with command.write(actor.tenant_id, wrote=written.append) as session:
            await Podcasts(session).insert({"title": "One"})
        assert not server.trusted
        await trusts(server)
        # What was read before it is not believed any more.
        assert server.floor(actor.tenant_id) >= written[0]


async def test_command_that_nobody_needs_to_hear_does_not_wait(app_url: str, services: Services) -> None:
    actor = await new_tenant(services)
    async with process(app_url, keeping=False) as (command, _):
        began = asyncio.get_running_loop().time()
        async with command.write(actor.tenant_id) as session:
            await Podcasts(session).insert({"title": "One"})
        assert asyncio.get_running_loop().time() - began < 1.0  # it would wait for 1.25


async def test_processes_with_one_redis_hear_each_other(
    app_url: str, services: Services, redis_server: RedisServer
) -> None:
    actor = await new_tenant(services)
    url = redis_server.url
    async with process(app_url, url) as (_, server), process(app_url, url, keeping=False) as (command, told):
        await trusts(server)
        assert server is not None
        assert told is not None
        async with command.write(actor.tenant_id) as session:
            await Podcasts(session).insert({"title": "One"})
        moment = await server.moment()
        assert moment.trusted
        assert server.floor(actor.tenant_id) > 0


async def test_process_with_redis_keeps_nothing_beside_one_without(app_url: str, redis_server: RedisServer) -> None:
    async with process(app_url) as (_, alone):
        await trusts(alone)
        async with process(app_url, redis_server.url) as (_, other):
            assert other is None
        await trusts(alone)
