"""Fixtures over the real services; tests/conftest.py names this module in `pytest_plugins`."""

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.embedded import EmbeddedPostgres
from tests.services.chromium import chromium_executable
from tests.services.directories import copied, open_directory
from tests.services.gateway import Gateway
from tests.services.redis_server import RedisServer
from tests.services.replicas import Cluster, copy_of


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """An empty Redis of this test's own, which may kill, restart and pause it."""
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="session")
def chromium_path() -> Path:
    """The browser's executable; start it with `tests.services.chromium.launch_options`."""
    return chromium_executable()


@pytest.fixture(scope="session")
def demo_server() -> Iterator[Gateway]:
    """A running `podgraph up` with its demo; tests share it and leave it as it is, adding to it at most."""
    with open_directory() as root, Gateway(root / "data") as gateway:
        yield gateway


@pytest.fixture(scope="session")
def stopped_home() -> Iterator[Path]:
    """The data directory of a `podgraph up` with its demo that has been stopped: to be copied, not changed."""
    with open_directory() as root:
        with Gateway(root / "data") as gateway:
            pass
        yield gateway.data_dir


@pytest.fixture
def own_home(stopped_home: Path) -> Iterator[Path]:
    """The data directory of a stopped `podgraph up`, of this test's own."""
    with open_directory() as root:
        copied(stopped_home, root / "data")
        yield root / "data"


@pytest.fixture
def own_gateway(own_home: Path) -> Iterator[Gateway]:
    """A running `podgraph up` of this test's own, to be stopped, killed and started; it has been started before."""
    with Gateway(own_home) as gateway:
        yield gateway


@pytest.fixture
def embedded_root() -> Iterator[Path]:
    """An empty directory of this test's own, as `open_directory` makes it."""
    with open_directory() as root:
        yield root


@pytest.fixture(scope="module")
def embedded_home() -> Iterator[Path]:
    """A stopped embedded PostgreSQL with its roles and the database `podgraph`; a test leaves it stopped and whole."""
    with open_directory() as root:
        with EmbeddedPostgres(root / "pg", shared_root=root / "shared") as postgres:
            postgres.ensure_database()
        yield root / "pg"


@pytest.fixture(scope="session")
def stopped_cluster() -> Iterator[Path]:
    """A stopped cluster with a migrated database: to be copied, not changed."""
    with open_directory(in_memory=True) as root:
        with Cluster(root) as cluster:
            asyncio.run(cluster.prepare())
        yield root


@pytest.fixture(scope="session")
def replicated(stopped_cluster: Path) -> Iterator[Cluster]:
    """A primary and two replicas, which tests share and leave running, in step and in their roles."""
    with open_directory(in_memory=True) as root:
        copy_of(stopped_cluster, root)
        with Cluster(root) as cluster:
            yield cluster


@pytest.fixture
def own_cluster(stopped_cluster: Path) -> Iterator[Cluster]:
    """A primary and two replicas of this test's own, to be killed and promoted."""
    with open_directory(in_memory=True) as root:
        copy_of(stopped_cluster, root)
        with Cluster(root) as cluster:
            yield cluster


@pytest.fixture
def synchronous_cluster(stopped_cluster: Path) -> Iterator[Cluster]:
    """The same, where a commit waits until a replica has it."""
    with open_directory(in_memory=True) as root:
        copy_of(stopped_cluster, root)
        with Cluster(root, synchronous=True) as cluster:
            yield cluster


@pytest.fixture
def default_sigterm() -> Iterator[None]:
    """SIGTERM does within the test what it does in a new process; the embedded server of the session minds it too."""
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGTERM, before)
