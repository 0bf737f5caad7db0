"""`podgraph serve` refuses, in one sentence, to serve with what will not do."""

import re
import signal
import socket
import time
from pathlib import Path

import httpx2
import pytest

from tests.gateway.commands.terminal import KEYS, OwnDatabase, Terminal
from tests.gateway.test_embedded_failures import as_ordinary_user


@pytest.fixture
def port() -> int:
    """A free port."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def test_no_database(terminal: Terminal, port: int) -> None:
    assert terminal.sentence("serve", "--port", str(port)) == (
        "There is no database: set PODGRAPH_DATABASE__URL, or use `podgraph up`, which starts one."
    )


def test_no_keys(connected: Terminal, port: int) -> None:
    assert connected.sentence("serve", "--port", str(port)) == (
        "There are no keys: set PODGRAPH_AUTH__SIGNING_KEYS and PODGRAPH_AUTH__HASH_KEY."
    )


def test_database_that_is_not_migrated(connected: Terminal, port: int) -> None:
    connected.set(**KEYS)
    assert connected.sentence("serve", "--port", str(port)) == (
        "The database is not at the newest schema: run `podgraph migrate`, then start again."
    )


def test_role_that_bypasses_row_level_security(migrated: Terminal, own_database: OwnDatabase, port: int) -> None:
    migrated.set(**KEYS, PODGRAPH_DATABASE__URL=own_database.superuser_url)
    assert migrated.sentence("serve", "--port", str(port)) == (
        "The database role 'postgres' is a superuser or has BYPASSRLS and could read every tenant's data; set"
        " PODGRAPH_DATABASE__URL to a role that is neither (see README, Databases)."
    )


def test_role_that_owns_the_tables(migrated: Terminal, own_database: OwnDatabase, port: int) -> None:
    migrated.set(**KEYS, PODGRAPH_DATABASE__URL=own_database.owner_url)
    assert "'podgraph_owner' owns the tables" in migrated.sentence("serve", "--port", str(port))


def test_database_that_nobody_serves(terminal: Terminal, port: int) -> None:
    terminal.set(**KEYS, PODGRAPH_DATABASE__URL=f"postgresql+asyncpg://user@127.0.0.1:{port}/name")
    assert terminal.sentence("serve") == (
        f"The database cannot be reached ([Errno 111] Connect call failed ('127.0.0.1', {port})): see that it runs and"
        " that PODGRAPH_DATABASE__URL is right."
    )


def test_role_that_does_not_exist(terminal: Terminal, own_database: OwnDatabase, port: int) -> None:
    terminal.set(**KEYS, PODGRAPH_DATABASE__URL=own_database.app_url.replace("podgraph_app", "nobody"))
    assert terminal.sentence("serve", "--port", str(port)) == (
        'The database cannot be reached (role "nobody" does not exist): see that it runs and that'
        " PODGRAPH_DATABASE__URL is right."
    )


def test_taken_port(terminal: Terminal) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        for command in ("serve", "up"):
            assert terminal.sentence(command, "--port", str(taken)) == (
                f"Port {taken} of 127.0.0.1 cannot be had (Address already in use): stop the program that has it, or"
                " choose another port with --port (or make up PORT=…)."
            )
    assert not terminal.data_dir.exists()


def test_port_that_needs_more_rights(terminal: Terminal) -> None:
    first_free = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    if not first_free.exists() or int(first_free.read_text()) <= 80:
        pytest.skip("every user may take every port here")
    said = as_ordinary_user(lambda: terminal.sentence("serve", "--port", "80"))
    assert said == "Port 80 needs more rights than this user has: choose one from 1024 up."


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid", "2001:db8::1"])
def test_address_of_another_machine(terminal: Terminal, host: str, port: int) -> None:
    said = terminal.sentence("serve", "--host", host, "--port", str(port))
    assert said == f"{host} is no address of this machine: choose one with --host."


def test_port_that_no_machine_has(terminal: Terminal) -> None:
    said = terminal.run("serve", "--port", "65536")
    assert said.status == 2
    assert "should be less than or equal to 65535" in re.sub(r"\s*│\s*", " ", said.err)


def test_migrated_database_is_served_until_sigterm_and_the_last_spans_are_sent(migrated: Terminal, port: int) -> None:
    migrated.set(
        **KEYS, PODGRAPH_HTTP__DRAIN_SECONDS="0", OTEL_TRACES_EXPORTER="console", OTEL_BSP_SCHEDULE_DELAY="600000"
    )
    with migrated.start("serve", "--port", str(port)) as server:
        deadline = time.monotonic() + 60
        while not ready(port):
            assert server.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        server.send_signal(signal.SIGTERM)
        out, err = server.communicate(timeout=30)
    assert "Traceback" not in out + err
    assert server.returncode == 0
    assert '"trace_id"' in out


def ready(port: int) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/readyz", timeout=2).status_code == 200
    except httpx2.HTTPError:
        return False
