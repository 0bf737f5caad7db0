"""The schema that a check compares with: a file, a git ref, or the merge base with the default branch."""

import os
import subprocess
from pathlib import Path

import msgspec

GIT_TIMEOUT = 30.0
"""Seconds that one git command may take; all of them only read the local repository."""

_DEFAULT_BRANCHES = ("origin/main", "origin/master", "main", "master")
_SET_BY_HOOKS = frozenset({"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_PREFIX"})


class BaselineUnavailable(Exception):
    """There is nothing to compare with; the message is one sentence that says what to do."""


class Baseline(msgspec.Struct, frozen=True):
    """SDL, and where it came from in words for a person."""

    origin: str
    sdl: str


def baseline(against: str | None, snapshot: Path) -> Baseline:
    """What `against` names: a file where one of that name exists, else a git ref, whose `snapshot` is taken.

    None means the merge base with the default branch, or HEAD where no default branch is known. Raises
    BaselineUnavailable.
    """
    if against is not None and Path(against).is_file():
        return Baseline(against, _text(Path(against)))
    folder = snapshot.parent
    _require_checkout(folder)
    if against is None:
        commit, origin = _default_commit(folder)
    else:
        found = _commit(folder, against)
        if found is None:
            raise BaselineUnavailable(
                f"{against!r} is neither a file nor a git ref of this checkout{_shallow_advice(folder)}."
            )
        commit, origin = found, against
    shown = _git(folder, "show", f"{commit}:./{snapshot.name}")
    if shown.returncode != 0:
        raise BaselineUnavailable(
            f"{origin} holds no {folder.name}/{snapshot.name}; pass --against a ref that does, or a file."
        )
    try:
        return Baseline(origin, shown.stdout.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BaselineUnavailable(f"{folder.name}/{snapshot.name} of {origin} is not UTF-8 text.") from error


def _default_commit(folder: Path) -> tuple[str, str]:
    head = _commit(folder, "HEAD")
    if head is None:
        raise BaselineUnavailable("The checkout has no commit yet; pass --against FILE.")
    branch = _default_branch(folder)
    if branch is None:
        return head, "HEAD"
    merge_base = _git(folder, "merge-base", "HEAD", branch)
    if merge_base.returncode != 0:
        raise BaselineUnavailable(
            f"HEAD and {branch} have no common commit{_shallow_advice(folder)}; or pass --against REF_OR_FILE."
        )
    commit = merge_base.stdout.decode().strip()
    return commit, f"the merge base with {branch} ({commit[:12]})"


def _default_branch(folder: Path) -> str | None:
    remote = _git(folder, "symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD")
    named = (remote.stdout.decode().strip(),) if remote.returncode == 0 else ()
    return next((branch for branch in (*named, *_DEFAULT_BRANCHES) if _commit(folder, branch) is not None), None)


def _commit(folder: Path, ref: str) -> str | None:
    """The commit that `ref` names; None if it names none."""
    if "\0" in ref:
        return None
    found = _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    return found.stdout.decode().strip() if found.returncode == 0 else None


def _require_checkout(folder: Path) -> None:
    answer = _git(folder, "rev-parse", "--is-inside-work-tree")
    if answer.returncode == 0 and answer.stdout.strip() == b"true":
        return
    complaint = answer.stderr.decode(errors="replace").strip().partition("\n")[0].removeprefix("fatal: ")
    because = "" if not complaint or complaint.startswith("not a git repository") else f" ({complaint})"
    raise BaselineUnavailable(f"{folder} is not in a git checkout{because}; pass --against FILE.")


def _shallow_advice(folder: Path) -> str:
    shallow = _git(folder, "rev-parse", "--is-shallow-repository").stdout.strip() == b"true"
    return ": the clone is shallow, fetch its history with `git fetch --unshallow`" if shallow else ""


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(  # noqa: S603  # no shell; a ref is resolved behind --end-of-options before it is used
            ["git", *arguments],  # noqa: S607  # the user's own git
            cwd=folder,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=GIT_TIMEOUT,
            check=False,
        )
    except FileNotFoundError as error:
        raise BaselineUnavailable(
            "git is not installed, or the schema's folder is gone; pass --against FILE."
        ) from error
    except subprocess.TimeoutExpired as error:
        raise BaselineUnavailable(f"git {arguments[0]} took longer than {GIT_TIMEOUT:.0f} s; try again.") from error


def _environment() -> dict[str, str]:
    """Ours, in English, and without what a git hook sets: the folder says which repository is meant."""
    kept = {name: value for name, value in os.environ.items() if name not in _SET_BY_HOOKS}
    return {**kept, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BaselineUnavailable(f"{file} is not UTF-8 text.") from error
    except OSError as error:
        raise BaselineUnavailable(f"{file} cannot be read: {error.strerror}.") from error
