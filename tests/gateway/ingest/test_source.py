"""What is read: files and pipes, plain and gzip, whole and damaged."""

import gzip
import os
import threading
from pathlib import Path

import pytest

from gateway.ingest.source import Source, UnreadableSource

CONTENT = b"".join(b"line %d of some content\n" % number for number in range(50_000))


def written(directory: Path, content: bytes, name: str = "events.ndjson") -> str:
    file = directory / name
    file.write_bytes(content)
    return str(file)


def content(name: str, offset: int = 0) -> bytes:
    with Source(name) as source:
        return b"".join(source.blocks(offset))


@pytest.mark.parametrize("name", ["events.ndjson", "events.ndjson.gz", "events"])
def test_gzip_is_known_by_its_content_and_read_from_any_offset(tmp_path: Path, name: str) -> None:
    file = written(tmp_path, gzip.compress(CONTENT), name)
    assert content(file) == CONTENT
    assert content(file, 777_777) == CONTENT[777_777:]


def test_plain_file_is_read_from_any_offset(tmp_path: Path) -> None:
    file = written(tmp_path, CONTENT)
    assert content(file) == CONTENT
    assert content(file, 777_777) == CONTENT[777_777:]
    assert content(file, len(CONTENT)) == b""


def test_file_is_read_again_from_its_beginning(tmp_path: Path) -> None:
    with Source(written(tmp_path, CONTENT)) as source:
        next(source.blocks())
        assert b"".join(source.blocks()) == CONTENT
        assert source.position == source.size == len(CONTENT)


def test_members_of_a_gzip_follow_each_other_with_zeros_between_and_after(tmp_path: Path) -> None:
    members = gzip.compress(b"one\n") + b"\0" * 300_000 + gzip.compress(b"two\n") + b"\0" * 512
    assert content(written(tmp_path, members)) == b"one\ntwo\n"


def test_expanded_content_comes_in_blocks_of_bounded_size(tmp_path: Path) -> None:
    with Source(written(tmp_path, gzip.compress(b"\0" * 30_000_000))) as source:
        sizes = [len(block) for block in source.blocks()]
    assert (max(sizes), sum(sizes)) == (1 << 18, 30_000_000)


@pytest.mark.parametrize("cut", [1, 8, 5_000])
def test_cut_gzip_gives_what_is_before_the_cut(tmp_path: Path, cut: int) -> None:
    file = written(tmp_path, gzip.compress(CONTENT)[:-cut])
    given = b""
    with Source(file) as source, pytest.raises(UnreadableSource, match=r"events\.ndjson is a gzip that was cut off$"):
        for block in source.blocks():
            given += block
    assert CONTENT.startswith(given)
    assert len(given) > (len(CONTENT) - 1 if cut < 9 else len(CONTENT) // 2)


def test_damaged_gzip(tmp_path: Path) -> None:
    damaged = bytearray(gzip.compress(CONTENT))
    damaged[-5] ^= 1
    with pytest.raises(UnreadableSource, match=r"is no gzip, or a damaged one .*incorrect"):
        content(written(tmp_path, bytes(damaged)))


@pytest.mark.parametrize("body", [b"{}\n", b"", b"\x1f"])
def test_what_is_named_gzip_and_is_none(tmp_path: Path, body: bytes) -> None:
    file = written(tmp_path, body, "events.ndjson.gz")
    with pytest.raises(UnreadableSource, match=r"events\.ndjson\.gz is (no gzip|a gzip that was cut off)"):
        content(file)


def test_directory(tmp_path: Path) -> None:
    with Source(str(tmp_path)) as source, pytest.raises(UnreadableSource, match="cannot be read: Is a directory"):
        next(source.blocks())


def test_pipe_comes_once_and_its_pauses_are_told(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    go_on = threading.Event()

    def write() -> None:
        with pipe.open("wb") as end:
            end.write(b"one\n")
            end.flush()
            go_on.wait(10)
            end.write(b"two\n")

    writer = threading.Thread(target=write)
    writer.start()
    with Source(str(pipe)) as source:
        assert (source.repeatable, source.size) == (False, None)
        blocks = source.blocks()
        assert next(blocks) == b"one\n"
        assert next(blocks) == b""
        go_on.set()
        assert b"".join(blocks) == b"two\n"
    writer.join(10)


def test_wait_for_a_silent_pipe_ends_when_it_is_stopped() -> None:
    reading, writing = os.pipe()
    try:
        with Source(f"/dev/fd/{reading}") as source:
            threading.Timer(0.1, source.stop).start()
            assert b"".join(source.blocks()) == b""
    finally:
        os.close(reading)
        os.close(writing)


def test_claimed_file_is_not_claimed_twice(tmp_path: Path) -> None:
    file = written(tmp_path, CONTENT)
    with Source(file) as first:
        first.claim()
        with Source(file) as second, pytest.raises(UnreadableSource, match="is being ingested by another process"):
            second.claim()
    with Source(file) as third:
        third.claim()


def test_fingerprint_is_another_after_a_change_and_the_same_without(tmp_path: Path) -> None:
    file = written(tmp_path, CONTENT)

    def fingerprint() -> object:
        with Source(file) as source:
            return source.fingerprint()

    before = fingerprint()
    assert fingerprint() == before
    about = os.stat(file)
    written(tmp_path, b"L" + CONTENT[1:])
    os.utime(file, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert fingerprint() != before
