"""`podgraph up`: everything on this machine, or one sentence that says why not."""

import asyncio
import os
import signal
import socket
import threading
import time
from pathlib import Path

import httpx2
import msgspec
import pytest

from tests.gateway.commands.terminal import Terminal
from tests.gateway.test_embedded_failures import as_ordinary_user
from tests.resolvers.feeds.documents import item, rss
from tests.services.client import GraphQLClient
from tests.services.gateway import Gateway
from tests.services.sql import rows

COUNT = "{ podcasts(first: 100) { nodes { title episodes { totalCount } } } }"


@pytest.fixture
def port() -> int:
    """A free port."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.fixture
def beside(own_home: Path, terminal: Terminal) -> Terminal:
    """A terminal over the data directory that `own_gateway` serves, where a test asks for it."""
    terminal.set(PODGRAPH_DATA_DIR=str(own_home))
    return terminal


def started(terminal: Terminal, port: int, *arguments: str, address: str = "127.0.0.1") -> tuple[str, str]:
    """The GraphiQL page of a `podgraph up`, and what it had printed; it is stopped again."""
    with terminal.start("up", "--port", str(port), *arguments) as process:
        lines: list[str] = []
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if "Stop" in line:
                break
        threading.Thread(target=process.communicate, daemon=True).start()
        deadline = time.monotonic() + 60
        page = None
        while page is None:
            assert time.monotonic() < deadline
            try:
                page = httpx2.get(f"http://{address}:{port}/graphiql", timeout=2).text
            except httpx2.HTTPError:
                time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        process.wait(30)
    return page, "".join(lines)


def test_second_one_over_the_same_data_is_refused_and_the_first_goes_on(
    demo_server: Gateway, terminal: Terminal, port: int
) -> None:
    terminal.set(PODGRAPH_DATA_DIR=str(demo_server.data_dir))
    assert terminal.sentence("up", "--port", str(port)) == (
        f"Another Podgraph runs over {demo_server.data_dir}: stop it first,"
        " or set PODGRAPH_DATA_DIR to another directory."
    )
    assert demo_server.ready()


async def test_import_feed_beside_a_running_one_writes_to_its_database(
    own_gateway: Gateway, beside: Terminal, tmp_path: Path
) -> None:
    file = tmp_path / "feed.xml"
    file.write_bytes(rss(item(), channel="<title>Imported beside</title>"))
    said = await asyncio.to_thread(beside.run, "import-feed", str(file))
    assert (said.status, said.err) == (0, "")
    async with GraphQLClient(own_gateway.url, own_gateway.api_key) as client:
        nodes = (await client.data(COUNT))["podcasts"]["nodes"]
    assert {"title": "Imported beside", "episodes": {"totalCount": 1}} in nodes


def test_import_feed_without_a_running_one_starts_and_stops_the_database(
    own_home: Path, beside: Terminal, tmp_path: Path
) -> None:
    file = tmp_path / "feed.xml"
    file.write_bytes(rss(item()))
    said = beside.run("import-feed", str(file))
    assert (said.status, said.err) == (0, "")
    assert not (own_home / "postgres" / "primary" / "postmaster.pid").exists()


async def test_replicas_of_the_running_one_are_said_and_noted_and_end_with_it(own_home: Path) -> None:
    with Gateway(own_home, command=("up", "--replicas", "2")) as gateway:
        assert "PostgreSQL with 2 streaming replicas" in gateway.log
        urls = msgspec.json.decode((own_home / "running.json").read_bytes())["replica_urls"]
        assert [await rows(url, "SELECT pg_is_in_recovery()") for url in urls] == [[(True,)], [(True,)]]
    assert not list((own_home / "postgres").glob("*/postmaster.pid"))


def test_replicas_of_a_database_that_is_not_ours(connected: Terminal, port: int) -> None:
    assert connected.sentence("up", "--port", str(port), "--replicas", "1") == (
        "`--replicas` is for the embedded PostgreSQL: name those of your own in PODGRAPH_DATABASE__REPLICA_URLS,"
        " or unset PODGRAPH_DATABASE__URL."
    )


def test_data_directory_that_is_a_file(terminal: Terminal, port: int) -> None:
    terminal.data_dir.write_text("")
    assert terminal.sentence("up", "--port", str(port)) == f"File exists: {terminal.data_dir}."


def test_data_directory_that_nobody_may_make(terminal: Terminal, port: int) -> None:
    terminal.data_dir.parent.chmod(0o555)
    said = as_ordinary_user(lambda: terminal.sentence("up", "--port", str(port)))
    terminal.data_dir.parent.chmod(0o755)
    assert said == f"Permission denied: {terminal.data_dir}."


def test_secrets_of_another_user(terminal: Terminal, port: int) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make a file of another user")
    terminal.data_dir.mkdir()
    secrets = terminal.data_dir / "secrets.json"
    secrets.write_text("{}")
    secrets.chmod(0o600)
    said = as_ordinary_user(lambda: terminal.sentence("up", "--port", str(port)))
    assert said == f"Permission denied: {secrets}."


def test_damaged_cluster(own_home: Path, beside: Terminal, port: int) -> None:
    (own_home / "postgres" / "primary" / "PG_VERSION").write_text("garbage\n")
    said = beside.sentence("up", "--port", str(port))
    assert said.startswith(f"The data directory {own_home}/postgres/primary is damaged: ")


def test_left_over_note_of_a_killed_one_deceives_nobody(own_gateway: Gateway) -> None:
    own_gateway.kill()
    assert (own_gateway.data_dir / "running.json").exists()
    own_gateway.start()


def test_address_of_its_own_is_printed_and_the_login_shown_to_nobody_else(beside: Terminal, port: int) -> None:
    page, printed = started(beside, port, "--host", "0.0.0.0")  # noqa: S104  # what the test is about
    assert f"http://0.0.0.0:{port}/graphiql" in printed
    assert "demo@example.com" in printed
    assert "demo@example.com" not in page


def test_address_of_ip_version_6(beside: Terminal, port: int) -> None:
    page, printed = started(beside, port, "--host", "::1", address="[::1]")
    assert f"http://[::1]:{port}/graphiql" in printed
    assert "demo@example.com" in page
