"""Fixtures over the real services; tests/conftest.py names this module in `pytest_plugins`."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.embedded import EmbeddedPostgres
from tests.services.chromium import chromium_executable
from tests.services.redis_server import RedisServer


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
def embedded_template() -> Iterator[Path]:
    """A stopped embedded PostgreSQL with its roles and the database `podgraph`, for tests that break one."""
    root = Path(tempfile.mkdtemp(prefix="podgraph-"))
    root.chmod(0o755)  # root's server runs under another account
    with EmbeddedPostgres(root / "pg", shared_root=root / "shared") as postgres:
        postgres.ensure_database()
    yield root / "pg"
    shutil.rmtree(root)


@pytest.fixture
def embedded_root() -> Iterator[Path]:
    """An empty directory with a short path that every account may enter, as sockets and root's server need."""
    root = Path(tempfile.mkdtemp(prefix="podgraph-"))
    root.chmod(0o755)
    yield root
    shutil.rmtree(root)


@pytest.fixture
def embedded_home(embedded_template: Path, embedded_root: Path) -> Path:
    """A copy of the template, to be started, broken and thrown away."""
    home = embedded_root / "pg"
    subprocess.run(["cp", "-a", str(embedded_template), str(home)], check=True, timeout=60)
    return home
