"""A terminal, and a terminal with a database that the commands find in the environment."""

from pathlib import Path

import pytest

from gateway.embedded.postgres import EmbeddedPostgres
from tests.gateway.commands.terminal import OwnDatabase, Terminal


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, embedded_root: Path) -> Terminal:
    return Terminal(monkeypatch, embedded_root / "data")


@pytest.fixture
def own_database(postgres: EmbeddedPostgres) -> OwnDatabase:
    """An empty database, not migrated."""
    return OwnDatabase(postgres)


@pytest.fixture
def connected(terminal: Terminal, own_database: OwnDatabase) -> Terminal:
    """A terminal whose environment names an empty database."""
    terminal.set(PODGRAPH_DATABASE__URL=own_database.app_url, PODGRAPH_DATABASE__OWNER_URL=own_database.owner_url)
    return terminal


@pytest.fixture
def migrated(connected: Terminal) -> Terminal:
    """A terminal whose environment names a migrated database."""
    assert connected.run("migrate").status == 0
    return connected
