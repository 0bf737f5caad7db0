"""Files of events, taken in whole, in part, and again."""

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.ingest.formats import FormatName
from gateway.ingest.ingest import Ingest, Job, Store
from gateway.ingest.source import Source, UnreadableSource
from resolvers.context import Services
from tests.gateway.ingest.scene import ADDRESS, Shop, Stopped, new_shop

WITNESS_GONE = (
    "Starting at the beginning, since the database does not have what was taken before; nothing is counted twice."
)


@pytest_asyncio.fixture
async def shop(services: Services) -> Shop:
    return await new_shop(services)


class Desk:
    """Where a file is ingested, with what the last run said and left behind."""

    def __init__(self, shop: Shop, folder: Path) -> None:
        self.shop = shop
        self.file = folder / "events.ndjson"
        self.rejects = folder / "rejects.ndjson"
        self.checkpoint = folder / "state"
        self.said: str | None = None
        self.progress: list[int] = []

    async def run(self, store: Store | None = None, **options: Any) -> Ingest:
        """Of batches of ten."""
        given = {"tenant_id": self.shop.actor.tenant_id, "format": None, "batch": 10, **options}
        job = Job(rejects=self.rejects, checkpoint=self.checkpoint, **given)
        self.said, self.progress = None, []
        with Source(str(self.file)) as source:
            ingest = Ingest(source, job)
            self.said = await ingest.resume(store or self.shop.store)
            await ingest.run(store or self.shop.store, lambda: self.progress.append(ingest.position.line))
        return ingest

    async def stop_after(self, batches: int) -> None:
        with pytest.raises(Stopped):
            await self.run(self.shop.stopping_after(batches))

    def rejected(self) -> list[tuple[int, list[str]]]:
        lines = [json.loads(line) for line in self.rejects.read_bytes().splitlines()]
        return [(line["line"], [problem["code"] for problem in line["problems"]]) for line in lines]


@pytest.fixture
def desk(shop: Shop, tmp_path: Path) -> Desk:
    return Desk(shop, tmp_path)


def keys(count: int, without: tuple[int, ...] = ()) -> list[str]:
    return [f"key-{number}" for number in range(1, count + 1) if number not in without]


def counts(ingest: Ingest) -> tuple[int, int, int]:
    return ingest.counts.accepted, ingest.counts.duplicate, ingest.counts.rejected


async def test_file_is_taken_once_and_nothing_is_left_beside_it(desk: Desk) -> None:
    desk.file.write_bytes(desk.shop.ndjson(25))
    assert counts(await desk.run()) == (25, 0, 0)
    assert (desk.said, desk.progress) == (None, [10, 20, 25])
    assert counts(await desk.run()) == (0, 25, 0)
    assert await desk.shop.keys() == keys(25)
    assert await desk.shop.hours() == 25
    assert list(desk.file.parent.iterdir()) == [desk.file]


@pytest.mark.parametrize("compressed", [False, True])
async def test_stopped_run_is_gone_on_with(desk: Desk, compressed: bool) -> None:
    content = desk.shop.ndjson(95, bad=[3, 14, 15, 92])
    desk.file.write_bytes(gzip.compress(content) if compressed else content)
    await desk.stop_after(4)
    assert desk.progress[-1] == 40
    before = await desk.shop.keys()
    assert len(before) == 37
    ingest = await desk.run()
    assert desk.said == "Going on after line 40, up to which an earlier run came."
    assert (desk.progress[0], desk.progress[-1]) == (50, 95)
    assert counts(ingest) == (91, 0, 4)
    assert ingest.before.total == 40
    assert ingest.counts.problems == {"UNKNOWN_TYPE": 4}
    assert desk.rejected() == [
        (3, ["UNKNOWN_TYPE"]),
        (14, ["UNKNOWN_TYPE"]),
        (15, ["UNKNOWN_TYPE"]),
        (92, ["UNKNOWN_TYPE"]),
    ]
    assert await desk.shop.keys() == keys(95, without=(3, 14, 15, 92))
    assert await desk.shop.hours() == 91
    assert not desk.checkpoint.exists()


async def test_run_that_was_killed_between_the_commit_and_the_checkpoint_repeats_without_counting_twice(
    desk: Desk,
) -> None:
    desk.file.write_bytes(desk.shop.ndjson(50, bad=[25]))
    await desk.stop_after(2)
    stale = desk.checkpoint.read_bytes()
    assert not desk.rejects.exists()
    await desk.stop_after(3)  # of which the first is the witness
    desk.checkpoint.write_bytes(stale)
    with desk.rejects.open("ab") as file:
        file.write(b'{"line":25')  # cut by the kill
    ingest = await desk.run()
    assert counts(ingest) == (30, 19, 1)
    assert desk.rejected() == [(25, ["UNKNOWN_TYPE"])]
    assert await desk.shop.keys() == keys(50, without=(25,))
    assert await desk.shop.hours() == 49


async def test_file_that_has_changed_is_begun_anew(desk: Desk) -> None:
    content = desk.shop.ndjson(40)
    desk.file.write_bytes(content)
    await desk.stop_after(2)
    desk.file.write_bytes(b"\n" + content)
    ingest = await desk.run()
    assert desk.said == f"Starting at the beginning, since {desk.file} has changed; nothing is counted twice."
    assert counts(ingest) == (20, 20, 0)
    assert await desk.shop.keys() == keys(40)


async def test_checkpoint_of_another_tenant_is_of_no_use(desk: Desk, services: Services) -> None:
    desk.file.write_bytes(desk.shop.ndjson(40))
    await desk.stop_after(2)
    other = await new_shop(services)
    ingest = await desk.run(other.store, tenant_id=other.actor.tenant_id)
    assert desk.said == (
        "Starting at the beginning, since the earlier run was for another tenant; nothing is counted twice."
    )
    assert counts(ingest) == (0, 0, 40)
    assert ingest.counts.problems == {"UNKNOWN_PLACEMENT": 40}
    assert await other.keys() == []
    assert await other.hours() == 0
    assert await desk.shop.keys() == keys(20)


async def test_another_database_does_not_miss_what_the_first_one_has(desk: Desk, services: Services) -> None:
    desk.file.write_bytes(desk.shop.ndjson(40))
    await desk.stop_after(2)
    other = await new_shop(services)  # stands for a database in which the tenant has the same id
    assert counts(await desk.run(other.store)) == (0, 0, 40)
    assert desk.said == WITNESS_GONE


async def test_rejects_that_are_gone_are_written_anew(desk: Desk) -> None:
    desk.file.write_bytes(desk.shop.ndjson(40, bad=[2]))
    await desk.stop_after(2)
    desk.rejects.unlink()
    await desk.run()
    assert desk.said == (
        "Starting at the beginning, since the earlier run's rejects are not in the same file; nothing is counted twice."
    )
    assert desk.rejected() == [(2, ["UNKNOWN_TYPE"])]


async def test_other_format_reads_from_the_beginning(desk: Desk) -> None:
    desk.file.write_bytes(b"key,type,occurredAt,ipAddress\n" + desk.shop.ndjson(40))
    with pytest.raises(Stopped):
        await desk.run(desk.shop.stopping_after(2), format=FormatName.NDJSON)
    await desk.run(format=FormatName.CSV)
    assert desk.said == (
        "Starting at the beginning, since the earlier run read it in another format; nothing is counted twice."
    )


@pytest.mark.parametrize("content", [b"", b"{", b"null", b'{"tenant_id":1}'])
async def test_damaged_checkpoint_is_none(desk: Desk, content: bytes) -> None:
    desk.file.write_bytes(desk.shop.ndjson(20))
    desk.checkpoint.write_bytes(content)
    assert counts(await desk.run()) == (20, 0, 0)
    assert desk.said is None


async def test_reject_says_what_was_sent_but_not_from_where(desk: Desk) -> None:
    event = desk.shop.event(1, type="SNEEZE", occurredAt="2024-02-30T00:00:00Z")
    desk.file.write_bytes(json.dumps(event).encode() + b"\n" + b'{"key":"' + ADDRESS.encode() + b"\n")
    await desk.run()
    assert ADDRESS not in desk.rejects.read_text()
    [first, second] = [json.loads(line) for line in desk.rejects.read_bytes().splitlines()]
    assert first["event"] == {**event, "ipAddress": "hidden"}
    assert (first["line"], {problem["code"] for problem in first["problems"]}) == (
        1,
        {"UNKNOWN_TYPE", "INVALID_TIMESTAMP"},
    )
    assert {tuple(problem["path"]) for problem in first["problems"]} == {("type",), ("occurredAt",)}
    assert (second["line"], second["event"], second["problems"][0]["code"]) == (2, None, "MALFORMED_JSON")
    assert desk.rejects.stat().st_mode & 0o777 == 0o600


async def test_rejects_of_an_earlier_run_do_not_stay(desk: Desk) -> None:
    desk.file.write_bytes(desk.shop.ndjson(3, bad=[1, 2]))
    await desk.run()
    assert len(desk.rejected()) == 2
    desk.file.write_bytes(desk.shop.ndjson(3, bad=[3]))
    await desk.run()
    assert desk.rejected() == [(3, ["UNKNOWN_TYPE"])]
    desk.file.write_bytes(desk.shop.ndjson(3))
    await desk.run()
    assert not desk.rejects.exists()


async def test_cut_gzip_gives_its_complete_lines_and_the_mended_file_the_rest(desk: Desk) -> None:
    whole = gzip.compress(desk.shop.ndjson(3_000))
    desk.file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UnreadableSource, match=r"events\.ndjson is a gzip that was cut off"):
        await desk.run(batch=500)
    taken = await desk.shop.keys()
    assert 1_000 < len(taken) < 2_500
    assert taken == keys(len(taken))
    assert desk.progress[-1] == len(taken)
    assert not desk.rejects.exists()
    desk.file.write_bytes(whole)
    assert counts(await desk.run(batch=500)) == (3_000 - len(taken), len(taken), 0)
    assert await desk.shop.hours() == 3_000


async def test_pipe_is_taken_without_a_checkpoint(desk: Desk) -> None:
    reading, writing = os.pipe()
    os.write(writing, desk.shop.ndjson(15))
    os.close(writing)
    desk.file = Path(f"/dev/fd/{reading}")
    try:
        assert counts(await desk.run()) == (15, 0, 0)
    finally:
        os.close(reading)
    assert desk.said is not None
    assert "comes once" in desk.said
    assert not desk.checkpoint.exists()


async def test_csv_with_a_byte_order_mark_and_windows_line_ends(desk: Desk) -> None:
    header = ["key", "type", "occurredAt", "ipAddress", "advertiserId", "orderId", "valueMinor", "currency"]
    rows = [header]
    for number in range(1, 26):
        event = desk.shop.event(number, type="PURCHASE", advertiserId=f"adv_{desk.shop.advertiser_id}")
        rows.append(
            [str({**event, "orderId": f'"o, {number}"', "valueMinor": 5, "currency": "EUR"}[name]) for name in header]
        )
    quoted = "\r\n".join(",".join('"' + value.replace('"', '""') + '"' for value in row) for row in rows)
    desk.file = desk.file.with_suffix(".csv")
    desk.file.write_bytes(b"\xef\xbb\xbf" + quoted.encode())
    await desk.stop_after(1)
    assert counts(await desk.run()) == (25, 0, 0)
    assert desk.said == "Going on after line 10, up to which an earlier run came."
    assert await desk.shop.keys() == keys(25)
    assert await desk.shop.hours() == 25


@pytest.mark.parametrize(
    ("rejects", "checkpoint"), [("events.ndjson", "state"), ("rejects", "events.ndjson"), ("same", "same")]
)
async def test_each_needs_a_file_of_its_own(desk: Desk, rejects: str, checkpoint: str) -> None:
    content = desk.shop.ndjson(3, bad=[1])
    desk.file.write_bytes(content)
    desk.rejects, desk.checkpoint = desk.file.parent / rejects, desk.file.parent / checkpoint
    with pytest.raises(UnreadableSource, match="its rejects and its state need a file each"):
        await desk.run()
    assert desk.file.read_bytes() == content
    assert await desk.shop.keys() == []


async def test_rejects_never_replace_what_is_no_file(desk: Desk) -> None:
    desk.file.write_bytes(desk.shop.ndjson(3))
    desk.rejects.mkdir()
    with pytest.raises(OSError, match="is no regular file"):
        await desk.run()
    assert await desk.shop.keys() == []


@pytest.mark.parametrize("name", ["utf-16", "utf-16-le"])
async def test_utf_16_is_told_at_once(desk: Desk, name: str) -> None:
    desk.file.write_bytes(
        ("\ufeff" if name.endswith("le") else "").encode(name) + desk.shop.ndjson(3).decode().encode(name)
    )
    with pytest.raises(UnreadableSource, match="UTF-16"):
        await desk.run()


@pytest.mark.parametrize("content", [b"", b"\n\r\n  \n"])
async def test_nothing_is_taken_of_nothing(desk: Desk, content: bytes) -> None:
    desk.file.write_bytes(content)
    assert counts(await desk.run()) == (0, 0, 0)
