"""Fixtures that all tests share: a real PostgreSQL, and the services of a process on top of it.

Tests share one database and do not clean up: each makes tenants of its own, as customers do.
"""

import os
import secrets
import signal
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from ipaddress import ip_network

import pytest
import pytest_asyncio
from prometheus_client import CollectorRegistry

from cache.broadcast import Broadcast
from cache.redis import open_redis
from gateway.embedded.postgres import APP, OWNER, EmbeddedPostgres
from ops.telemetry.metrics import EventMetrics
from persistence.database import Database, open_database
from persistence.migrate import migrate
from persistence.partitions import make_partitions
from resolvers.context import Services
from resolvers.events.intake import Intake, IntakeSettings
from resolvers.events.kinds import EventType
from resolvers.feeds.fetcher import FeedFetcher, FetchSettings
from resolvers.feeds.reader import FeedReader
from resolvers.runs.line import Line
from tests.identity import identity_services
from tests.services.directories import open_directory

pytest_plugins = ["tests.services.fixtures"]

DATABASE = "podgraph"
KEEP_MONTHS = 25
"""The months of events that the tests' database has partitions for, before the present one."""


def pytest_configure() -> None:
    # The job of a shell in the background ignores SIGINT, and so would each program that a test starts and stops.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Else each of these programs would compile the source anew.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


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
    await make_partitions(opened, _now(), KEEP_MONTHS)
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
        intake=Intake(
            database, IntakeSettings("tests", KEEP_MONTHS), _now, EventMetrics(CollectorRegistry(), EventType)
        ),
        line=Line(),
        clock=_now,
        random_token=lambda: secrets.token_urlsafe(32),
        identity=identity_services(),
    )
    await reader.close()
    await redis.aclose()


def _now() -> datetime:
    return datetime.now(UTC)
