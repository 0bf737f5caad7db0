"""`podgraph migrate` brings a database to the newest schema, once."""

from alembic.script import ScriptDirectory

from persistence import migrations
from tests.gateway.commands.terminal import OwnDatabase, Terminal

HEAD = ScriptDirectory(migrations.__path__[0]).get_current_head()


def test_empty_database_gets_the_newest_schema_and_twice_is_once(connected: Terminal) -> None:
    for _ in range(2):
        said = connected.run("migrate")
        assert (said.status, said.out) == (0, f"The database is at revision {HEAD}.\n")


def test_owner_is_needed(terminal: Terminal, own_database: OwnDatabase) -> None:
    terminal.set(PODGRAPH_DATABASE__URL=own_database.app_url)
    assert terminal.sentence("migrate") == (
        "Migrations need PODGRAPH_DATABASE__OWNER_URL, of the role that owns the tables."
    )


def test_owner_that_does_not_exist(connected: Terminal, own_database: OwnDatabase) -> None:
    connected.set(PODGRAPH_DATABASE__OWNER_URL=own_database.owner_url.replace("podgraph_owner", "nobody"))
    assert connected.sentence("migrate").startswith('The database cannot be reached (role "nobody" does not exist)')
