"""Which database a command speaks to: the configured one, that of a running `podgraph up`, or the embedded one."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from gateway.commands.failures import Failure
from gateway.embedded import EmbeddedPostgres
from gateway.embedded.postgres import APP, OWNER
from gateway.settings import DatabaseSettings, Settings

DATABASE = "podgraph"


class Running(msgspec.Struct, frozen=True):
    """What a running `podgraph up` says of itself in its data directory."""

    url: str
    owner_url: str
    replica_urls: tuple[str, ...] = ()


@contextmanager
def database_settings(settings: Settings, replicas: int = 0) -> Iterator[Settings]:
    """The settings with a database in them, which is up for as long as the block lasts.

    The embedded one, where it is not running yet, gets that many replicas. Raises EmbeddedError when it cannot start.
    """
    if settings.database.url is not None:
        yield settings
        return
    if (running := _running(settings.data_dir)) is not None:
        yield _with_database(settings, running)
        return
    with EmbeddedPostgres(settings.data_dir / "postgres", replicas=replicas) as postgres:
        postgres.ensure_database(DATABASE)
        mine = Running(
            url=postgres.url(APP, DATABASE),
            owner_url=postgres.url(OWNER, DATABASE),
            replica_urls=postgres.replica_urls(APP, DATABASE),
        )
        with _noted(settings.data_dir, mine):
            yield _with_database(settings, mine)


def refuse_second(settings: Settings) -> None:
    """Raises Failure when a Podgraph runs over the data directory already: its end would be this one's too."""
    if settings.database.url is None and _running(settings.data_dir) is not None:
        raise Failure(
            f"Another Podgraph runs over {settings.data_dir}: stop it first,"
            " or set PODGRAPH_DATA_DIR to another directory."
        )


def _note(data_dir: Path) -> Path:
    return data_dir / "running.json"


@contextmanager
def _noted(data_dir: Path, running: Running) -> Iterator[None]:
    """The note is locked while it is true, so that one left behind by a killed process deceives nobody."""
    with _note(data_dir).open("wb") as note:
        fcntl.flock(note, fcntl.LOCK_EX)
        note.write(msgspec.json.encode(running))
        note.flush()
        yield


def _running(data_dir: Path) -> Running | None:
    try:
        with _note(data_dir).open("rb") as note:
            try:
                fcntl.flock(note, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return msgspec.json.decode(note.read(), type=Running)
    except (FileNotFoundError, msgspec.MsgspecError):
        pass
    return None


def _with_database(settings: Settings, running: Running) -> Settings:
    found = {"url": running.url, "owner_url": running.owner_url, "replica_urls": running.replica_urls}
    database = DatabaseSettings(**{**settings.database.model_dump(), **found})
    return settings.model_copy(update={"database": database})
