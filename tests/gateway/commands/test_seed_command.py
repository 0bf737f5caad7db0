"""`podgraph seed` makes the demo once, mends it where it is broken, and survives being cut off."""

import asyncio
import json
import os
import re
import signal
import time
from typing import Any

from gateway.demo.content import demo_content
from tests.gateway.commands.terminal import OwnDatabase, Terminal
from tests.services.sql import rows

SHOWS = len(demo_content().shows)
EPISODES = sum(len(show.episodes) for show in demo_content().shows)


def ask(database: OwnDatabase, statement: str) -> list[tuple[Any, ...]]:
    return asyncio.run(rows(database.superuser_url, statement))


def counts(database: OwnDatabase) -> dict[str, int]:
    tables = ("users", "tenants", "podcasts", "episodes", "api_keys")
    return {table: ask(database, f"SELECT count(*) FROM {table}")[0][0] for table in tables}  # noqa: S608  # names above


def demo(terminal: Terminal) -> dict[str, Any]:
    return dict[str, Any](json.loads((terminal.data_dir / "demo.json").read_bytes()))


def test_login_and_key_are_printed_and_kept(migrated: Terminal, own_database: OwnDatabase) -> None:
    said = migrated.run("seed")
    shown = re.fullmatch(r"Login demo@example\.com with (\S+); API key (pgk_\S+)\n", said.out)
    assert shown is not None
    assert (shown[1], shown[2]) == (demo(migrated)["password"], demo(migrated)["api_key"])
    assert (migrated.data_dir / "demo.json").stat().st_mode & 0o777 == 0o600
    assert (migrated.data_dir / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert counts(own_database) == {"users": 1, "tenants": 1, "podcasts": SHOWS, "episodes": EPISODES, "api_keys": 1}


def test_seeding_twice_changes_nothing(seeded: Terminal, own_database: OwnDatabase) -> None:
    before, first = counts(own_database), demo(seeded)
    assert seeded.run("seed").status == 0
    assert (counts(own_database), demo(seeded)) == (before, first)


def test_without_a_database_the_embedded_one_is_made_and_kept(terminal: Terminal) -> None:
    first = terminal.run("seed")
    assert first.status == 0
    assert terminal.run("seed") == first


def test_database_that_is_not_migrated(connected: Terminal) -> None:
    assert connected.sentence("seed") == (
        "The database is not at the newest schema: run `podgraph migrate`, then start again."
    )


def test_damaged_demo_file_says_what_to_delete_and_that_mends_it(seeded: Terminal, own_database: OwnDatabase) -> None:
    file = seeded.data_dir / "demo.json"
    key = demo(seeded)["api_key"]
    file.write_text("{")
    assert seeded.sentence("seed") == f"{file} is damaged: delete it and start again, which makes a new key."
    file.unlink()
    assert seeded.run("seed").status == 0
    assert demo(seeded)["api_key"] != key
    assert counts(own_database)["podcasts"] == SHOWS


def test_damaged_secrets_say_what_to_delete_and_that_mends_it(seeded: Terminal, own_database: OwnDatabase) -> None:
    file = seeded.data_dir / "secrets.json"
    file.write_text('{"signing_key": 1}')
    assert seeded.sentence("seed") == (
        f"{file} is damaged: delete it and start again, which makes new keys; everybody has to sign in anew."
    )
    file.unlink()
    (seeded.data_dir / "demo.json").unlink()
    password = ask(own_database, "SELECT password_hash FROM users")
    assert seeded.run("seed").status == 0
    assert ask(own_database, "SELECT password_hash FROM users") != password
    assert (counts(own_database)["users"], counts(own_database)["podcasts"]) == (1, SHOWS)


def test_demo_user_who_was_deleted_is_made_again(seeded: Terminal, own_database: OwnDatabase) -> None:
    ask(own_database, "TRUNCATE users CASCADE")
    assert seeded.run("seed").status == 0
    found = counts(own_database)
    assert (found["users"], found["api_keys"]) == (1, 1)
    [(tenant,)] = ask(own_database, "SELECT tenant_id FROM memberships")
    assert demo(seeded)["tenant_id"] == tenant


def test_revoked_demo_key_is_replaced(seeded: Terminal, own_database: OwnDatabase) -> None:
    old = demo(seeded)["api_key"]
    ask(own_database, "UPDATE api_keys SET revoked_at = now()")
    assert seeded.run("seed").status == 0
    assert demo(seeded)["api_key"] != old
    assert ask(own_database, "SELECT count(*) FROM api_keys WHERE revoked_at IS NULL") == [(1,)]


def test_another_database_under_the_same_data_directory_gets_its_own_demo(
    seeded: Terminal, own_database: OwnDatabase
) -> None:
    ask(own_database, "TRUNCATE users, tenants CASCADE")
    assert seeded.run("seed").status == 0
    assert counts(own_database) == {"users": 1, "tenants": 1, "podcasts": SHOWS, "episodes": EPISODES, "api_keys": 1}


def test_seed_killed_in_the_middle_is_done_whole_by_the_next(migrated: Terminal, own_database: OwnDatabase) -> None:
    writing = (
        f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{own_database.name}'"  # noqa: S608  # a name of ours
        " AND backend_xid IS NOT NULL AND query LIKE 'INSERT INTO episodes%'"
    )
    with migrated.start("seed") as process:
        deadline = time.monotonic() + 60
        while ask(own_database, writing) == [(0,)]:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert counts(own_database)["podcasts"] == 0
    assert not (migrated.data_dir / "demo.json").exists()
    assert migrated.run("seed").status == 0
    assert counts(own_database) == {"users": 1, "tenants": 1, "podcasts": SHOWS, "episodes": EPISODES, "api_keys": 1}


def test_production_has_no_demo(migrated: Terminal) -> None:
    migrated.set(
        PODGRAPH_ENVIRONMENT="production",
        PODGRAPH_AUTH__SIGNING_KEYS="a signing key that has 32 bytes and more",
        PODGRAPH_AUTH__HASH_KEY="a hash key",
    )
    assert migrated.sentence("seed") == "The demo is for development: PODGRAPH_ENVIRONMENT is production."
    assert migrated.sentence("up") == (
        "`podgraph up` is for development: in production use `podgraph migrate` and `podgraph serve`."
    )
