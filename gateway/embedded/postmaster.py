"""One PostgreSQL server process over one data directory: start, readiness, stop, and what a crash left behind.

The server gets its own session, so that a terminal's Ctrl-C reaches the gateway alone, which drains and then stops it.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from gateway.embedded.account import Account, identity, no_follow
from gateway.embedded.binaries import environment
from gateway.embedded.failures import EmbeddedError, failure

_POLL = 0.01
_STATUS_LINE = 7
"""Of postmaster.pid, counted from 0; PostgreSQL's own name is LOCK_FILE_LINE_PM_STATUS."""
_KILL_GRACE = 5.0


class Postmaster:
    """A server over `data` (PGDATA). The caller holds the lock of the directory around it.

    `settings` are configuration parameters; they win over the files in `data`. Its output goes to `log`, which is
    begun anew at each start; the run before stays beside it as `<log>.1`.
    """

    def __init__(
        self, programs: Path, data: Path, *, log: Path, account: Account | None, settings: Mapping[str, str]
    ) -> None:
        self._programs = programs
        self._data = data
        self._log = log
        self._account = account
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Of the server process, running or not; None before the start and after the stop."""
        return self._process.pid if self._process else None

    def start(self, timeout: float) -> None:
        """Returns when the server accepts connections; EmbeddedError if it gives up or needs more than `timeout` s."""
        _clear_stale_lock(self._data)
        if self._log.exists():
            self._log.replace(self._log.with_name(f"{self._log.name}.1"))
        options = [f"{name}={value}" for name, value in self._settings.items()]
        with open(self._log, "xb", opener=no_follow) as log:
            if self._account:
                self._account.owns(self._log)
            self._process = subprocess.Popen(
                [
                    str(self._programs / "postgres"),
                    "-D",
                    str(self._data),
                    *(part for o in options for part in ("-c", o)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=environment(),
                umask=0o077,
                start_new_session=True,
                **identity(self._account),
            )
        try:
            self._await_ready(self._process, timeout)
        except BaseException:
            self.stop(_KILL_GRACE)
            raise

    def _await_ready(self, process: subprocess.Popen[bytes], timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while not _ready(self._data, process.pid):
            if process.poll() is not None:
                raise failure(self._log.read_text(errors="replace"), self._data, self._log)
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    f"PostgreSQL was not ready after {timeout:g} s, perhaps because it repairs {self._data} after a "
                    f"crash: see {self._log}."
                )
            time.sleep(_POLL)

    def stop(self, timeout: float) -> None:
        """Ends every session and the server: politely for `timeout` seconds, then at any price. Idempotent."""
        process = self._process
        if process is None:
            return
        for number, patience in (
            (signal.SIGINT, timeout),  # "fast": roll back, checkpoint, exit
            (signal.SIGQUIT, _KILL_GRACE),  # "immediate": exit now, repair at the next start
            (signal.SIGKILL, _KILL_GRACE),
        ):
            if process.poll() is None:
                process.send_signal(number)
            try:
                process.wait(patience)
            except subprocess.TimeoutExpired:
                continue
            self._process = None
            return


def stop_orphan(data: Path, timeout: float) -> bool:
    """Stops a server that outlived the process which started it; False if there is none."""
    pid = _recorded_pid(data)
    if pid is None or not _serves(pid, data):
        return False
    for number, patience in ((signal.SIGINT, timeout), (signal.SIGQUIT, _KILL_GRACE)):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return True
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if not _serves(pid, data):
                return True
            time.sleep(_POLL)
    raise EmbeddedError(f"An earlier PostgreSQL (process {pid}) over {data} does not stop: end it and start again.")


def _ready(data: Path, pid: int) -> bool:
    try:
        lines = (data / "postmaster.pid").read_text().split("\n")
    except FileNotFoundError:
        return False
    return lines[0] == str(pid) and len(lines) > _STATUS_LINE and lines[_STATUS_LINE].strip() == "ready"


def _recorded_pid(data: Path) -> int | None:
    try:
        first = (data / "postmaster.pid").read_text().partition("\n")[0]
    except FileNotFoundError:
        return None
    return int(first) if first.isdigit() else None


def _serves(pid: int, data: Path) -> bool:
    """Whether `pid` is a live PostgreSQL server over `data`, and not another process that got its number."""
    if sys.platform == "linux":
        proc = Path(f"/proc/{pid}")
        try:  # a server's working directory is its data directory; a zombie has none
            return (proc / "cwd").readlink() == data and (proc / "comm").read_text().strip() == "postgres"
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            return False
    command = subprocess.run(
        ["ps", "-p", str(pid), "-o", "command="], check=False, capture_output=True, text=True, timeout=10
    ).stdout
    return "postgres" in command and str(data) in command


def _clear_stale_lock(data: Path) -> None:
    """Lets PostgreSQL start although an unrelated process has got the number of the server that left postmaster.pid.

    PostgreSQL takes any live process of that number for a server, except its own parent: so the file names us. It must
    stay, because it also identifies the shared memory that surviving backends would still be using.
    """
    pid = _recorded_pid(data)
    if pid is None or pid == os.getpid():
        return
    path = data / "postmaster.pid"
    rest = path.read_text().partition("\n")[2]
    with open(path, "r+", opener=no_follow) as file:
        file.write(f"{os.getpid()}\n{rest}")
        file.truncate()
