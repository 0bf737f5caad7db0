"""The file of what was not taken: one JSON object for each rejected line, with why, and without the network address."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, Self

import msgspec

from resolvers.errors import Problem

HIDDEN: Final = "hidden"
"""What stands for a network address."""


class Reject(msgspec.Struct, frozen=True):
    """A rejected line; the first of a file is 1."""

    line: int
    problems: tuple[Problem, ...]
    event: Mapping[str, object] | None = None
    """None where nothing of the line could be read."""


class RejectsFile:
    """Made by the first reject. `continued` keeps the bytes that an earlier run is known to have written, no more."""

    def __init__(self, path: Path, continued: int) -> None:
        """Raises OSError."""
        self.path = path
        self._file: BinaryIO | None = None
        if continued:
            self._file = self._opened()
            self._file.truncate(continued)
            self._file.seek(continued)
        else:
            path.unlink(missing_ok=True)
        self.bytes = continued

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, rejects: list[Reject]) -> None:
        """When it returns, the operating system has the lines."""
        if not rejects:
            return
        if self._file is None:
            self._file = self._opened()
        lines = b"".join(msgspec.json.encode(_masked(reject)) + b"\n" for reject in rejects)
        self._file.write(lines)
        self._file.flush()
        self.bytes += len(lines)

    def _opened(self) -> BinaryIO:
        """Only its owner reads it: it repeats what clients sent."""
        return os.fdopen(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600), "wb")


def length(path: Path) -> int:
    """Bytes; 0 where there is no such file. Raises OSError for what is no regular file, which must not be replaced."""
    try:
        about = path.stat()
    except FileNotFoundError:
        return 0
    if not stat.S_ISREG(about.st_mode):
        raise OSError(f"{path} is no regular file: rejects need one of their own")
    return about.st_size


def _masked(reject: Reject) -> dict[str, Any]:
    event = None
    if reject.event is not None:
        event = {name: HIDDEN if name == "ipAddress" else value for name, value in reject.event.items()}
    return {"line": reject.line, "problems": reject.problems, "event": event}
