"""`podgraph import-feed`: a summary, or one sentence and status 1."""

import asyncio
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from persistence.database import open_database
from persistence.ids import TenantId
from persistence.repositories.podcasts import Podcasts
from tests.e2e.publisher import publishing
from tests.gateway.commands.terminal import OwnDatabase, Terminal
from tests.resolvers.feeds.documents import item, rss
from tests.services.sql import rows

TWO = rss(item(guid="a") + item(guid="b"))


@pytest.fixture
def shop(seeded: Terminal) -> Terminal:
    """A terminal with a database and a demo in it."""
    seeded.set(PODGRAPH_FEEDS__ALLOW_NETWORKS="127.0.0.0/8")
    return seeded


@pytest.fixture
def anybody(terminal: Terminal) -> Terminal:
    """A terminal without a database: what fails there fails before one is started."""
    return terminal


def written(directory: Path, body: bytes) -> str:
    file = directory / "feed.xml"
    file.write_bytes(body)
    return str(file)


def podcasts(database: OwnDatabase) -> list[tuple[Any, ...]]:
    return asyncio.run(
        rows(
            database.superuser_url,
            "SELECT p.title, p.feed_url, count(e.id) FROM podcasts p LEFT JOIN episodes e ON e.podcast_id = p.id"
            " WHERE p.feed_url IS NOT NULL GROUP BY p.title, p.feed_url",
        )
    )


def test_file_is_imported_and_imported_again(shop: Terminal, own_database: OwnDatabase, tmp_path: Path) -> None:
    first, second = (shop.run("import-feed", written(tmp_path, TWO)) for _ in range(2))
    assert (first.status, first.err) == (0, "")
    assert first.out.endswith("): 2 new, 0 updated, 0 unchanged episodes; 0 items rejected, 2 warnings.\n")
    assert second.out.endswith("): 0 new, 0 updated, 2 unchanged episodes; 0 items rejected, 2 warnings.\n")
    assert podcasts(own_database) == [("Harbour Lights", "file:feed.xml", 2)]


def test_url_is_imported_and_a_file_may_stand_in_for_it(
    shop: Terminal, own_database: OwnDatabase, tmp_path: Path
) -> None:
    with publishing(TWO) as publisher:
        assert shop.run("import-feed", publisher.url).status == 0
        assert shop.run("import-feed", "--url", publisher.url, written(tmp_path, TWO)).status == 0
        assert podcasts(own_database) == [("Harbour Lights", publisher.url, 2)]


def test_feed_that_has_not_changed(shop: Terminal) -> None:
    with publishing(TWO, etag='"1"') as publisher:
        assert shop.run("import-feed", publisher.url).status == 0
        assert shop.run("import-feed", publisher.url).out.endswith("): the feed has not changed.\n")


def test_titles_of_strangers_are_no_markup_and_rejected_items_are_listed(shop: Terminal, tmp_path: Path) -> None:
    body = rss("<item/>" * 22 + item(), channel="<title>[/red] [bold]Loud</title>")
    said = shop.run("import-feed", written(tmp_path, body))
    assert said.status == 0
    assert said.out.startswith("[/red] [bold]Loud (pod_")
    assert said.out.count("NO_IDENTITY") == 20
    assert "and 2 more" in said.out


def test_publisher_who_moved_is_named(shop: Terminal, tmp_path: Path) -> None:
    moved = "<title>T</title><itunes:new-feed-url>https://new.example/feed</itunes:new-feed-url>"
    said = shop.run("import-feed", written(tmp_path, rss(item(), channel=moved)))
    assert "The publisher says that the feed has moved to https://new.example/feed: import from there next." in said.out


def test_refused_feed_changes_nothing(shop: Terminal, own_database: OwnDatabase, tmp_path: Path) -> None:
    said = shop.sentence("import-feed", written(tmp_path, TWO[:-20]))
    assert said == "The feed ends in the middle."
    assert podcasts(own_database) == []


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("http://169.254.169.254/x", "The feed's address is not on the public internet."),
        ("ftp://feeds.example/x", "A feed's URL begins with http:// or https:// and has at most 2,048 characters."),
        ("http://user:word@feeds.example/x", "A feed's URL may not contain a user name or password."),
    ],
)
def test_address_that_is_not_fetched(shop: Terminal, source: str, sentence: str) -> None:
    assert shop.sentence("import-feed", source) == sentence


def test_tenant_that_does_not_exist(shop: Terminal, tmp_path: Path) -> None:
    said = shop.sentence("import-feed", "--tenant", "ten_99999", written(tmp_path, TWO))
    assert said == "There is no tenant ten_99999."


@pytest.mark.parametrize("named", ["pod_1", "nonsense", "ten_0", "ten_99999999999999999999"])
def test_tenant_that_is_no_tenants_id(anybody: Terminal, named: str, tmp_path: Path) -> None:
    assert anybody.sentence("import-feed", "--tenant", named, written(tmp_path, TWO)).startswith("--tenant: ")


def test_no_demo_to_import_into(anybody: Terminal, tmp_path: Path) -> None:
    said = anybody.sentence("import-feed", written(tmp_path, TWO))
    assert said == "There is no demo tenant here: say whose podcast it is with --tenant ten_…."


def test_directory_and_missing_file_and_device(anybody: Terminal, tmp_path: Path) -> None:
    def said(path: object) -> str:
        return anybody.sentence("import-feed", "--tenant", "ten_1", str(path))

    assert said(tmp_path) == f"Cannot read {tmp_path}: it is a directory."
    assert said(tmp_path / "no.xml") == f"Cannot read {tmp_path}/no.xml: No such file or directory."
    assert said("/dev/zero") == "Cannot read /dev/zero: it is no regular file."


@pytest.mark.parametrize("body", [b"", b" \n", b"plain words"])
def test_file_without_a_feed(shop: Terminal, tmp_path: Path, body: bytes) -> None:
    assert shop.sentence("import-feed", written(tmp_path, body)) == "This is not an RSS or Atom feed."


def test_ctrl_c_in_the_middle_leaves_nothing_half_written(
    shop: Terminal, own_database: OwnDatabase, tmp_path: Path
) -> None:
    tenant = TenantId(json.loads((shop.data_dir / "demo.json").read_bytes())["tenant_id"])
    waits = (
        f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{own_database.name}'"  # noqa: S608  # a name of ours
        " AND wait_event = 'advisory'"
    )

    async def interrupted() -> tuple[str, str, int]:
        database = open_database(own_database.app_url, pool_size=1, statement_timeout=30)
        async with database.write(tenant) as holder:
            await Podcasts(holder).lock_feed("file:feed.xml")
            process = shop.start("import-feed", written(tmp_path, TWO))
            deadline = time.monotonic() + 30
            while await rows(own_database.superuser_url, waits) == [(0,)]:
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < deadline
            os.killpg(process.pid, signal.SIGINT)
            out, err = await asyncio.to_thread(process.communicate, timeout=30)
        await database.close()
        return out, err, process.returncode

    assert asyncio.run(interrupted()) == ("", "Interrupted; an import is written whole or not at all.\n", 1)
    assert podcasts(own_database) == []
