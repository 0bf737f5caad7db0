"""What a process opens when it starts and closes when it ends."""

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

from cache.broadcast import Broadcast
from cache.redis import open_redis
from gateway.settings import Settings
from persistence.sessions import open_database
from resolvers.context import Services
from resolvers.feeds.fetcher import FeedFetcher, FetchSettings


@asynccontextmanager
async def open_services(settings: Settings) -> AsyncIterator[Services]:
    """Everything that requests need. Raises UnsafeRole or DatabaseUnavailable when the database will not do."""
    if settings.database.url is None:
        raise ValueError("no database: `podgraph up` starts one, or set PODGRAPH_DATABASE__URL")
    async with AsyncExitStack() as stack:
        database = open_database(
            settings.database.url,
            pool_size=settings.database.pool_size,
            statement_timeout=settings.database.statement_seconds,
        )
        stack.push_async_callback(database.close)
        await database.refuse_unsafe_role()
        redis = open_redis(settings.redis.url)
        stack.push_async_callback(redis.aclose)
        broadcast = Broadcast(redis)
        await stack.enter_async_context(broadcast.running())
        yield Services(
            database=database,
            broadcast=broadcast,
            feeds=FeedFetcher(FetchSettings(allow_networks=settings.feeds.allow_networks)),
            clock=lambda: datetime.now(UTC),
            random_token=lambda: secrets.token_urlsafe(32),
        )

