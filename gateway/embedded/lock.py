"""One Podgraph per data directory: a lock that ends with the process, however it ends."""

import fcntl
import os
from pathlib import Path

from gateway.embedded.account import Account, no_follow
from gateway.embedded.failures import EmbeddedError


class DirectoryLock:
    """Holds `<home>/lock`, which names the holder's process, until `release` or the end of this process."""

    def __init__(self, home: Path, account: Account | None) -> None:
        path = home / "lock"
        self._descriptor = no_follow(str(path), os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._descriptor, 20).decode() or "just starting"
            os.close(self._descriptor)
            raise EmbeddedError(
                f"The data directory {home} is in use by another Podgraph (process {holder}): stop it first, or choose "
                "another directory."
            ) from None
        os.truncate(self._descriptor, 0)
        os.write(self._descriptor, str(os.getpid()).encode())
        if account:
            account.owns(path)

    def release(self) -> None:
        """Lets the next one in; the file stays."""
        os.close(self._descriptor)
