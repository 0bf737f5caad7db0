"""Lines in batches: as much as one transaction takes, whatever the content looks like."""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from gateway.ingest.source import UnreadableSource

LONGEST_LINE: Final = 1 << 16
"""Bytes. An event needs less than a tenth of it."""
_BATCH_BYTES = 4 << 20
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
"""Of UTF-8; it is no part of the first line."""


class Position(msgspec.Struct, frozen=True):
    """Before a line: so many bytes of decompressed content and so many lines lie before it."""

    offset: int = 0
    line: int = 0


BEGINNING: Final = Position()


class Batch(msgspec.Struct, frozen=True):
    """Lines that follow each other, without their line feeds; None stands for one that is too long to be held."""

    lines: list[bytes | None]
    start: Position
    end: Position


class Broken(msgspec.Struct, frozen=True):
    """The end of a source that could not be read to its end."""

    error: UnreadableSource


def batches(blocks: Iterable[bytes], size: int, start: Position = BEGINNING) -> Iterator[Batch | Broken]:
    """The lines of the blocks, of which the first begins at `start`, in batches of up to `size`.

    Fewer where a stream pauses or lines are long. A source that breaks gives its complete lines and then, as
    the last item, how it broke. Of an unfinished line `LONGEST_LINE` bytes are held at most.
    """
    assembly = _Assembly(size, start)
    try:
        for block in blocks:
            yield from assembly.added(block)
    except UnreadableSource as error:
        yield from assembly.rest(unfinished=False)
        yield Broken(error)
    else:
        yield from assembly.rest(unfinished=True)


class _Assembly:
    """Lines that are not in a batch yet, and the beginning of the line that is not complete."""

    def __init__(self, size: int, start: Position) -> None:
        self._size = size
        self._lines: list[bytes | None] = []
        self._bytes = 0
        """Of the content that `_lines` was made from."""
        self._tail = b""
        self._skipped = 0
        """Bytes of the unfinished line that were let go, because it is too long."""
        self._start = start

    def added(self, block: bytes) -> Iterator[Batch]:
        if not block:
            yield from self._batch()
            return
        *complete, tail = block.split(b"\n")
        if complete:
            complete[0] = self._tail + complete[0]
            self._tail = b""
        taken = 0
        while taken < len(complete):
            lines = complete[taken : taken + self._size - len(self._lines)]
            taken += len(lines)
            self._take(lines, line_feeds=len(lines))
            if len(self._lines) >= self._size or self._bytes >= _BATCH_BYTES:
                yield from self._batch()
        self._tail += tail
        if self._skipped or len(self._tail) > LONGEST_LINE:
            self._skipped += len(self._tail)
            self._tail = b""

    def rest(self, *, unfinished: bool) -> Iterator[Batch]:
        """What is left; with a last line that no line feed ends, if `unfinished`."""
        if unfinished and (self._tail or self._skipped):
            self._take([self._tail], line_feeds=0)
        yield from self._batch()

    def _take(self, lines: list[bytes], line_feeds: int) -> None:
        """Adds complete lines; the first may be the end of one whose beginning was let go."""
        self._bytes += sum(map(len, lines)) + line_feeds + self._skipped
        held: list[bytes | None] = [line if len(line) <= LONGEST_LINE else None for line in lines]
        if self._skipped:
            held[0], self._skipped = None, 0
        elif self._start.offset == 0 and not self._lines:
            held[0] = held[0] and held[0].removeprefix(BYTE_ORDER_MARK)
        self._lines += held

    def _batch(self) -> Iterator[Batch]:
        if not self._lines:
            return
        end = Position(self._start.offset + self._bytes, self._start.line + len(self._lines))
        yield Batch(self._lines, self._start, end)
        self._lines, self._bytes, self._start = [], 0, end
