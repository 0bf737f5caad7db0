"""Streaming replicas of the embedded PostgreSQL: they follow, they come back, and nothing of them is left behind."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.embedded import EmbeddedError, EmbeddedPostgres
from gateway.embedded.standby import replica_directories
from tests.gateway.test_embedded_processes import REPOSITORY, alive
from tests.services.directories import open_directory
from tests.services.replicas import SETTINGS, copy_of
from tests.services.sql import rows

PARENT = """
import sys, time
from pathlib import Path
from gateway.embedded import EmbeddedPostgres

with EmbeddedPostgres(Path(sys.argv[1]), replicas=2):
    print("serving", flush=True)
    time.sleep(60)
"""


def postgres(root: Path, **options: object) -> EmbeddedPostgres:
    given: dict[str, object] = {"shared_root": root / "shared", "settings": SETTINGS, **options}
    return EmbeddedPostgres(root / "pg", **given)  # type: ignore[arg-type]  # passed on


@pytest.fixture
def root(stopped_cluster: Path) -> Iterator[Path]:
    """A directory with a stopped primary and two stopped replicas."""
    with open_directory(in_memory=True) as directory:
        copy_of(stopped_cluster, directory)
        yield directory


async def shown(server: EmbeddedPostgres, number: int = 0) -> list[tuple[object, ...]]:
    """What a replica shows of the table `written`, once it has all that the primary has."""
    [(position,)] = await rows(server.url("postgres", "podgraph"), "SELECT pg_current_wal_flush_lsn()::text")
    async with asyncio.timeout(20):
        while await rows(
            server.replica_urls("postgres", "postgres")[number],
            f"SELECT pg_last_wal_replay_lsn() >= '{position}'",
        ) != [(True,)]:
            await asyncio.sleep(0.01)
    return await rows(server.replica_urls("postgres", "podgraph")[number], "SELECT number FROM written ORDER BY number")


async def write(server: EmbeddedPostgres, number: int) -> None:
    owner = server.url("podgraph_owner", "podgraph")
    await rows(owner, "CREATE TABLE IF NOT EXISTS written (number int)")
    await rows(owner, f"INSERT INTO written VALUES ({number})")  # noqa: S608  # a number


def made(root: Path, name: str = "replica1") -> int:
    """Tells a copy from the one that was made in its place."""
    return (root / "pg" / name / "PG_VERSION").stat().st_ino


async def test_new_replicas_follow_over_sockets_alone(embedded_root: Path) -> None:
    with postgres(embedded_root, replicas=2) as server:
        server.ensure_database()
        await write(server, 7)
        assert [await shown(server, number) for number in (0, 1)] == [[(7,)], [(7,)]]
        for number, url in enumerate(server.replica_urls("podgraph_app", "podgraph"), start=1):
            facts = "SELECT pg_is_in_recovery(), current_setting('cluster_name'), current_setting('listen_addresses')"
            assert await rows(url, facts) == [(True, f"replica{number}", "")]
    assert not list((embedded_root / "pg").glob("*/postmaster.pid"))


async def test_without_replicas_nothing_is_kept_for_any(embedded_root: Path) -> None:
    with postgres(embedded_root) as server:
        assert server.replica_urls("podgraph_app", "podgraph") == ()
        assert await rows(server.url("postgres", "postgres"), "SHOW wal_keep_size") == [("0",)]
    assert replica_directories(embedded_root / "pg") == []


async def test_replica_beside_a_primary_with_a_port_of_its_own(root: Path) -> None:
    with postgres(root, replicas=2, port=5433) as server:
        await write(server, 7)
        assert [await shown(server, number) for number in (0, 1)] == [[(7,)], [(7,)]]


async def test_replica_in_a_directory_whose_name_needs_quotes(root: Path) -> None:
    (root / "pg").rename(root / "it's \\ here")
    (root / "pg").symlink_to(root / "it's \\ here")
    with postgres(root, replicas=1) as server:
        await write(server, 7)
        assert await shown(server) == [(7,)]


async def test_replica_that_was_not_run_for_a_while_catches_up(root: Path) -> None:
    before = made(root)
    with postgres(root) as server:
        await write(server, 7)
    with postgres(root, replicas=1) as server:
        assert await shown(server) == [(7,)]
    assert made(root) == before


async def test_replica_that_was_away_for_too_long_is_copied_anew(root: Path) -> None:
    before = made(root)
    small = {**SETTINGS, "min_wal_size": "32MB", "max_wal_size": "32MB", "wal_keep_size": "0"}
    with postgres(root, settings=small) as server:
        superuser = server.url("postgres", "podgraph")
        [(oldest,)] = await rows(superuser, "SELECT min(name) FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$'")
        for number in range(4):
            await write(server, number)
            await rows(superuser, "SELECT pg_switch_wal()")
            await rows(superuser, "CHECKPOINT")
        assert await rows(superuser, f"SELECT 1 FROM pg_ls_waldir() WHERE name = '{oldest}'") == []  # noqa: S608  # a name of PostgreSQL's
    with postgres(root, replicas=1) as server:
        assert await shown(server) == [(number,) for number in range(4)]
    assert made(root) != before


async def test_copy_of_another_database_is_replaced(root: Path) -> None:
    before = made(root)
    (root / "pg" / "primary").rename(root / "pg" / "aside")
    with postgres(root, replicas=1) as server:
        server.ensure_database()
        await write(server, 7)
        assert await shown(server) == [(7,)]
    assert made(root) != before


async def test_damaged_replica_is_copied_anew(root: Path) -> None:
    (root / "pg" / "replica1" / "global" / "pg_control").unlink()
    with postgres(root, replicas=1) as server:
        await write(server, 7)
        assert await shown(server) == [(7,)]


def test_interrupted_copy_is_begun_again(embedded_root: Path) -> None:
    half = embedded_root / "pg" / "replica1.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    with postgres(embedded_root, replicas=1):
        assert not half.exists()
        assert replica_directories(embedded_root / "pg") == [embedded_root / "pg" / "replica1"]


def test_copy_that_cannot_be_made_is_said_in_a_sentence_and_leaves_nothing(embedded_root: Path) -> None:
    with (
        pytest.raises(EmbeddedError) as caught,
        postgres(embedded_root, replicas=1, settings={**SETTINGS, "max_wal_senders": "0", "wal_level": "minimal"}),
    ):
        pass
    assert caught.value.message.startswith("The copy replica1 of the database could not be made: ")
    assert caught.value.message.count("\n") == 0
    assert not list((embedded_root / "pg").glob("replica*"))
    assert not list((embedded_root / "pg").glob("*/postmaster.pid"))


@pytest.mark.parametrize("replicas", [0, 2])
async def test_promoted_replica_is_not_passed_over(root: Path, replicas: int) -> None:
    with postgres(root, replicas=2) as server:
        await rows(server.replica_urls("postgres", "podgraph")[0], "SELECT pg_promote()")
    before = made(root)
    with pytest.raises(EmbeddedError) as caught, postgres(root, replicas=replicas):
        pass
    home = root / "pg"
    assert caught.value.message == (
        f"The replica {home}/replica1 was promoted and may hold writes that {home}/primary lacks: put it in the place"
        " of the primary to go on with its data, or remove it to go on without."
    )
    assert made(root) == before


async def test_promoted_replica_in_the_place_of_the_primary_is_followed(root: Path) -> None:
    with postgres(root, replicas=2) as server:
        os.kill(server.servers[0].pid or 0, signal.SIGKILL)
        promoted = server.replica_urls("postgres", "podgraph")[0]
        await rows(promoted, "SELECT pg_promote()")
        await rows(promoted, "CREATE TABLE written AS SELECT 7 AS number")
    (root / "pg" / "primary").rename(root / "pg" / "aside")
    (root / "pg" / "replica1").rename(root / "pg" / "primary")
    with postgres(root, replicas=2) as server:
        assert [await shown(server, number) for number in (0, 1)] == [[(7,)], [(7,)]]


@pytest.mark.parametrize("replicas", [0, 2])
def test_replicas_whose_process_was_killed_are_stopped_by_the_next_start(root: Path, replicas: int) -> None:
    shared = root / "pg"
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(shared)], cwd=REPOSITORY, stdout=subprocess.PIPE, start_new_session=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"serving\n"
    finally:
        process.kill()
        process.communicate(timeout=10)
    orphans = [int((shared / name / "postmaster.pid").read_text().split()[0]) for name in ("replica1", "replica2")]
    assert all(map(alive, orphans))
    with postgres(root, replicas=replicas) as server:
        assert not any(map(alive, orphans))
        assert len(server.servers) == 1 + replicas


async def test_commit_waits_for_a_replica_where_that_is_asked_for(root: Path) -> None:
    with postgres(root, replicas=2, synchronous=True) as server:
        found = await rows(
            server.url("postgres", "postgres"),
            "SELECT application_name, sync_state FROM pg_stat_replication ORDER BY application_name",
        )
        assert found == [("replica1", "quorum"), ("replica2", "quorum")]
        promoted = server.replica_urls("postgres", "podgraph")[0]
        os.kill(server.servers[0].pid or 0, signal.SIGKILL)
        await rows(promoted, "SELECT pg_promote()")
        assert await rows(promoted, "SHOW synchronous_standby_names") == [("",)]
