"""A body that arrives in pieces, perhaps compressed, and may not grow beyond its limits."""

import zlib
from collections.abc import Iterator

import msgspec

from resolvers.errors import FeedRejected, Path
from resolvers.feeds.reasons import Reason

_STEP = 1 << 18
_GZIP_WITH_HEADER = 16 + zlib.MAX_WBITS
_RATIO_COUNTS_FROM = 1 << 20


class BodyLimits(msgspec.Struct, frozen=True):
    """In bytes: `transfer` as received, `body` as decompressed. `ratio`: most bytes decompressed for one received."""

    transfer: int = 20 << 20
    body: int = 50 << 20
    ratio: int = 200


class BoundedBody:
    """Collects one body. `path` is where a refusal lies in the caller's input."""

    def __init__(self, limits: BodyLimits, *, compressed: bool, path: Path = ("url",)) -> None:
        self._limits = limits
        self._path = path
        self._received = 0
        self._content = bytearray()
        self._inflater = zlib.decompressobj(_GZIP_WITH_HEADER) if compressed else None

    def add(self, piece: bytes) -> Iterator[None]:
        """Takes the next piece in steps of at most 256 KiB of content, so that an event loop may run in between.

        Raises FeedRejected: TOO_LARGE, MALFORMED (compression that cannot be undone).
        """
        self._received += len(piece)
        if self._received > self._limits.transfer and self._inflater is not None:
            raise self._too_large()
        if self._inflater is None:
            self._grow(piece)
            return
        while piece:
            piece = self._inflated(self._inflater, piece)
            yield

    def content(self) -> bytes:
        """The whole body. Raises FeedRejected(INCOMPLETE) if the compressed stream has not ended."""
        if self._inflater is not None and not self._inflater.eof:
            raise FeedRejected(Reason.INCOMPLETE, "the compressed feed ends in the middle", self._path)
        return bytes(self._content)

    def _inflated(self, inflater: "zlib._Decompress", piece: bytes) -> bytes:
        """Adds what one step makes of `piece`; returns what is left of it."""
        if inflater.eof:  # gzip allows several members, one after the other, and archives may be padded
            rest = piece.lstrip(b"\0")
            self._inflater = zlib.decompressobj(_GZIP_WITH_HEADER) if rest else inflater
            return rest
        try:
            self._grow(inflater.decompress(piece, _STEP))
        except zlib.error as error:
            raise FeedRejected(Reason.MALFORMED, "the feed's compression cannot be undone", self._path) from error
        return inflater.unused_data if inflater.eof else inflater.unconsumed_tail

    def _grow(self, content: bytes) -> None:
        size = len(self._content) + len(content)
        inflated = self._inflater is not None and size > _RATIO_COUNTS_FROM
        if size > self._limits.body or (inflated and size > self._limits.ratio * self._received):
            raise self._too_large()
        self._content += content

    def _too_large(self) -> FeedRejected:
        return FeedRejected(Reason.TOO_LARGE, "the feed is too large", self._path)
