"""`podgraph cache warm`."""

import asyncio
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cache.redis import open_redis
from gateway.demo.account import demo_account
from tests.gateway.commands.terminal import OwnDatabase, Terminal
from tests.gateway.test_coherence import process
from tests.services.redis_server import RedisServer

QUERY = """query Shows { podcasts(first: 3) { nodes { title episodes(first: 2) { nodes { title } } } } }
query Some($first: Int!) { campaigns(first: $first) { nodes { name } } }
"""


@pytest.fixture
def shell(seeded: Terminal, redis_server: RedisServer) -> Terminal:
    """A terminal with the demo's database, and a Redis."""
    seeded.set(PODGRAPH_REDIS__URL=redis_server.url)
    return seeded


@pytest.fixture
def server(shell: Terminal, own_database: OwnDatabase, redis_server: RedisServer) -> Iterator[None]:
    """A process that is there all the time, as servers are: else nobody knew that what Redis keeps is still true."""
    begun, over = threading.Event(), threading.Event()

    async def serve() -> None:
        async with process(own_database.app_url, redis_server.url):
            begun.set()
            await asyncio.to_thread(over.wait)

    with ThreadPoolExecutor(1) as thread:
        served = thread.submit(asyncio.run, serve())
        assert begun.wait(20)
        yield
        over.set()
        served.result(20)


@pytest.fixture
def tenant(seeded: Terminal) -> str:
    demo = demo_account(seeded.data_dir)
    assert demo is not None
    return f"ten_{demo.tenant_id}"


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "shows.graphql").write_text(QUERY)
    return str(tmp_path / "shows.graphql")


def counts(out: str) -> str:
    """Without how long it took."""
    tenants, _, rest = out.partition(" in ")
    return f"{tenants}: {rest.partition(': ')[2]}"


def configured(redis: RedisServer, **values: int) -> None:
    async def configure() -> None:
        client = open_redis(redis.url)
        for name, value in values.items():
            await client.config_set(name, value)
        await client.aclose()

    asyncio.run(configure())


def keys(redis: RedisServer) -> int:
    async def counted() -> int:
        client = open_redis(redis.url)
        found = [name async for name in client.scan_iter("podgraph:v:*")]
        await client.aclose()
        return len(found)

    return asyncio.run(counted())


def test_without_redis_there_is_nobody_to_warm_for(terminal: Terminal) -> None:
    assert terminal.sentence("cache", "warm", "--all-tenants").startswith("There is nobody to warm for: set PODGRAPH_R")


@pytest.mark.parametrize("arguments", [(), ("--tenant", "ten_1", "--all-tenants")])
def test_whose_it_is_has_to_be_said(terminal: Terminal, arguments: tuple[str, ...]) -> None:
    terminal.set(PODGRAPH_REDIS__URL="redis://127.0.0.1:1/0")
    assert terminal.sentence("cache", "warm", *arguments).startswith("Say in whose name: --tenant ten_…")


def test_where_nothing_is_kept_nothing_is_asked(terminal: Terminal) -> None:
    terminal.set(PODGRAPH_REDIS__URL="redis://127.0.0.1:1/0", PODGRAPH_CACHE__ENABLED="false")
    sentence = terminal.sentence("cache", "warm", "--all-tenants")
    assert sentence == "Nothing is kept, since PODGRAPH_CACHE__ENABLED is off."


def test_scopes_that_there_are_not_are_refused_with_those_that_there_are(terminal: Terminal) -> None:
    terminal.set(PODGRAPH_REDIS__URL="redis://127.0.0.1:1/0")
    sentence = terminal.sentence("cache", "warm", "--all-tenants", "--scopes", "read,fly")
    assert sentence == "--scopes read,fly: there are read, write, events, attribution, with commas between them."


def test_a_file_that_is_no_valid_document_is_refused_with_its_place(terminal: Terminal, tmp_path: Path) -> None:
    terminal.set(PODGRAPH_REDIS__URL="redis://127.0.0.1:1/0")
    (tmp_path / "wrong.graphql").write_text("{ podcast }")
    said = terminal.run("cache", "warm", str(tmp_path / "wrong.graphql"), "--all-tenants")
    assert (said.status, said.out) == (3, "")
    assert "wrong.graphql:1:3: " in said.err


@pytest.mark.usefixtures("server")
def test_queries_of_a_file_are_warmed_once_and_found_the_second_time(
    shell: Terminal, tenant: str, file: str, tmp_path: Path, redis_server: RedisServer
) -> None:
    first = shell.run("cache", "warm", file, "--tenant", tenant)
    assert (first.status, counts(first.out)) == (0, "1 tenant: 1 warmed, 0 answered by what was there.\n")
    assert first.err == f"Not asked: Some of {file} needs $first.\n"
    kept = keys(redis_server)
    assert kept > 1, "a whole answer, and what it is made of"
    (tmp_path / "values.json").write_text('{"first": 2}')
    arguments = ("cache", "warm", file, "--tenant", tenant, "--variables", str(tmp_path / "values.json"))
    second = shell.run(*arguments)
    assert (second.status, second.err) == (0, "")
    assert counts(second.out) == "1 tenant: 1 warmed, 1 answered by what was there.\n"
    rights = shell.run(*arguments, "--role", "ADMIN", "--scopes", "read,write", "--scopes", "read", "--batch", "1")
    assert counts(rights.out) == "1 tenant: 6 warmed, 0 answered by what was there.\n"
    assert keys(redis_server) > kept


def test_registered_documents_are_asked_in_the_name_of_every_tenant(
    shell: Terminal, tenant: str, tmp_path: Path
) -> None:
    bare = shell.run("cache", "warm", "--all-tenants")
    assert (bare.status, bare.out) == (1, "")
    assert bare.err.startswith("There is nothing to ask: name a file with a query")
    titles = "query Titles { podcasts { nodes { title } } }"
    one = "query One($id: ID!) { podcast(id: $id) { title } }"
    (tmp_path / "relay.json").write_text(json.dumps({"a1": titles, "a2": titles, "b1": one}))
    assert shell.run("documents", "register", str(tmp_path / "relay.json"), "--client", "web").status == 0
    said = shell.run("cache", "warm", "--all-tenants")
    assert said.status == 0, said
    assert counts(said.out) == "1 tenant: 1 warmed, 0 answered by what was there.\n"
    assert said.err == "Not asked: One of b1 (registered) needs $id.\n"


def test_a_tenant_that_there_is_not_is_refused(shell: Terminal, file: str) -> None:
    said = shell.run("cache", "warm", file, "--tenant", "ten_999999")
    assert (said.status, said.out) == (1, "")
    assert said.err.endswith("There is no tenant ten_999999.\n")


def test_where_all_fail_that_is_the_exit_status_and_the_errors_are_told(
    shell: Terminal, tenant: str, tmp_path: Path
) -> None:
    names = [f'query Q{number} {{ campaign(id: "nothing {number}") {{ name }} }}' for number in range(7)]
    (tmp_path / "bad.graphql").write_text("\n".join(names))
    said = shell.run("cache", "warm", str(tmp_path / "bad.graphql"), "--tenant", tenant)
    assert (said.status, counts(said.out)) == (
        1,
        "1 tenant: 0 warmed, 0 answered by what was there, 7 failed.\n",
    )
    lines = said.err.splitlines()
    assert lines[0].startswith(f"{tenant} (role OWNER): Q0 of ")
    assert (len(lines), lines[-1]) == (6, "and 2 more.")


def test_it_stops_when_redis_is_nearly_full_and_says_so(
    shell: Terminal, tenant: str, file: str, redis_server: RedisServer
) -> None:
    configured(redis_server, maxmemory=1_000_000)
    said = shell.run("cache", "warm", file, "--tenant", tenant)
    assert (said.status, counts(said.out)) == (4, "0 tenants: 0 warmed, 0 answered by what was there.\n")
    stopped = said.err.splitlines()[-1]
    assert stopped.startswith("Stopped: Redis has used ")
    assert stopped.endswith(" of its maxmemory. What was warmed stays warm; run it again later to go on.")
    assert keys(redis_server) == 0
