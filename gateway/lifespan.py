"""What a process opens when it starts and closes when it ends: the typed state behind every request."""

import secrets
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import cast

import msgspec
from starlette.requests import HTTPConnection

from cache.broadcast import Broadcast
from cache.redis import open_redis
from gateway.auth.services import open_authentication
from gateway.context import Contexts
from gateway.middleware.drain import Drain
from gateway.settings import Feeds, IncompleteSettings, Settings
from ops.health import HealthCheck, Probe
from persistence.migrate import refuse_pending
from persistence.sessions import open_database
from resolvers.context import Services
from resolvers.feeds.fetcher import FeedFetcher, FetchSettings
from resolvers.feeds.reader import FeedReader, ReaderLimits

STATE = "process"
"""Where the lifespan's state lies in the state of an ASGI scope."""


class Process(msgspec.Struct, frozen=True):
    """Open for as long as the process serves."""

    services: Services
    contexts: Contexts
    health: HealthCheck


def process_of(connection: HTTPConnection) -> Process:
    """The process that serves the connection."""
    return cast(Process, connection.scope["state"][STATE])


@asynccontextmanager
async def open_process(settings: Settings, drain: Drain) -> AsyncIterator[Process]:
    """Raises UnsafeRole, PendingMigrations or DatabaseUnavailable when the database will not do; IncompleteSettings."""
    if settings.database.url is None:
        raise IncompleteSettings(
            "There is no database: set PODGRAPH_DATABASE__URL, or use `podgraph up`, which starts one."
        )
    if not settings.auth.signing_keys or settings.auth.hash_key is None:
        raise IncompleteSettings("There are no keys: set PODGRAPH_AUTH__SIGNING_KEYS and PODGRAPH_AUTH__HASH_KEY.")
    async with AsyncExitStack() as stack:
        database = open_database(
            settings.database.url,
            pool_size=settings.database.pool_size,
            statement_timeout=settings.database.statement_seconds,
        )
        stack.push_async_callback(database.close)
        await database.refuse_unsafe_role()
        await refuse_pending(settings.database.url)
        redis = open_redis(settings.redis.url)
        stack.push_async_callback(redis.aclose)
        authentication = open_authentication(
            signing_keys=[key.get_secret_value() for key in settings.auth.signing_keys],
            hash_key=settings.auth.hash_key.get_secret_value(),
            access_token_lifetime=timedelta(seconds=settings.auth.access_token_seconds),
            refresh_token_lifetime=timedelta(days=settings.auth.refresh_token_days),
            invite_lifetime=timedelta(days=settings.auth.invite_days),
            clock=_now,
            redis=redis,
        )
        stack.callback(authentication.close)
        broadcast = Broadcast(redis)
        await stack.enter_async_context(broadcast.running())
        reader = FeedReader(
            ReaderLimits(processes=settings.feeds.parse_processes, seconds=settings.feeds.parse_seconds)
        )
        stack.push_async_callback(reader.close)
        services = Services(
            database=database,
            broadcast=broadcast,
            feeds=FeedFetcher(_fetch_settings(settings.feeds)),
            reader=reader,
            clock=_now,
            random_token=lambda: secrets.token_urlsafe(32),
            identity=authentication.identity,
        )
        yield Process(
            services=services,
            contexts=Contexts(services, authentication.keyring, authentication.addresses),
            health=HealthCheck(
                [Probe("database", database.ping), Probe("redis", redis.ping, required=False)],
                draining=lambda: drain.draining,
                clock=time.monotonic,
            ),
        )


def _fetch_settings(feeds: Feeds) -> FetchSettings:
    if not feeds.allow_networks:
        return FetchSettings()
    return FetchSettings(allow_networks=feeds.allow_networks, ports=None)


def _now() -> datetime:
    return datetime.now(UTC)
