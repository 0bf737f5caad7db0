"""`podgraph` at a terminal: in this process where only its words matter, in one of its own for signals."""

import asyncio
import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from typer.testing import CliRunner

from gateway.cli import app
from gateway.embedded.postgres import APP, OWNER, EmbeddedPostgres

KEYS = {
    "PODGRAPH_AUTH__SIGNING_KEYS": "a signing key of the tests that has 32 bytes and more",
    "PODGRAPH_AUTH__HASH_KEY": "a hash key of the tests that has 32 bytes and more",
}
_numbers = itertools.count(1)


class Said(msgspec.Struct, frozen=True):
    """What a command printed, and how it ended."""

    status: int
    out: str
    err: str


class Terminal:
    """A shell with only these PODGRAPH_ variables, and a data directory of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, data_dir: Path) -> None:
        for name in os.environ:
            if name.startswith("PODGRAPH_"):
                monkeypatch.delenv(name)
        self._monkeypatch = monkeypatch
        self.data_dir = data_dir
        self.set(PODGRAPH_DATA_DIR=str(data_dir))

    def set(self, **variables: str) -> None:
        for name, value in variables.items():
            self._monkeypatch.setenv(name, value)

    def run(self, *arguments: str) -> Said:
        """The command, in this process."""
        done = CliRunner().invoke(app, arguments, prog_name="podgraph")
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Said(done.exit_code, done.stdout, done.stderr)

    def sentence(self, *arguments: str) -> str:
        """The one sentence with which a command gives up."""
        said = self.run(*arguments)
        assert (said.status, said.out) == (1, ""), said
        assert said.err.count("\n") == 1
        return said.err.rstrip("\n")

    def start(
        self,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        stdin: IO[bytes] | int = subprocess.DEVNULL,
    ) -> "subprocess.Popen[str]":
        """The command, in a process group of its own like a shell's job."""
        return subprocess.Popen(
            [str(Path(sys.executable).parent / "podgraph"), *arguments],
            env={**os.environ, **(environment or {})},
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )


class OwnDatabase:
    """A database of one test, and its roles' addresses."""

    def __init__(self, postgres: EmbeddedPostgres) -> None:
        self.name = f"commands_{os.getpid()}_{next(_numbers)}"
        postgres.ensure_database(self.name)
        self._postgres = postgres

    @property
    def app_url(self) -> str:
        return self._postgres.url(APP, self.name)

    @property
    def owner_url(self) -> str:
        return self._postgres.url(OWNER, self.name)

    @property
    def superuser_url(self) -> str:
        return self._postgres.url("postgres", self.name)

    def become(self, other: str) -> None:
        """A copy of another database, to which nobody is connected."""
        asyncio.run(self._copied(other))
        self._postgres.ensure_database(self.name)

    async def _copied(self, other: str) -> None:
        engine = create_async_engine(self._postgres.url("postgres", "postgres"), isolation_level="AUTOCOMMIT")
        async with engine.connect() as connection:
            await connection.execute(text(f"DROP DATABASE {self.name}"))
            await connection.execute(text(f"CREATE DATABASE {self.name} TEMPLATE {other} OWNER {OWNER}"))
        await engine.dispose()


class SeededDemo(msgspec.Struct, frozen=True):
    """A database with the demo in it, and the files of the data directory that go with it."""

    database: str
    files: Path

    def give(self, terminal: Terminal, database: OwnDatabase) -> None:
        database.become(self.database)
        shutil.copytree(self.files, terminal.data_dir, dirs_exist_ok=True)
