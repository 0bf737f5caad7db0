"""A terminal, and a terminal with a database that the commands find in the environment."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.embedded.postgres import APP, EmbeddedPostgres
from persistence.migrate import migrate
from tests.gateway.commands.terminal import OwnDatabase, SeededDemo, Terminal
from tests.services.directories import open_directory


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


@pytest.fixture(scope="session")
def migrated_to_copy(postgres: EmbeddedPostgres) -> str:
    """The name of a migrated database: copying it takes a fraction of the time that migrating does."""
    database = OwnDatabase(postgres)
    asyncio.run(migrate(database.owner_url, APP))
    return database.name


@pytest.fixture
def migrated(migrated_to_copy: str, connected: Terminal, own_database: OwnDatabase) -> Terminal:
    """A terminal whose environment names a migrated database."""
    own_database.become(migrated_to_copy)
    return connected


@pytest.fixture(scope="session")
def demo_to_copy(postgres: EmbeddedPostgres, migrated_to_copy: str) -> Iterator[SeededDemo]:
    """Seeded once, since that takes some seconds."""
    database = OwnDatabase(postgres)
    database.become(migrated_to_copy)
    with open_directory() as root:
        # Not until the session's end: no other test is to find these variables.
        with pytest.MonkeyPatch.context() as environment:
            terminal = Terminal(environment, root / "data")
            terminal.set(PODGRAPH_DATABASE__URL=database.app_url, PODGRAPH_DATABASE__OWNER_URL=database.owner_url)
            assert terminal.run("seed").status == 0
        yield SeededDemo(database.name, terminal.data_dir)


@pytest.fixture
def seeded(demo_to_copy: SeededDemo, connected: Terminal, own_database: OwnDatabase) -> Terminal:
    """A terminal whose environment names a database with the demo in it."""
    demo_to_copy.give(connected, own_database)
    return connected
