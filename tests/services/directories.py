"""Directories that a server under another account can use."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MEMORY = Path("/dev/shm")  # noqa: S108  # of the random name below it, as in /tmp
_ROOMY = 4 << 30
"""Bytes; containers often give it 64 MiB."""


@contextmanager
def open_directory(*, in_memory: bool = False) -> Iterator[Path]:
    """An empty directory for an embedded PostgreSQL, gone afterwards.

    Its path is short, as sockets need, and every account may enter it, as root's server needs; pytest's own temporary
    directories are closed, so that root's data would go to `shared_root` and stay there. `in_memory` is for some
    hundred megabytes that are copied often; where memory cannot hold them, they go to the disk.
    """
    root = Path(tempfile.mkdtemp(prefix="podgraph-", dir=_MEMORY if in_memory and _is_roomy(_MEMORY) else None))
    try:
        root.chmod(0o755)
        yield root
    finally:
        shutil.rmtree(root)


def _is_roomy(path: Path) -> bool:
    try:
        status = os.statvfs(path)
    except OSError:
        return False
    return status.f_bavail * status.f_frsize >= _ROOMY and not status.f_flag & os.ST_NOEXEC


def copied(source: Path, target: Path) -> None:
    """A copy whose files stay those of the accounts that they are of: PostgreSQL's are not ours where we are root."""
    subprocess.run(["cp", "-a", str(source), str(target)], check=True, timeout=60)
