"""The embedded PostgreSQL lives no longer than its Podgraph, and a crash of either is no obstacle."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.embedded import EmbeddedPostgres
from gateway.embedded.account import identity, server_account
from tests.services.sql import rows

REPOSITORY = Path(__file__).parents[2]

# Serves until it is ended; with a second argument it drains first, for which it needs the database.
PARENT = """
import signal, sys, time
from pathlib import Path
from gateway.embedded import EmbeddedPostgres

interrupted = []
if len(sys.argv) > 2:
    signal.signal(signal.SIGINT, lambda *_: interrupted.append(True))
with EmbeddedPostgres(Path(sys.argv[1])) as postgres:
    print("serving", flush=True)
    while not interrupted:
        time.sleep(0.01)
    time.sleep(0.2)  # what would kill the server has had the time to
    postgres.ensure_database("made_while_draining")
    print("drained", flush=True)
"""


@contextmanager
def podgraph(data_dir: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that serves the database, in a process group of its own like a shell's job."""
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(data_dir), *arguments],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "serving\n"
        yield process
    finally:
        process.kill()
        process.communicate(timeout=10)


def server_pid(data_dir: Path) -> int:
    return int((data_dir / "primary" / "postmaster.pid").read_text().split()[0])


def alive(pid: int) -> bool:
    """Whether the process runs; one that nobody has waited for yet (a zombie) does not."""
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], check=False, capture_output=True, text=True, timeout=10
    )
    return state.stdout.strip()[:1] not in ("", "Z")


@pytest.mark.parametrize(
    ("number", "exit_code"), [(signal.SIGINT, -signal.SIGINT), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_signal_to_the_process_stops_the_server(embedded_home: Path, number: signal.Signals, exit_code: int) -> None:
    with podgraph(embedded_home) as process:
        server = server_pid(embedded_home)
        process.send_signal(number)
        assert process.wait(timeout=20) == exit_code
    assert not alive(server)
    assert not (embedded_home / "primary" / "postmaster.pid").exists()
    assert "database system is shut down" in (embedded_home / "primary.log").read_text()


def test_ctrl_c_in_the_terminal_leaves_the_server_to_the_draining_process(embedded_home: Path) -> None:
    with podgraph(embedded_home, "drains") as process:
        server = server_pid(embedded_home)
        os.killpg(process.pid, signal.SIGINT)
        out, _ = process.communicate(timeout=20)
        assert (out, process.returncode) == ("drained\n", 0)
    assert not alive(server)


async def test_server_whose_process_was_killed_is_stopped_by_the_next_start(embedded_home: Path) -> None:
    with podgraph(embedded_home) as process:
        orphan = server_pid(embedded_home)
        process.kill()
        process.wait(timeout=10)
    assert alive(orphan)
    with EmbeddedPostgres(embedded_home) as server:
        assert not alive(orphan)
        assert server_pid(embedded_home) != orphan
        assert await rows(server.url("podgraph_app", "podgraph"), "SELECT 1") == [(1,)]
    assert "database system was shut down" in (embedded_home / "primary.log").read_text()


async def test_server_that_was_killed_itself_recovers_what_was_committed(embedded_home: Path) -> None:
    with EmbeddedPostgres(embedded_home) as server:
        await rows(server.url("podgraph_owner", "podgraph"), "CREATE TABLE committed AS SELECT 7 AS number")
        os.kill(server_pid(embedded_home), signal.SIGKILL)
    with EmbeddedPostgres(embedded_home) as server:
        assert await rows(server.url("podgraph_owner", "podgraph"), "SELECT number FROM committed") == [(7,)]


@contextmanager
def another_program(data_dir: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of PostgreSQL's account that is not PostgreSQL."""
    with subprocess.Popen(["sleep", "60"], cwd="/", **identity(server_account(data_dir))) as process:
        yield process
        process.kill()


async def test_stale_lock_whose_process_number_belongs_to_another_program(embedded_home: Path) -> None:
    with another_program(embedded_home) as other:
        pid_file = embedded_home / "primary" / "postmaster.pid"
        pid_file.write_text(f"{other.pid}\n{embedded_home}/primary\n1\n5432\n{embedded_home}/run\n\n  1  1\nready\n")
        with EmbeddedPostgres(embedded_home) as server:
            assert await rows(server.url("podgraph_app", "podgraph"), "SELECT 1") == [(1,)]
            assert other.poll() is None


async def test_empty_lock_file_of_a_full_disk_is_no_obstacle(embedded_home: Path) -> None:
    (embedded_home / "lock").write_text("")
    with EmbeddedPostgres(embedded_home) as server:
        assert await rows(server.url("podgraph_app", "podgraph"), "SELECT 1") == [(1,)]


def test_interrupted_initdb_is_begun_again(embedded_root: Path) -> None:
    half = embedded_root / "pg" / "primary.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(embedded_root / "pg", shared_root=embedded_root / "shared") as server:
        server.ensure_database()
    assert not half.exists()


def test_second_start_makes_nothing_anew(embedded_home: Path) -> None:
    made = (embedded_home / "primary" / "PG_VERSION").stat().st_mtime_ns
    with EmbeddedPostgres(embedded_home):
        assert (embedded_home / "primary" / "PG_VERSION").stat().st_mtime_ns == made


@pytest.mark.usefixtures("default_sigterm")
def test_signal_handlers_are_as_before_after_the_block(embedded_home: Path) -> None:
    with EmbeddedPostgres(embedded_home):
        assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
