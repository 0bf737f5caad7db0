"""Where events are read from: a file, which can be read again from anywhere, or a stream, which comes once."""

import fcntl
import os
import select
import stat
import zlib
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

STDIN: Final = "-"
_BLOCK = 1 << 18
"""Bytes: of the source at a time, and of decompressed content at most, however far a gzip expands."""
_HEAD = 1 << 16
_GZIP = b"\x1f\x8b"
_GZIP_WINDOW = 31
"""zlib's `wbits` for gzip alone."""
_PAUSE_SECONDS = 0.5
"""After so long without a byte from a stream, what has come is handed on."""


class UnreadableSource(Exception):
    """The source cannot be read, or not to its end; the message is a sentence without its full stop."""


class Fingerprint(msgspec.Struct, frozen=True):
    """By which a file is known again: where one of these differs, it is another file or was written to since."""

    size: int
    modified_ns: int
    head: str
    """Of the first 64 KiB."""


class Source:
    """The content of a file, of a pipe or of standard input, decompressed where it is gzip; a context manager.

    Only a regular file is `repeatable`. Reading blocks; `stop`, called by another thread, ends the wait for a stream.
    """

    def __init__(self, name: str) -> None:
        """Raises OSError."""
        self.name = "standard input" if name == STDIN else name
        self._named_gzip = name.endswith(".gz")
        self._descriptor = os.dup(0) if name == STDIN else os.open(name, os.O_RDONLY | os.O_CLOEXEC)
        about = os.fstat(self._descriptor)
        regular = stat.S_ISREG(about.st_mode)
        self.repeatable = regular and name != STDIN
        self.size = about.st_size if regular else None
        """Bytes as they lie in the file; None where nobody knows how many will come."""
        self.position = 0
        """How many of these bytes have been read."""
        self._modified_ns = about.st_mtime_ns
        self._stopped = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def claim(self) -> None:
        """Keeps other processes that claim it away until this one ends. Raises UnreadableSource."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UnreadableSource(f"{self.name} is being ingested by another process") from error
        except OSError:  # a file system without locks: two at once would only spoil each other's rejects
            pass

    def is_file(self, path: Path) -> bool:
        """Whether the path is of the file that is read."""
        return path.exists() and os.path.samestat(path.stat(), os.fstat(self._descriptor))

    def stop(self) -> None:
        self._stopped = True

    def fingerprint(self) -> Fingerprint:
        """Of a repeatable source, as it was when it was opened."""
        head = os.pread(self._descriptor, _HEAD, 0)
        return Fingerprint(self.size or 0, self._modified_ns, blake2b(head, digest_size=16).hexdigest())

    def blocks(self, offset: int = 0) -> Iterator[bytes]:
        """The content from an offset of its decompressed bytes; an empty block where a stream pauses.

        Only a repeatable source can be read twice, or from elsewhere than its beginning. Raises UnreadableSource; for a
        gzip that was cut off, after everything before the cut.
        """
        try:
            if not self.repeatable:
                yield from self._decompressed(self._pieces())
            elif self._is_gzip(os.pread(self._descriptor, len(_GZIP), 0)):
                self._seek(0)
                yield from _after(offset, self._decompressed(self._pieces()))
            else:
                self._seek(offset)
                yield from self._pieces()
        except _Damaged as error:
            raise UnreadableSource(f"{self.name} {error}") from error
        except OSError as error:
            raise UnreadableSource(f"{self.name} cannot be read: {error.strerror}") from error

    def _decompressed(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        first = b""
        for piece in pieces:
            first += piece
            if len(first) >= len(_GZIP):
                break
        if self._is_gzip(first):
            yield from _decompressed(first, pieces)
        else:
            yield first
            yield from pieces

    def _is_gzip(self, first: bytes) -> bool:
        return self._named_gzip or first.startswith(_GZIP)

    def _seek(self, position: int) -> None:
        os.lseek(self._descriptor, position, os.SEEK_SET)
        self.position = position

    def _pieces(self) -> Iterator[bytes]:
        while not self._stopped:
            if not self.repeatable and not select.select([self._descriptor], [], [], _PAUSE_SECONDS)[0]:
                yield b""
                continue
            piece = os.read(self._descriptor, _BLOCK)
            if not piece:
                return
            self.position += len(piece)
            yield piece


def _after(offset: int, blocks: Iterator[bytes]) -> Iterator[bytes]:
    for block in blocks:
        if offset < len(block):
            yield block[offset:]
        offset = max(0, offset - len(block))


class _Damaged(Exception):
    """What is wrong with a gzip."""


def _decompressed(first: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The content of all members, one after the other; zero bytes between and after them are padding."""
    member = zlib.decompressobj(_GZIP_WINDOW)
    begun, piece = True, first
    try:
        while True:
            while piece:
                begun = True
                block = member.decompress(piece, _BLOCK)
                if block:
                    yield block
                piece = member.unconsumed_tail
                if member.eof:
                    piece = member.unused_data.lstrip(b"\0")
                    member, begun = zlib.decompressobj(_GZIP_WINDOW), False
            following = next(pieces, None)
            if following is None:
                break
            if following:
                piece = following if begun else following.lstrip(b"\0")
            else:
                yield b""
    except zlib.error as error:
        raise _Damaged(f"is no gzip, or a damaged one ({error})") from error
    if begun:
        raise _Damaged("is a gzip that was cut off")
