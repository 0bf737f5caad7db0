"""Fixtures that all tests share: a real PostgreSQL, and the services of a process on top of it.

Tests share one database and do not clean up: each makes tenants of its own, as customers do.
"""

import secrets
import signal
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from ipaddress import ip_network

import pytest
import pytest_asyncio

from cache.broadcast import Broadcast
from cache.redis import open_redis
from gateway.embedded.postgres import APP, OWNER, EmbeddedPostgres
from persistence.migrate import migrate
from persistence.sessions import Database, open_database
from resolvers.context import Services
from resolvers.feeds.fetcher import FeedFetcher, FetchSettings
from resolvers.feeds.reader import FeedReader
from tests.identity import identity_services
from tests.services.directories import open_directory

pytest_plugins = ["tests.services.fixtures"]

DATABASE = "podgraph"


def pytest_configure() -> None:
    """The job of a shell in the background ignores SIGINT, and so would each program that a test starts and stops."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    settings = {"fsync": "off", "max_connections": "200"}
    with (
        open_directory() as root,
        EmbeddedPostgres(root / "pg", shared_root=root / "shared", settings=settings) as server,
    ):
        server.ensure_database(DATABASE)
        yield server


@pytest.fixture(scope="session")
def owner_url(postgres: EmbeddedPostgres) -> str:
    return postgres.url(OWNER, DATABASE)


@pytest.fixture(scope="session")
def app_url(postgres: EmbeddedPostgres) -> str:
    return postgres.url(APP, DATABASE)


@pytest_asyncio.fixture(scope="session")
async def database(owner_url: str, app_url: str) -> AsyncIterator[Database]:
    await migrate(owner_url, APP)
    opened = open_database(app_url, pool_size=10, statement_timeout=10)
    yield opened
    await opened.close()


@pytest_asyncio.fixture(scope="session")
async def services(database: Database) -> AsyncIterator[Services]:
    redis = open_redis(None)
    reader = FeedReader()
    yield Services(
        database=database,
        broadcast=Broadcast(redis),
        feeds=FeedFetcher(FetchSettings(allow_networks=(ip_network("127.0.0.0/8"),), ports=None)),
        reader=reader,
        clock=lambda: datetime.now(UTC),
        random_token=lambda: secrets.token_urlsafe(32),
        identity=identity_services(),
    )
    await reader.close()
    await redis.aclose()
