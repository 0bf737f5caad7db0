"""A streaming replica of the embedded primary: a copy that follows it, made anew when it no longer can.

There are no replication slots. A slot of a replica that is not run again would keep PostgreSQL's log, and hold back
vacuum, for ever; `wal_keep_size` of the primary lets a replica catch up that was away for a while, and one that was
away for longer is copied again.
"""

import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gateway.embedded.account import Account, identity
from gateway.embedded.binaries import environment
from gateway.embedded.cluster import SUPERUSER
from gateway.embedded.failures import EmbeddedError, failure
from gateway.embedded.postmaster import Postmaster

KEPT_LOG: Final = "512MB"
"""Of PostgreSQL's log, for replicas that were away; what the disk may lose by having any."""

_SIGNAL = "standby.signal"
"""PostgreSQL's own mark of a copy that follows; promotion removes it."""
_IDENTIFIER = re.compile(r"^Database system identifier:\s+(\d+)$", re.MULTILINE)
_LOST = (
    "has already been removed",
    "is not in this server's history",
    "forked off",
    "is behind recovery timeline",
    "system identifier differs",
)
"""Phrases of the replica's log after which it will never follow this primary."""
_POLL = 0.02


class Standby:
    """The replica `name` in `home`, which its socket's `port` in `run` leads to, and which follows `primary`.

    `peers` are the ports of the other servers: it follows whichever of them can be written to, so that a promoted
    sibling is found. `settings` are PostgreSQL's own, as the primary has them.
    """

    def __init__(
        self,
        name: str,
        home: Path,
        programs: Path,
        account: Account | None,
        *,
        port: int,
        peers: tuple[int, ...],
        settings: Mapping[str, str],
    ) -> None:
        self.name = name
        self._data = home / name
        self._home = home
        self._programs = programs
        self._account = account
        self._source = peers[0]
        self._durable = settings.get("fsync", "on") == "on"
        self._log = home / f"{name}.log"
        self.postmaster = Postmaster(
            programs,
            self._data,
            log=self._log,
            account=account,
            settings={
                **settings,
                "listen_addresses": "",
                "port": str(port),
                "cluster_name": name,
                "primary_conninfo": _conninfo(home / "run", peers),
                # What a query on the replica still sees is not vacuumed away under it.
                "hot_standby_feedback": "on",
                "wal_receiver_status_interval": "1s",
                # How soon it looks for the primary again, or for the sibling that took its place.
                "wal_retrieve_retry_interval": "200ms",
            },
        )

    def start(self, timeout: float) -> None:
        """Returns when it follows the primary, which runs; `timeout` in seconds holds for each attempt.

        A replica that cannot follow is copied anew, once.
        """
        if self._data.exists() and self._is_copy():
            try:
                self._follow(timeout)
            except EmbeddedError:
                self.postmaster.stop(timeout)
            else:
                return
        self._copy()
        try:
            self._follow(timeout)
        except BaseException:
            self.postmaster.stop(timeout)
            raise

    def _is_copy(self) -> bool:
        own = self._identifier(self._data)
        return own is not None and own == self._identifier(self._home / "primary")

    def _identifier(self, data: Path) -> str | None:
        """What all copies of one database have in common; None where the files cannot be read."""
        done = self._run("pg_controldata", "-D", str(data), timeout=30)
        found = _IDENTIFIER.search(done.stdout)
        return found[1] if found else None

    def _copy(self) -> None:
        shutil.rmtree(self._data, ignore_errors=True)
        fresh = self._data.with_name(f"{self.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        if self._account:
            self._account.owns(fresh)
        done = self._run(
            "pg_basebackup",
            *("-h", str(self._home / "run"), "-p", str(self._source), "-U", SUPERUSER),
            *("-D", str(fresh), "--wal-method=stream", "--checkpoint=fast", "--write-recovery-conf"),
            *("--no-manifest", "--no-password"),
            *(() if self._durable else ("--no-sync",)),
            timeout=600,
        )
        if done.returncode != 0:
            shutil.rmtree(fresh, ignore_errors=True)  # else half a copy would keep a full disk full
            raise failure(done.stderr, self._home, what=f"The copy {self.name} of the database could not be made")
        fresh.rename(self._data)

    def _follow(self, timeout: float) -> None:
        self.postmaster.start(timeout)
        deadline = time.monotonic() + timeout
        while self.name not in self._followers():
            log = self._log.read_text(errors="replace")
            if any(phrase in log for phrase in _LOST) or time.monotonic() > deadline:
                raise EmbeddedError(f"The replica {self.name} does not follow the primary: see {self._log}.")
            time.sleep(_POLL)

    def _followers(self) -> list[str]:
        done = self._run(
            "psql",
            *("-XAtq", "-h", str(self._home / "run"), "-p", str(self._source), "-U", SUPERUSER, "-d", "postgres"),
            *("-c", "SELECT application_name FROM pg_stat_replication WHERE state = 'streaming'"),
            timeout=30,
        )
        if done.returncode != 0:
            raise failure(done.stderr, self._home, what=f"The replica {self.name} could not be looked for")
        return done.stdout.split()

    def _run(self, program: str, *arguments: str, timeout: float) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [str(self._programs / program), *arguments],
            cwd="/",
            env=environment(),
            check=False,
            capture_output=True,
            text=True,
            timeout=timeout,
            **identity(self._account),
        )


def replica_directories(home: Path) -> list[Path]:
    """Those of all replicas that there have been, in use or not."""
    return sorted(path for path in home.glob("replica*") if path.is_dir() and path.name[7:].isdigit())


def refuse_promoted(home: Path) -> None:
    """EmbeddedError if a replica was made a primary: what was written to it since is in no other place."""
    for path in replica_directories(home):
        if (path / "PG_VERSION").exists() and not (path / _SIGNAL).exists():
            raise EmbeddedError(
                f"The replica {path} was promoted and may hold writes that {home / 'primary'} lacks: put it in the"
                " place of the primary to go on with its data, or remove it to go on without."
            )


def _conninfo(run: Path, ports: tuple[int, ...]) -> str:
    directory = str(run).replace("\\", "\\\\").replace("'", "\\'")
    hosts, numbers = ",".join(directory for _ in ports), ",".join(map(str, ports))
    return f"host='{hosts}' port={numbers} user={SUPERUSER} target_session_attrs=read-write connect_timeout=5"
