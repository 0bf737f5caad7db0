"""PostgreSQL's data directory (its word: cluster): made whole or not at all, and looked over before a start."""

import secrets
import shutil
import subprocess
from pathlib import Path

from gateway.embedded.account import Account, identity, no_follow
from gateway.embedded.binaries import environment
from gateway.embedded.failures import EmbeddedError, damaged, failure

SUPERUSER = "postgres"
_MAJOR = "18"
_MIB = 1 << 20


def initialise(data: Path, programs: Path, account: Account | None, *, minimum_free: int) -> None:
    """Makes a new cluster at `data`, with checksums, UTF-8 and PostgreSQL's own collation; leaves an existing one.

    The socket is trusted, so its directory must be closed to others; over TCP the superuser's password is the content
    of `password` beside `data`. An interrupted initdb leaves nothing at `data`. `minimum_free` is in bytes.
    """
    if data.exists():
        return
    free = shutil.disk_usage(data.parent).free
    if free < minimum_free:
        raise EmbeddedError(
            f"The disk that holds {data.parent} is full: PostgreSQL needs {minimum_free // _MIB} MiB and "
            f"{free // _MIB} MiB are free."
        )
    fresh = data.with_name(f"{data.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    if account:
        account.owns(fresh)
    done = subprocess.run(
        [
            *(str(programs / "initdb"), "-D", str(fresh), "-U", SUPERUSER),
            *("--pwfile", str(_new_password(data.parent, account))),
            *("--auth-local=trust", "--auth-host=scram-sha-256", "--data-checksums", "--encoding=UTF8"),
            # PostgreSQL's own collation: the same order on every machine and in every later release.
            *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        ],
        cwd="/",
        env=environment(),
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
        **identity(account),
    )
    if done.returncode != 0:
        raise failure(done.stdout + done.stderr, data.parent)
    fresh.rename(data)


def refuse_damage(data: Path) -> None:
    """EmbeddedError if `data` is not a cluster of this major version; what only the server can see is left to it."""
    if not data.is_dir():
        raise damaged(data, "it is not a directory")
    try:
        version = (data / "PG_VERSION").read_text(encoding="ascii").strip()
    except FileNotFoundError:
        raise damaged(data, "PG_VERSION is missing") from None
    except UnicodeDecodeError:
        raise damaged(data, "PG_VERSION is not text") from None
    if not version.isdigit():
        raise damaged(data, f"PG_VERSION says {version[:20]!r}")
    if version != _MAJOR:
        raise EmbeddedError(
            f"The data directory {data} was made by PostgreSQL {version} and this is PostgreSQL {_MAJOR}: move it away "
            "to begin afresh, or carry it over with pg_upgrade."
        )


def _new_password(directory: Path, account: Account | None) -> Path:
    path = directory / "password"
    path.unlink(missing_ok=True)
    with open(path, "x", opener=no_follow) as file:
        file.write(f"{secrets.token_urlsafe(24)}\n")
    if account:
        account.owns(path)
    return path
