"""As whom PostgreSQL runs, and where its files lie so that this account can reach them.

PostgreSQL refuses to run as root. Root therefore starts it under the account that owns the data directory's
neighbourhood (a checkout in somebody's home stays theirs) or else under `podgraph` or `nobody`. Where that account
cannot enter (a clone below root's 0700 home), the files go to a directory that it can, and a symbolic link takes
their place: permissions of directories that are not ours are never widened.
"""

import os
import pwd
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from gateway.embedded.failures import EmbeddedError

_ROOT = 0
_FALLBACKS = ("podgraph", "nobody")


class Account(msgspec.Struct, frozen=True):
    """An unprivileged account of the operating system."""

    name: str
    uid: int
    gid: int

    def owns(self, path: Path) -> None:
        """Makes `path` itself (not what is below it, nor what it links to) this account's."""
        os.chown(path, self.uid, self.gid, follow_symlinks=False)


def server_account(data_dir: Path) -> Account | None:
    """Who runs PostgreSQL over `data_dir`; None means this process's own user, who is not root."""
    if os.geteuid() != _ROOT:
        return None
    nearest = next(path for path in (data_dir, *data_dir.absolute().parents) if path.exists())
    owner = nearest.stat().st_uid
    names = (_name(owner), *_FALLBACKS) if owner != _ROOT else _FALLBACKS
    for name in names:
        try:
            entry = pwd.getpwnam(name or "")
        except KeyError:
            continue
        return Account(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid)
    raise EmbeddedError("PostgreSQL refuses to run as root and there is no account 'podgraph' or 'nobody': add one.")


def identity(account: Account | None) -> dict[str, Any]:
    """Arguments of `subprocess` that run a child as `account`, with no other groups."""
    if account is None:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


def no_follow(path: str, flags: int) -> int:
    """An `opener` for files in a directory of another account, which could have put a link to root's files there."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def reachable(path: Path, account: Account) -> bool:
    """Whether the account can enter the directory; asked of the kernel, which knows of every rule."""
    try:
        probe = subprocess.run(["test", "-x", str(path)], cwd="/", check=False, timeout=10, **identity(account))
    except PermissionError as error:
        raise EmbeddedError(
            f"PostgreSQL refuses root and root may not become '{account.name}' here: start as an ordinary user."
        ) from error
    return probe.returncode == 0


def open_to_all(directory: Path) -> None:
    """Makes the directory if it is missing, one that everybody may enter whatever the umask; leaves it if not."""
    if not directory.exists():
        directory.mkdir(parents=True)
        directory.chmod(0o755)


def home(data_dir: Path, account: Account | None, shared_root: Path) -> Path:
    """The real directory behind `data_dir`, made if it is missing, owned by and reachable for the account.

    `shared_root` is where it lies when `data_dir` is out of the account's reach; `data_dir` then links there.
    """
    if data_dir.is_symlink() or data_dir.exists():
        return _existing(data_dir, account, shared_root)
    parent = data_dir.absolute().parent
    _make_parents(parent, account)
    if not parent.is_dir():
        raise EmbeddedError(f"{parent} is not a directory: choose another data directory.")
    if account and not reachable(parent, account):
        return _elsewhere(data_dir, account, shared_root)
    data_dir.mkdir(mode=0o700, exist_ok=True)
    if account:
        account.owns(data_dir)
    return data_dir.resolve()


def _existing(data_dir: Path, account: Account | None, shared_root: Path) -> Path:
    real = data_dir.resolve()
    if not real.exists():
        raise EmbeddedError(f"{data_dir} is a link to {real}, which is gone: remove the link to begin afresh.")
    if not real.is_dir():
        raise EmbeddedError(f"{data_dir} is not a directory: choose another data directory.")
    if account is None:
        if real.stat().st_uid != os.geteuid():
            owner = _name(real.stat().st_uid) or f"user {real.stat().st_uid}"
            raise EmbeddedError(
                f"The data directory {data_dir} belongs to {owner}: start as {owner}, or choose another."
            )
        return real
    if not reachable(real.parent, account):
        if any(real.iterdir()):
            raise EmbeddedError(
                f"The data in {data_dir} is out of reach for '{account.name}', as whom PostgreSQL runs because it "
                "refuses root: move it to a directory that everybody may enter."
            )
        real.rmdir()
        return _elsewhere(data_dir, account, shared_root)
    if real.stat().st_uid != account.uid:
        account.owns(real)
    return real


def _elsewhere(data_dir: Path, account: Account, shared_root: Path) -> Path:
    open_to_all(shared_root)
    if not reachable(shared_root, account):
        raise EmbeddedError(
            f"Neither {data_dir} nor {shared_root} can be entered by '{account.name}', as whom PostgreSQL runs because "
            "it refuses root: choose a data directory that everybody may enter."
        )
    # A random name: a new clone at an old path must not find the old clone's data.
    real = Path(tempfile.mkdtemp(prefix=f"{data_dir.name}-", dir=shared_root))
    try:
        data_dir.symlink_to(real)
    except FileExistsError:  # another process was faster; its place is as good
        real.rmdir()
        return data_dir.resolve()
    (real / "origin.txt").write_text(f"PostgreSQL data of {data_dir.absolute()}\n")
    account.owns(real)
    return real


def _make_parents(parent: Path, account: Account | None) -> None:
    missing = [path for path in (parent, *parent.parents) if not path.exists()]
    for path in reversed(missing):
        above = path.parent.stat().st_uid
        path.mkdir(exist_ok=True)
        if account and above == account.uid:
            account.owns(path)


def _name(uid: int) -> str | None:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None
