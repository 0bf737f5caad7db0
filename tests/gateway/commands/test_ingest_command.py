"""`podgraph ingest`: a table of what became of the events, or one sentence and status 1."""

import asyncio
import gzip
import json
import os
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.commands.terminal import OwnDatabase, Terminal
from tests.services.sql import rows

TENANT, OTHER = 7, 8
ADDRESS = "198.51.100.77"
SHOP = f"""
INSERT INTO tenants (id, name) OVERRIDING SYSTEM VALUE VALUES ({TENANT}, 'One'), ({OTHER}, 'Two');
INSERT INTO advertisers (tenant_id, id, name) OVERRIDING SYSTEM VALUE VALUES ({TENANT}, 1, 'Acme')
"""  # noqa: S608  # numbers above


@pytest.fixture
def shop(migrated: Terminal, own_database: OwnDatabase) -> Terminal:
    """A terminal with a database in which ten_7 has the advertiser adv_1."""
    for statement in SHOP.split(";"):
        ask(own_database, statement)
    return migrated


def event(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "key": f"key-{number}",
        "type": "VISIT",
        "occurredAt": (datetime.now(UTC) - timedelta(minutes=1 + number % 100_000)).isoformat(),
        "ipAddress": ADDRESS,
        "advertiserId": "adv_1",
        **fields,
    }


def ndjson(count: int, *more: dict[str, Any]) -> bytes:
    events = [*(event(number) for number in range(1, count + 1)), *more]
    return b"".join(json.dumps(each).encode() + b"\n" for each in events)


def written(folder: Path, content: bytes, name: str = "events.ndjson") -> str:
    file = folder / name
    file.write_bytes(content)
    return str(file)


def ask(database: OwnDatabase, statement: str) -> list[tuple[Any, ...]]:
    return asyncio.run(rows(database.superuser_url, statement))


def stored(database: OwnDatabase) -> int:
    """How many events there are; the hourly counts count each of them."""
    statement = "SELECT (SELECT count(*) FROM events), (SELECT coalesce(sum(events), 0) FROM event_hours)"
    [(events, counted)] = ask(database, statement)
    assert events == counted
    return int(events)


def shown(out: str) -> dict[str, str]:
    """The table: names and numbers."""
    cells = [line.strip("│ ").split("│") for line in out.splitlines() if line.startswith("│")]
    return {name.strip(): number.strip() for name, number in cells}


def test_file_is_taken_and_taken_again(shop: Terminal, own_database: OwnDatabase, tmp_path: Path) -> None:
    file = written(tmp_path, ndjson(1_234))
    first, second = (shop.run("ingest", file, "--tenant", "ten_7") for _ in range(2))
    assert (first.status, second.status) == (0, 0)
    assert shown(first.out) == {"accepted": "1,234", "duplicate": "0", "rejected": "0"}
    assert shown(second.out) == {"accepted": "0", "duplicate": "1,234", "rejected": "0"}
    assert first.out.splitlines()[-1].startswith("1,234 events in ")
    assert stored(own_database) == 1_234
    assert list(tmp_path.iterdir()) == [Path(file)]


def test_rejected_lines_are_told_by_status_table_and_file(
    shop: Terminal, own_database: OwnDatabase, tmp_path: Path
) -> None:
    bad = [event(8, type="SNEEZE"), event(9, occurredAt="2026-01-01T00:00:00"), event(10, type="SNEEZE", key=None)]
    file = written(tmp_path, ndjson(3, *bad))
    said = shop.run("ingest", file, "--tenant", "ten_7")
    assert said.status == 3
    assert shown(said.out) == {
        "accepted": "3",
        "duplicate": "0",
        "rejected": "3",
        "UNKNOWN_TYPE": "2",
        "MISSING_VALUE": "1",
        "TIMESTAMP_WITHOUT_ZONE": "1",
    }
    rejects = tmp_path / "events.ndjson.rejects.ndjson"
    assert said.out.splitlines()[-1] == f"Every rejected line, and why: {rejects}"
    assert [json.loads(line)["line"] for line in rejects.read_bytes().splitlines()] == [4, 5, 6]
    assert ADDRESS not in rejects.read_text() + said.out + said.err
    assert stored(own_database) == 3


def test_rejects_go_where_they_are_wanted(shop: Terminal, tmp_path: Path) -> None:
    file, rejects = written(tmp_path, b"nonsense\n" + ndjson(1)), tmp_path / "bad"
    assert shop.run("ingest", file, "--tenant", "ten_7", "--rejects", str(rejects)).status == 3
    assert json.loads(rejects.read_bytes())["problems"][0]["code"] == "MALFORMED_JSON"


def test_state_is_kept_where_it_is_wanted(shop: Terminal, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    content, state = ndjson(3_000), tmp_path / "state" / "mine"
    file = written(tmp_path, gzip.compress(content)[:-1_000])
    shop.sentence("ingest", file, "--tenant", "ten_7", "--state", str(state))
    assert state.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["events.ndjson", "state"]


def test_event_of_another_tenant_is_rejected(shop: Terminal, own_database: OwnDatabase, tmp_path: Path) -> None:
    said = shop.run("ingest", written(tmp_path, ndjson(2)), "--tenant", "ten_8")
    assert (said.status, shown(said.out)["UNKNOWN_ADVERTISER"]) == (3, "2")
    assert stored(own_database) == 0


def test_standard_input_is_said_to_come_once(shop: Terminal, own_database: OwnDatabase, tmp_path: Path) -> None:
    for content in (ndjson(20), gzip.compress(ndjson(30))):
        file = Path(written(tmp_path, content))
        with file.open("rb") as stdin, shop.start("ingest", "-", "--tenant", "ten_7", stdin=stdin) as process:
            out, err = process.communicate(timeout=60)
        assert process.returncode == 0
        assert err == (
            "Standard input comes once: after an interruption send all of it again;"
            " what was taken is found to be a duplicate.\n"
        )
    assert shown(out) == {"accepted": "10", "duplicate": "20", "rejected": "0"}
    assert stored(own_database) == 30


def test_cut_gzip_says_how_far_it_came(shop: Terminal, own_database: OwnDatabase, tmp_path: Path) -> None:
    content = gzip.compress(ndjson(3_000))
    file = written(tmp_path, content[: len(content) // 2], "events.ndjson.gz")
    said = shop.sentence("ingest", file, "--tenant", "ten_7")
    taken = stored(own_database)
    assert 1_000 < taken < 2_500
    assert said == (
        f"{file} is a gzip that was cut off, after line {taken:,}; everything up to there is taken:"
        " mend it and run the same command again, nothing is counted twice."
    )
    written(tmp_path, content, "events.ndjson.gz")
    assert shown(shop.run("ingest", file, "--tenant", "ten_7").out) == {
        "accepted": f"{3_000 - taken:,}",
        "duplicate": f"{taken:,}",
        "rejected": "0",
    }
    assert stored(own_database) == 3_000


def test_ctrl_c_is_gone_on_after(shop: Terminal, own_database: OwnDatabase, tmp_path: Path) -> None:
    file = written(tmp_path, ndjson(10_000))
    with shop.start("ingest", file, "--tenant", "ten_7", "--batch", "100") as process:
        deadline = time.monotonic() + 60
        while not (tmp_path / "events.ndjson.ingest-state").exists():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    assert err.startswith("Interrupted after line ")
    assert err.endswith(": run the same command again to go on there.\n")
    before = int(err.removeprefix("Interrupted after line ").partition(":")[0].replace(",", ""))
    assert 0 < before <= stored(own_database) < 10_000
    again = shop.run("ingest", file, "--tenant", "ten_7")
    assert again.err == f"Going on after line {before:,}, up to which an earlier run came.\n"
    assert stored(own_database) == 10_000


def test_database_lost_for_good_says_how_far_it_came(
    shop: Terminal, own_database: OwnDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.ingest.pipeline.PAUSES", 0.2)
    file, checkpoint = written(tmp_path, ndjson(10_000)), tmp_path / "events.ndjson.ingest-state"

    def lose() -> None:
        while not checkpoint.exists():
            time.sleep(0.005)
        ask(own_database, "ALTER ROLE podgraph_app NOLOGIN")
        ask(
            own_database,
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{own_database.name}'"  # noqa: S608  # a name of ours
            " AND usename = 'podgraph_app'",
        )

    with ThreadPoolExecutor(1) as thread:
        lost = thread.submit(lose)
        try:
            said = shop.sentence("ingest", file, "--tenant", "ten_7", "--batch", "100")
            lost.result()
        finally:
            ask(own_database, "ALTER ROLE podgraph_app LOGIN")
    match = re.fullmatch(
        r"The database was lost after line ([\d,]+) \(.*\):"
        r" run the same command again to go on there once it is back\.",
        said,
    )
    assert match is not None, said
    line = int(match[1].replace(",", ""))
    assert 0 < line <= stored(own_database) < 10_000
    again = shop.run("ingest", file, "--tenant", "ten_7")
    assert again.err == f"Going on after line {line:,}, up to which an earlier run came.\n"
    assert stored(own_database) == 10_000


def test_ten_megabytes_in_a_line_and_a_hundred_without_a_line_feed(
    shop: Terminal, own_database: OwnDatabase, tmp_path: Path
) -> None:
    huge = b'{"key":"' + b"x" * 10_000_000 + b'"}\n'
    file = written(tmp_path, gzip.compress(ndjson(1) + huge + ndjson(2) + b"x" * 100_000_000, 1))
    said = shop.run("ingest", file, "--tenant", "ten_7")
    assert shown(said.out) == {"accepted": "2", "duplicate": "1", "rejected": "2", "LINE_TOO_LONG": "2"}
    assert stored(own_database) == 2
    assert (tmp_path / "events.ndjson.rejects.ndjson").stat().st_size < 1_000


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["no.ndjson"], "No such file or directory: no.ndjson."),
        (["."], ". cannot be read: Is a directory."),
        (["/dev/null", "--rejects", "."], ". is no regular file: rejects need one of their own."),
    ],
)
def test_file_that_cannot_be_read_starts_no_database(terminal: Terminal, arguments: list[str], sentence: str) -> None:
    assert terminal.sentence("ingest", "--tenant", "ten_7", *arguments) == sentence
    assert not (terminal.data_dir / "postgres").exists()


def test_tenant_that_does_not_exist(shop: Terminal, tmp_path: Path) -> None:
    said = shop.sentence("ingest", written(tmp_path, ndjson(1)), "--tenant", "ten_99")
    assert said == "There is no tenant ten_99."


def test_tenant_must_be_told_where_there_is_no_demo(terminal: Terminal, tmp_path: Path) -> None:
    said = terminal.sentence("ingest", written(tmp_path, ndjson(1)))
    assert said == "There is no demo tenant here: say whose events they are with --tenant ten_…."


def test_header_is_needed_before_anything_is_taken(shop: Terminal, own_database: OwnDatabase, tmp_path: Path) -> None:
    file = written(tmp_path, b"key-1,VISIT,2026-01-01T00:00:00Z,198.51.100.77\n", "events.csv")
    said = shop.sentence("ingest", file, "--tenant", "ten_7")
    assert said.startswith(f"{file} has no header: its first line must name columns, of key, type, occurredAt")
    assert ADDRESS not in said
    assert stored(own_database) == 0


def test_database_that_is_not_there(shop: Terminal, tmp_path: Path) -> None:
    shop.set(PODGRAPH_DATABASE__URL="postgresql+asyncpg://podgraph_app@127.0.0.1:1/podgraph")
    said = shop.sentence("ingest", written(tmp_path, ndjson(1)), "--tenant", "ten_7")
    assert said.startswith("The database cannot be reached ")
