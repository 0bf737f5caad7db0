"""Whatever keeps the embedded PostgreSQL from starting is one sentence that names the cause and the way out."""

import os
import pwd
import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.embedded import EmbeddedError, EmbeddedPostgres
from gateway.embedded.account import server_account
from gateway.embedded.failures import failure


def refusal(data_dir: Path, **options: object) -> str:
    """The sentence with which PostgreSQL does not start over `data_dir`."""
    shared = data_dir.parent / "shared"
    with (
        pytest.raises(EmbeddedError) as caught,
        EmbeddedPostgres(data_dir, shared_root=shared, **options),  # type: ignore[arg-type]  # passed on
    ):
        pass
    message = caught.value.message
    assert "\n" not in message
    assert message.endswith(".")
    assert str(caught.value) == message
    return message


@contextmanager
def without(*paths: Path) -> Iterator[None]:
    """The paths are gone, for a while; what is put in their place goes away with it."""
    kept = [(path, path.with_name(f"{path.name}.kept")) for path in paths]
    for path, aside in kept:
        path.rename(aside)
    try:
        yield
    finally:
        for path, aside in kept:
            path.unlink(missing_ok=True)
            aside.rename(path)


@contextmanager
def instead(path: Path, content: bytes) -> Iterator[None]:
    """The file holds something else, for a while."""
    status = path.stat()
    with without(path):
        path.write_bytes(content)
        os.chown(path, status.st_uid, status.st_gid)
        path.chmod(0o600)
        yield


def as_ordinary_user(call: Callable[[], str]) -> str:
    """What `call` returns when an ordinary user makes it; root makes it as `nobody` in a child process."""
    if os.geteuid() != 0:
        return call()
    nobody = pwd.getpwnam("nobody")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(nobody.pw_gid)
        os.setuid(nobody.pw_uid)
        try:
            os.write(writing, call().encode())
        except BaseException as error:  # the parent reports it
            os.write(writing, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as result:
        said = result.read().decode()
    os.waitpid(child, 0)
    return said


def test_directory_in_use_names_the_process(embedded_home: Path) -> None:
    with EmbeddedPostgres(embedded_home):
        assert refusal(embedded_home) == (
            f"The data directory {embedded_home} is in use by another Podgraph (process {os.getpid()}): stop it first, "
            "or choose another directory."
        )


def test_refused_second_start_does_not_disturb_the_first(embedded_home: Path) -> None:
    with EmbeddedPostgres(embedded_home) as server:
        refusal(embedded_home)
        server.ensure_database("still_served")


def test_taken_port(embedded_home: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert refusal(embedded_home, port=port) == (
            f"Port {port} of 127.0.0.1 cannot be had for PostgreSQL (Address already in use): choose another."
        )


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"garbage", "PG_VERSION says 'garbage'"), (b"", "PG_VERSION says ''"), (b"\xff\xfe", "PG_VERSION is not text")],
)
def test_overwritten_pg_version(embedded_home: Path, content: bytes, reason: str) -> None:
    with instead(embedded_home / "primary" / "PG_VERSION", content):
        message = refusal(embedded_home)
    assert message == (
        f"The data directory {embedded_home}/primary is damaged: {reason}; restore it, or move it away to begin afresh."
    )


def test_missing_pg_version(embedded_home: Path) -> None:
    with without(embedded_home / "primary" / "PG_VERSION"):
        message = refusal(embedded_home)
    assert message == (
        f"The data directory {embedded_home}/primary is damaged: PG_VERSION is missing; restore it, or move it away to "
        "begin afresh."
    )


def test_data_of_another_major_version(embedded_home: Path) -> None:
    with instead(embedded_home / "primary" / "PG_VERSION", b"17\n"):
        message = refusal(embedded_home)
    assert message == (
        f"The data directory {embedded_home}/primary was made by PostgreSQL 17 and this is PostgreSQL 18: move it away "
        "to begin afresh, or carry it over with pg_upgrade."
    )


def test_truncated_control_file(embedded_home: Path) -> None:
    control = embedded_home / "primary" / "global" / "pg_control"
    with instead(control, control.read_bytes()[:100]):
        message = refusal(embedded_home)
    assert message == (
        f'The data directory {embedded_home}/primary is damaged: could not read file "global/pg_control": read 100 of '
        f"296; restore it, or move it away to begin afresh (log: {embedded_home}/primary.log)."
    )


def test_overwritten_control_file(embedded_home: Path) -> None:
    with instead(embedded_home / "primary" / "global" / "pg_control", b"\x01" * 8192):
        message = refusal(embedded_home)
    assert message == (
        f"The data directory {embedded_home}/primary is damaged: database files are incompatible with server; restore "
        f"it, or move it away to begin afresh (log: {embedded_home}/primary.log)."
    )


def test_lost_write_ahead_log(embedded_home: Path) -> None:
    with without(*(embedded_home / "primary" / "pg_wal").glob("0*")):
        message = refusal(embedded_home)
    assert message.startswith(
        f"The data directory {embedded_home}/primary is damaged: could not locate a valid checkpoint record at "
    )


def test_lost_configuration(embedded_home: Path) -> None:
    with without(embedded_home / "primary" / "postgresql.conf"):
        message = refusal(embedded_home)
    assert message.startswith(
        f"The data directory {embedded_home}/primary is damaged: could not access the server configuration file"
    )


def test_data_is_a_file(embedded_home: Path) -> None:
    with without(embedded_home / "primary"):
        (embedded_home / "primary").write_text("not a directory")
        message = refusal(embedded_home)
    assert message == (
        f"The data directory {embedded_home}/primary is damaged: it is not a directory; restore it, or move it away to "
        "begin afresh."
    )


def test_data_directory_is_a_file(embedded_root: Path) -> None:
    (embedded_root / "pg").write_text("a file")
    assert refusal(embedded_root / "pg") == (f"{embedded_root}/pg is not a directory: choose another data directory.")


def test_data_directory_below_a_file(embedded_root: Path) -> None:
    (embedded_root / "file").write_text("a file")
    assert refusal(embedded_root / "file" / "pg") == (
        f"{embedded_root}/file is not a directory: choose another data directory."
    )


def test_link_to_data_that_is_gone(embedded_root: Path) -> None:
    (embedded_root / "pg").symlink_to(embedded_root / "gone")
    assert refusal(embedded_root / "pg") == (
        f"{embedded_root}/pg is a link to {embedded_root}/gone, which is gone: remove the link to begin afresh."
    )


def test_no_permission(embedded_root: Path) -> None:
    closed = embedded_root / "closed"
    closed.mkdir(mode=0o500)
    assert as_ordinary_user(lambda: refusal(closed / "pg")) == (
        f"No permission for {closed}/pg: choose a directory that you may write to."
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another user's directory")
def test_data_of_another_user(embedded_root: Path) -> None:
    (embedded_root / "pg").mkdir(mode=0o755)
    assert as_ordinary_user(lambda: refusal(embedded_root / "pg")) == (
        f"The data directory {embedded_root}/pg belongs to root: start as root, or choose another."
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands PostgreSQL to another account")
def test_data_out_of_reach_of_the_account_that_root_uses(embedded_root: Path) -> None:
    closed = embedded_root / "closed"
    closed.mkdir(mode=0o700)
    (closed / "pg").mkdir()
    (closed / "pg" / "primary").mkdir()
    account = server_account(closed / "pg")
    assert account is not None
    assert refusal(closed / "pg") == (
        f"The data in {closed}/pg is out of reach for '{account.name}', as whom PostgreSQL runs because it refuses "
        "root: move it to a directory that everybody may enter."
    )


def test_path_too_long_for_a_socket(embedded_root: Path) -> None:
    data_dir = embedded_root / ("x" * 90)
    path = data_dir / "run" / ".s.PGSQL.5432"
    assert refusal(data_dir) == (
        f"The path of PostgreSQL's socket, {path}, has {len(str(path))} bytes where the system allows 107: choose a "
        "data directory with a shorter path."
    )


def test_full_disk_is_found_before_initdb(embedded_root: Path) -> None:
    free = shutil.disk_usage(embedded_root).free
    message = refusal(embedded_root / "pg", minimum_free=1 << 60)
    assert message.startswith(
        f"The disk that holds {embedded_root}/pg is full: PostgreSQL needs 1099511627776 MiB and {free >> 20}"[:-3]
    )
    assert not (embedded_root / "pg" / "primary").exists()


@pytest.mark.parametrize(
    "log",
    [
        'FATAL:  could not write lock file "postmaster.pid": No space left on device\n',
        'LOG:  starting\nPANIC:  could not write to file "pg_wal/xlogtemp.12": No space left on device\n',
        'FATAL:  could not extend file "base/1/2691": No space left on device\nHINT:  Check free disk space.\n',
    ],
)
def test_disk_that_fills_up_during_the_start(log: str) -> None:
    assert failure(log, Path("/data"), Path("/data/primary.log")).message == (
        "The disk that holds /data is full: free some space and start again (log: /data/primary.log)."
    )


def test_unknown_setting(embedded_home: Path) -> None:
    assert refusal(embedded_home, settings={"nonsense": "1"}) == (
        f'PostgreSQL did not start: unrecognized configuration parameter "nonsense" (log: {embedded_home}/primary.log).'
    )


def test_start_that_takes_too_long_leaves_no_server(embedded_home: Path) -> None:
    assert refusal(embedded_home, start_timeout=0.0) == (
        f"PostgreSQL was not ready after 0 s, perhaps because it repairs {embedded_home}/primary after a crash: see "
        f"{embedded_home}/primary.log."
    )
    assert not (embedded_home / "primary" / "postmaster.pid").exists()


@pytest.mark.usefixtures("default_sigterm")
def test_failed_start_gives_back_lock_and_signal_handlers(embedded_home: Path) -> None:
    refusal(embedded_home, settings={"nonsense": "1"})
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    with EmbeddedPostgres(embedded_home):
        pass
