"""Why an embedded service cannot run, in one sentence for the person at the terminal."""

import errno
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_COMPLAINT = re.compile(r"(?:FATAL|PANIC|initdb: error|psql: error|ERROR|postgres):\s+(?P<text>.+)")

_NEARLY_NOTHING = 1 << 20
"""Bytes; PostgreSQL writes its lock and its status before anything else."""

_DAMAGE = (
    "pg_control",
    "not a valid data directory",
    "database files are incompatible with server",
    "valid checkpoint record",
    "invalid checksum",
    "server configuration file",
    "required WAL",
)
"""Phrases of PostgreSQL's own messages about files that are missing, cut short or overwritten."""


class EmbeddedError(Exception):
    """An embedded service cannot start; `message` is one sentence that names the cause and the way out."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def failure(
    log: str, data: Path, log_path: Path | None = None, what: str = "PostgreSQL did not start"
) -> EmbeddedError:
    """The sentence for what a PostgreSQL program wrote (in English, LC_ALL=C) before it gave up."""
    complaints = [match["text"].strip() for match in _COMPLAINT.finditer(log)]
    complaint = complaints[0].rstrip(".") if complaints else "it gave no reason"
    where = f" (log: {log_path})" if log_path else ""
    # A full disk keeps even the log from telling so.
    silent = not complaints and data.exists() and shutil.disk_usage(data).free < _NEARLY_NOTHING
    if silent or "No space left on device" in log or "Disk quota exceeded" in log:
        return EmbeddedError(f"The disk that holds {data} is full: free some space and start again{where}.")
    if "Address already in use" in log:
        return EmbeddedError(f"PostgreSQL's port is taken by another process: choose another one{where}.")
    if "Unix-domain socket path" in log and "is too long" in log:
        return EmbeddedError(f"The path {data} is too long for PostgreSQL's socket: choose a shorter one{where}.")
    if "pre-existing shared memory block" in log:
        return EmbeddedError(f"Processes of an earlier PostgreSQL still use {data}: end them and start again{where}.")
    if any(phrase in complaint for phrase in _DAMAGE):
        return damaged(data, complaint, log_path)
    return EmbeddedError(f"{what}: {complaint}{where}.")


def damaged(data: Path, reason: str, log_path: Path | None = None) -> EmbeddedError:
    """For files that PostgreSQL cannot use and that we never repair or delete by ourselves."""
    where = f" (log: {log_path})" if log_path else ""
    return EmbeddedError(
        f"The data directory {data} is damaged: {reason}; restore it, or move it away to begin afresh{where}."
    )


@contextmanager
def operating_system(path: Path) -> Iterator[None]:
    """Turns an OSError about files below `path`, or a program that does not end, into an EmbeddedError."""
    try:
        yield
    except subprocess.TimeoutExpired as error:
        program = Path(error.cmd[0]).name
        raise EmbeddedError(f"PostgreSQL's {program} over {path} did not end within {error.timeout:g} s.") from error
    except OSError as error:
        place = error.filename or path
        match error.errno:
            case errno.EACCES | errno.EPERM | errno.EROFS:
                message = f"No permission for {place}: choose a directory that you may write to."
            case errno.ENOSPC | errno.EDQUOT:
                message = f"The disk that holds {path} is full: free some space and start again."
            case errno.ENOTDIR | errno.EEXIST:
                message = f"{place} is not a directory: choose another data directory."
            case errno.ENAMETOOLONG:
                message = f"The path {path} is too long: choose a shorter one."
            case _:
                message = f"Cannot use {place}: {error.strerror}."
        raise EmbeddedError(message) from error
