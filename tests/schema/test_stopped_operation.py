"""A query that is stopped stops the database's work too, and gives its connections back clean."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from persistence.database import open_database
from resolvers.context import RequestContext, Services
from tests.actors import new_tenant
from tests.graph import executed
from tests.resolvers.campaigns.scene import new_campaign, new_line_item

QUERY = "{ campaigns { nodes { advertiser { name } lineItems { nodes { name } } placements { totalCount } } } }"


class HeldTable:
    """Nobody reads the table while it is held."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def readers(self) -> int:
        """How many statements wait for it."""
        # Not pg_stat_activity, of which a transaction sees what it was at first.
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        return int(await self._connection.scalar(text(waiting)) or 0)

    async def until_readers(self, count: int) -> None:
        async with asyncio.timeout(10):
            while await self.readers() != count:
                await asyncio.sleep(0.01)


@asynccontextmanager
async def held(owner_url: str, table: str) -> AsyncGenerator[HeldTable, None]:
    engine = create_async_engine(owner_url)
    try:
        async with engine.begin() as connection:
            await connection.execute(text(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
            yield HeldTable(connection)
    finally:
        await engine.dispose()


@pytest.mark.parametrize("table", ["campaigns", "advertisers", "line_items", "placements"])
async def test_stopped_query_leaves_no_statement_behind(
    services: Services, app_url: str, owner_url: str, table: str
) -> None:
    actor = await new_tenant(services)
    campaign = await new_campaign(actor)
    await new_line_item(actor, campaign.id)
    database = open_database(app_url, pool_size=8, statement_timeout=10)
    own = msgspec.structs.replace(services, database=database)
    try:
        async with held(owner_url, table) as lock:
            query = asyncio.create_task(executed(RequestContext(own, actor.viewer), QUERY))
            await lock.until_readers(1)
            query.cancel()
            await asyncio.gather(query, return_exceptions=True)
            assert query.cancelled()
            await lock.until_readers(0)
        for _ in range(3):
            again = await executed(RequestContext(own, actor.viewer), QUERY)
            assert (again.errors, len((again.data or {})["campaigns"]["nodes"])) == ((), 1)
    finally:
        await database.close()
