"""A primary with streaming replicas, for tests that pause, kill and promote them.

Servers are numbered: 0 is the one that begins as primary, 1 and up are its replicas.
"""

import asyncio
import contextlib
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Final, Self

import asyncpg  # type: ignore[import-untyped]  # it ships no types
import psutil  # type: ignore[import-untyped]  # its types are a package of their own
from sqlalchemy import make_url

from gateway.embedded import EmbeddedPostgres
from gateway.embedded.postgres import APP, OWNER
from persistence.database import open_database
from persistence.migrate import migrate
from persistence.partitions import make_partitions
from tests.services.directories import copied

DATABASE: Final = "podgraph"
SETTINGS: Final = MappingProxyType({"fsync": "off", "max_connections": "200", "shared_buffers": "32MB"})
"""Of every server. Without fsync, which no test can tell: killed processes lose nothing that the system has."""
_SUPERUSER: Final = "postgres"
_KEPT_MONTHS = 25
_POLL = 0.005
_SECONDS = 20.0
"""How long a test waits for a server to get somewhere before it fails."""


class Cluster:
    """Runs inside the `with` block, over `root`; its directories stay, and can be copied while it is stopped.

    `prepare` makes its database.
    """

    def __init__(self, root: Path, *, replicas: int = 2, synchronous: bool = False) -> None:
        self._postgres = EmbeddedPostgres(
            root / "pg",
            replicas=replicas,
            synchronous=synchronous,
            settings=SETTINGS,
            shared_root=root / "shared",
            stop_timeout=0,  # nobody needs its shutdown checkpoint
        )

    def __enter__(self) -> Self:
        self._postgres.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._postgres.__exit__(kind, error, traceback)

    async def prepare(self) -> None:
        """The database, migrated, with partitions for the present, on every server."""
        await asyncio.to_thread(self._postgres.ensure_database, DATABASE)
        await migrate(self.owner_url, APP)
        database = open_database(self.primary_url, pool_size=1, statement_timeout=_SECONDS)
        await make_partitions(database, datetime.now(UTC), _KEPT_MONTHS)
        await database.close()
        await self.caught_up()

    @property
    def urls(self) -> tuple[str, ...]:
        """Of the application's role, by the servers' numbers."""
        return (self.primary_url, *self.replica_urls)

    @property
    def primary_url(self) -> str:
        """Of server 0, for the application's role."""
        return self._postgres.url(APP, DATABASE)

    @property
    def replica_urls(self) -> tuple[str, ...]:
        """Of the other servers, for the application's role."""
        return self._postgres.replica_urls(APP, DATABASE)

    @property
    def owner_url(self) -> str:
        """Of server 0, for the role that owns the tables."""
        return self._postgres.url(OWNER, DATABASE)

    async def execute(self, number: int, statement: str) -> list[tuple[Any, ...]]:
        """What the statement returns, as the superuser, over a connection of its own."""
        url = make_url(self.urls[number])
        connection = await asyncpg.connect(
            host=url.query["host"], port=int(str(url.query["port"])), user=_SUPERUSER, database=DATABASE, timeout=5
        )
        try:
            return [tuple(row) for row in await connection.fetch(statement, timeout=_SECONDS)]
        finally:
            await connection.close(timeout=5)

    async def value(self, number: int, statement: str) -> Any:
        """The one value that the statement returns."""
        [(value,)] = await self.execute(number, statement)
        return value

    async def pause_replay(self, number: int) -> None:
        """The replica goes on receiving and shows nothing of it. Returns when it stands still."""
        await self.execute(number, "SELECT pg_wal_replay_pause()")
        await self.until(number, "SELECT pg_get_wal_replay_pause_state() = 'paused'")

    async def resume_replay(self, number: int) -> None:
        """Ends a pause; the replica then catches up."""
        await self.execute(number, "SELECT pg_wal_replay_resume()")

    async def caught_up(self, *numbers: int, primary: int = 0) -> None:
        """Returns when the replicas, all if none is named, show what the primary has committed by now."""
        position = await self.value(primary, "SELECT pg_current_wal_flush_lsn()::text")
        for number in numbers or range(1, len(self.urls)):
            await self.until(number, f"SELECT pg_last_wal_replay_lsn() >= '{position}'")

    async def until(self, number: int, condition: str) -> None:
        """Returns when the statement returns true."""
        async with asyncio.timeout(_SECONDS):
            while await self.value(number, condition) is not True:
                await asyncio.sleep(_POLL)

    def kill(self, number: int) -> None:
        """Ends all processes of a server on the spot, as the loss of its machine would. Idempotent."""
        server = self._postgres.servers[number]
        if server.pid is None:
            return
        postmaster = psutil.Process(server.pid)
        postmaster.suspend()  # so that it starts no more while they are counted
        children = postmaster.children(recursive=True)
        for process in (postmaster, *children):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        server.stop(_SECONDS)
        while any(map(_lives, children)):
            time.sleep(_POLL)

    def kill_primary(self) -> None:
        """`kill` of server 0."""
        self.kill(0)

    async def start(self, number: int) -> None:
        """Starts a killed server as what it was; returns when it takes connections."""
        await asyncio.to_thread(self._postgres.servers[number].start, _SECONDS)

    async def most_advanced(self, *numbers: int) -> int:
        """Which of these replicas has received most: after the loss of a primary, the one to promote."""
        received = {number: int(await self.value(number, "SELECT pg_last_wal_receive_lsn()")) for number in numbers}
        return max(received, key=lambda number: received[number])

    async def promote(self, number: int) -> None:
        """Makes a replica the primary, which its siblings then follow; returns when it takes writes."""
        assert await self.value(number, f"SELECT pg_promote(true, {int(_SECONDS)})") is True


def _lives(process: psutil.Process) -> bool:
    """Whether it still holds what a process holds; a zombie does not, and may stay for long."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def copy_of(cluster_root: Path, root: Path) -> None:
    """Makes `root` hold what a stopped cluster holds in `cluster_root`."""
    copied(cluster_root / "pg", root / "pg")
    if (cluster_root / "shared").exists():
        shutil.copytree(cluster_root / "shared", root / "shared", symlinks=True)
