"""Lines in batches: nothing is lost, nothing large is held, and positions are exact."""

import tracemalloc
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from gateway.ingest.lines import LONGEST_LINE, Batch, Broken, Position, batches
from gateway.ingest.source import UnreadableSource


def blocks(content: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


def read(content: bytes, block: int, size: int, start: Position = Position()) -> list[Batch]:  # noqa: B008  # a frozen value
    done = list(batches(blocks(content, block), size, start))
    assert all(isinstance(batch, Batch) for batch in done)
    return [batch for batch in done if isinstance(batch, Batch)]


def lines(done: list[Batch]) -> list[bytes | None]:
    return [line for batch in done for line in batch.lines]


@given(
    st.lists(st.binary(max_size=5).map(lambda line: line.translate(None, b"\n\xef")), max_size=30),
    st.booleans(),
    st.integers(1, 12),
    st.integers(1, 7),
)
def test_every_line_comes_once_and_each_batch_begins_where_the_one_before_ended(
    given_lines: list[bytes], ended: bool, block: int, size: int
) -> None:
    content = b"\n".join(given_lines) + (b"\n" if ended and given_lines else b"")
    expected = content.split(b"\n")
    if expected[-1] == b"":
        expected.pop()
    done = read(content, block, size)
    assert lines(done) == expected
    assert all(0 < len(batch.lines) <= size for batch in done)
    assert [batch.start for batch in done] == [Position(), *(batch.end for batch in done)][: len(done)]
    if done:
        assert done[-1].end == Position(len(content), len(expected))
    for batch in done:
        again = read(content[batch.start.offset :], 64, 100, batch.start)
        assert lines(again)[: len(batch.lines)] == batch.lines


def test_line_that_is_too_long_is_let_go_and_the_next_ones_are_not() -> None:
    longest = b"x" * LONGEST_LINE
    content = b"a\n" + longest + b"\n" + longest + b"x\n" + b"b\n" + b"y" * 10_000_000 + b"\nc\n" + b"z" * 200_000
    for block in (1 << 16, 1 << 18, 1 << 24):
        done = read(content, block, 100)
        assert lines(done) == [b"a", longest, None, b"b", None, b"c", None]
        assert done[-1].end == Position(len(content), 7)


def test_hundred_megabytes_without_a_line_feed_are_never_held() -> None:
    block = b"x" * (1 << 18)
    tracemalloc.start()
    try:
        done = list(batches((block for _ in range(400)), 10))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert done == [Batch([None], Position(), Position(100 << 20, 1))]
    assert peak < 4 << 20


def test_long_lines_make_small_batches() -> None:
    content = (b"x" * (LONGEST_LINE - 1) + b"\n") * 200
    done = read(content, 1 << 18, 10_000)
    assert max(len(batch.lines) for batch in done) <= (4 << 20) // LONGEST_LINE + 4
    assert len(lines(done)) == 200


def test_byte_order_mark_is_no_part_of_the_first_line_and_counts_in_positions() -> None:
    done = read(b"\xef\xbb\xbfa\nb\n\xef\xbb\xbfc\n", 4, 1)
    assert lines(done) == [b"a", b"b", b"\xef\xbb\xbfc"]
    assert done[0].end == Position(5, 1)


def test_pause_of_a_stream_hands_on_what_has_come() -> None:
    done = list(batches([b"a\nb\nc", b"", b"d\n"], 100))
    assert done == [
        Batch([b"a", b"b"], Position(), Position(4, 2)),
        Batch([b"cd"], Position(4, 2), Position(7, 3)),
    ]


def test_broken_source_gives_its_complete_lines_and_how_it_broke() -> None:
    error = UnreadableSource("It was cut off")

    def cut() -> Iterator[bytes]:
        yield b"a\nb\nhal"
        raise error

    assert list(batches(cut(), 100)) == [Batch([b"a", b"b"], Position(), Position(4, 2)), Broken(error)]
