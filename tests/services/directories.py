"""Directories that a server under another account can use."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def open_directory() -> Iterator[Path]:
    """An empty directory for an embedded PostgreSQL, gone afterwards.

    Its path is short, as sockets need, and every account may enter it, as root's server needs; pytest's own temporary
    directories are closed, so that root's data would go to `shared_root` and stay there.
    """
    root = Path(tempfile.mkdtemp(prefix="podgraph-"))
    try:
        root.chmod(0o755)
        yield root
    finally:
        shutil.rmtree(root)


def copied(source: Path, target: Path) -> None:
    """A copy whose files stay those of the accounts that they are of: PostgreSQL's are not ours where we are root."""
    subprocess.run(["cp", "-a", str(source), str(target)], check=True, timeout=60)
