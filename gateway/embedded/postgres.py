"""EmbeddedPostgres: a real PostgreSQL for `podgraph up` and for the tests."""

import os
import signal
import socket
import subprocess
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from itertools import count, islice
from pathlib import Path
from types import FrameType, MappingProxyType, TracebackType
from typing import Final, NoReturn, Self

from sqlalchemy import URL

from gateway.embedded.account import Account, home, server_account
from gateway.embedded.binaries import environment, programs
from gateway.embedded.cluster import SUPERUSER, initialise, refuse_damage
from gateway.embedded.failures import EmbeddedError, failure, operating_system
from gateway.embedded.lock import DirectoryLock
from gateway.embedded.postmaster import Postmaster, stop_orphan
from gateway.embedded.standby import KEPT_LOG, Standby, refuse_promoted, replica_directories

OWNER: Final = "podgraph_owner"
"""Owns the schema and migrates it."""
APP: Final = "podgraph_app"
"""Serves requests; subject to row-level security."""

_SOCKET_PORT = 5432
_SOCKET_PATH_LIMIT = 107 if os.uname().sysname == "Linux" else 103
_MIB = 1 << 20

_DATABASE = """
SELECT pg_advisory_lock(7063) \\gset
SELECT format('CREATE ROLE %I', role) FROM unnest(ARRAY[:'owner', :'app']) AS role
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) \\gexec
SELECT format('ALTER ROLE %I LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION', role)
  FROM unnest(ARRAY[:'owner', :'app']) AS role \\gexec
SELECT format('CREATE DATABASE %I OWNER %I', :'database', :'owner')
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \\gexec
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', :'database') \\gexec
SELECT format('GRANT CONNECT ON DATABASE %I TO %I', :'database', :'app') \\gexec
"""


class EmbeddedPostgres:
    """PostgreSQL over `data_dir`, running inside the `with` block; SIGINT and SIGTERM leave the block too.

    `data_dir` holds `primary/` (the data), `run/` (its socket, entered by its account alone, and therefore trusted),
    `primary.log` and `lock`. Clients use the socket. `port` also opens 127.0.0.1 for tools such as psql, where the
    superuser `postgres` logs in with the content of `password`. `settings` are PostgreSQL's own, by name.

    `replicas` streaming replicas run beside it, in `replica1/` and so on, which the same socket directory leads to.
    `synchronous` makes a commit wait until one of them has it; one that is promoted then waits for nobody.

    Root runs it under another account and, where that cannot enter `data_dir`, below `shared_root` (see account.py).
    Whatever prevents the start is an EmbeddedError of one sentence.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        settings: Mapping[str, str] = MappingProxyType({}),
        replicas: int = 0,
        synchronous: bool = False,
        shared_root: Path = Path("/var/lib/podgraph"),
        start_timeout: float = 60.0,
        stop_timeout: float = 30.0,
        minimum_free: int = 128 * _MIB,
    ) -> None:
        self._data_dir = data_dir
        self._port = port
        self._settings = settings
        self._replica_ports = _free_ports(port, replicas)
        self._synchronous = synchronous
        self._shared_root = shared_root
        self._start_timeout = start_timeout
        self._stop_timeout = stop_timeout
        self._minimum_free = minimum_free
        self._account: Account | None = None
        self._home = data_dir
        self._programs = data_dir
        self._lock: DirectoryLock | None = None
        self._servers: list[Postmaster] = []
        self._handlers: dict[signal.Signals, signal.Handlers] = {}

    def __enter__(self) -> Self:
        self._unwind_on_signals()
        try:
            self._open()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._close()

    @property
    def servers(self) -> tuple[Postmaster, ...]:
        """The server processes: the primary's, then those of the replicas."""
        return tuple(self._servers)

    def url(self, user: str, database: str) -> str:
        """SQLAlchemy's address of a database, over the socket, without a password."""
        return self._url(user, database, self._port or _SOCKET_PORT)

    def replica_urls(self, user: str, database: str) -> tuple[str, ...]:
        """The same of each replica."""
        return tuple(self._url(user, database, port) for port in self._replica_ports)

    def _url(self, user: str, database: str, port: int) -> str:
        query = {"host": str(self._run), "port": str(port)}
        return URL.create("postgresql+asyncpg", username=user, database=database, query=query).render_as_string()

    def ensure_database(self, name: str = "podgraph") -> None:
        """Makes the roles OWNER and APP and a database of OWNER that APP may connect to; what exists stays."""
        variables = {"database": name, "owner": OWNER, "app": APP}
        options = [part for key, value in variables.items() for part in ("-v", f"{key}={value}")]
        address = ["-h", str(self._run), "-p", str(self._port or _SOCKET_PORT), "-U", SUPERUSER, "-d", "postgres"]
        with operating_system(self._home):
            done = subprocess.run(
                [str(self._programs / "psql"), "-Xq", "-v", "ON_ERROR_STOP=1", *options, *address],
                input=_DATABASE,
                cwd="/",
                env=environment(),
                check=False,
                capture_output=True,
                text=True,
                timeout=60,
            )
        if done.returncode != 0:
            raise failure(done.stderr, self._home, what=f"The database {name} could not be made")

    @property
    def _data(self) -> Path:
        return self._home / "primary"

    @property
    def _run(self) -> Path:
        return self._home / "run"

    def _open(self) -> None:
        with operating_system(self._data_dir):
            self._account = server_account(self._data_dir)
            self._home = home(self._data_dir, self._account, self._shared_root)
            self._programs = programs(self._account, self._shared_root)
            self._refuse_long_socket_path()
            self._lock = DirectoryLock(self._home, self._account)
            initialise(self._data, self._programs, self._account, minimum_free=self._minimum_free)
            refuse_damage(self._data)
            for directory in (self._data, *replica_directories(self._home)):
                stop_orphan(directory, self._stop_timeout)
            refuse_promoted(self._home)
            self._make_run()
            self._refuse_taken_port()
            primary = Postmaster(
                self._programs,
                self._data,
                log=self._home / "primary.log",
                account=self._account,
                settings={**self._parameters(), **self._acknowledgement()},
            )
            self._servers.append(primary)
            primary.start(self._start_timeout)
            for standby in self._standbys():
                self._servers.append(standby.postmaster)
                standby.start(self._start_timeout)

    def _close(self) -> None:
        try:
            with ExitStack() as stack:
                # The primary first: its last act is to send the replicas what they still lack.
                for server in reversed(self._servers):
                    stack.callback(server.stop, self._stop_timeout)
            self._servers.clear()
        finally:
            if self._lock:
                self._lock.release()
                self._lock = None
            for number, handler in self._handlers.items():
                signal.signal(number, handler)
            self._handlers.clear()

    def _parameters(self) -> dict[str, str]:
        return {
            "listen_addresses": "127.0.0.1" if self._port else "",
            "port": str(self._port or _SOCKET_PORT),
            "unix_socket_directories": str(self._run),
            "timezone": "UTC",
            "log_timezone": "UTC",
            # Replicas, the consistency of reads and their tests need these.
            "wal_level": "replica",
            "max_wal_senders": "10",
            "wal_keep_size": KEPT_LOG if self._replica_ports or replica_directories(self._home) else "0",
            "hot_standby": "on",
            "shared_preload_libraries": "pg_stat_statements",
            # With PostgreSQL's own defaults, taking millions of events in costs half as much again: checkpoints write
            # the same pages over and over.
            "shared_buffers": "512MB",
            "max_wal_size": "2GB",
            **self._settings,
        }

    def _acknowledgement(self) -> dict[str, str]:
        """What a commit on the primary waits for."""
        if not self._synchronous:
            return {}
        return {"synchronous_standby_names": f"ANY 1 ({', '.join(map(_name, self._numbers))})"}

    @property
    def _numbers(self) -> range:
        return range(1, len(self._replica_ports) + 1)

    def _standbys(self) -> list[Standby]:
        ports = (self._port or _SOCKET_PORT, *self._replica_ports)
        return [
            Standby(
                _name(number),
                self._home,
                self._programs,
                self._account,
                port=ports[number],
                peers=(*ports[:number], *ports[number + 1 :]),
                settings=self._parameters(),
            )
            for number in self._numbers
        ]

    def _make_run(self) -> None:
        self._run.mkdir(mode=0o700, exist_ok=True)
        if self._account:
            self._account.owns(self._run)
        for left_over in self._run.glob(".s.PGSQL.*"):
            left_over.unlink()

    def _refuse_long_socket_path(self) -> None:
        longest = max((self._port or _SOCKET_PORT, *self._replica_ports))
        path = self._run / f".s.PGSQL.{longest}"
        length = len(os.fsencode(path))
        if length > _SOCKET_PATH_LIMIT:
            raise EmbeddedError(
                f"The path of PostgreSQL's socket, {path}, has {length} bytes where the system allows "
                f"{_SOCKET_PATH_LIMIT}: choose a data directory with a shorter path."
            )

    def _refuse_taken_port(self) -> None:
        if self._port is None:
            return
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as PostgreSQL does
            try:
                probe.bind(("127.0.0.1", self._port))
            except OSError as error:
                raise EmbeddedError(
                    f"Port {self._port} of 127.0.0.1 cannot be had for PostgreSQL ({error.strerror}): choose another."
                ) from error

    def _unwind_on_signals(self) -> None:
        """Makes the signals that would end this process on the spot leave the `with` block instead."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is signal.SIG_DFL:
                self._handlers[number] = signal.SIG_DFL
                signal.signal(number, _leave)


def _name(number: int) -> str:
    return f"replica{number}"


def _free_ports(taken: int | None, wanted: int) -> tuple[int, ...]:
    """Numbers for the replicas' sockets, which nothing on the network listens to."""
    return tuple(islice((port for port in count(_SOCKET_PORT + 1) if port != taken), wanted))


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)
