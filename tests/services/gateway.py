"""The gateway as its users run it: the command `podgraph`, in a process of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2
import msgspec

_START_SECONDS = 60.0


class Gateway:
    """`podgraph up`, or another command that serves, on a free port, within the block; `data_dir` holds its data.

    Its log lies beside `data_dir`.
    """

    def __init__(
        self, data_dir: Path, *, command: Sequence[str] = ("up",), environment: Mapping[str, str] | None = None
    ) -> None:
        self.data_dir = data_dir
        self._command = command
        self._environment = dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None
        self.port = _free_port()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def demo_email(self) -> str:
        return str(self._demo["email"])

    @property
    def demo_password(self) -> str:
        return str(self._demo["password"])

    @property
    def api_key(self) -> str:
        return str(self._demo["api_key"])

    @property
    def log(self) -> str:
        return (self.data_dir.parent / "gateway.log").read_text()

    def start(self) -> None:
        """Returns when the gateway is ready."""
        environment = {
            **os.environ,
            "PODGRAPH_DATA_DIR": str(self.data_dir),
            "PODGRAPH_FEEDS__ALLOW_NETWORKS": "127.0.0.0/8",
            "PODGRAPH_HTTP__DRAIN_SECONDS": "0.5",
            **self._environment,
        }
        with (self.data_dir.parent / "gateway.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(Path(sys.executable).parent / "podgraph"), *self._command, "--port", str(self.port)],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self.ready():
            assert self._process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.05)

    def ready(self) -> bool:
        try:
            return httpx2.get(f"{self.url}/readyz", timeout=2).status_code == 200
        except httpx2.HTTPError:
            return False

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def wait(self, timeout: float = 30.0) -> int:
        """The exit status, once the process has ended."""
        assert self._process is not None
        return self._process.wait(timeout)

    def stop(self) -> int:
        self.signal(signal.SIGINT)
        return self.wait()

    def kill(self) -> None:
        """What an out-of-memory killer does."""
        self.signal(signal.SIGKILL)
        self.wait()

    @property
    def _demo(self) -> dict[str, Any]:
        return dict[str, Any](msgspec.json.decode((self.data_dir / "demo.json").read_bytes()))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
