"""A feed from a file, for the command line: the same limits as over HTTP."""

import errno
from pathlib import Path
from typing import Final

from resolvers.errors import FeedRejected
from resolvers.feeds.body import BodyLimits, BoundedBody
from resolvers.feeds.reasons import Reason

_GZIP = b"\x1f\x8b"
_PIECE = 1 << 18
_FIELD = ("path",)

DEFAULT_LIMITS: Final = BodyLimits()


def read_feed_file(path: Path, limits: BodyLimits = DEFAULT_LIMITS) -> bytes:
    """The content of `path`, decompressed if it is gzip, whatever its name. Blocks.

    Raises FeedRejected: UNREADABLE_FILE, TOO_LARGE, INCOMPLETE, MALFORMED.
    """
    try:
        _refuse_endless(path)
        with path.open("rb") as file:
            piece = file.read(_PIECE)
            body = BoundedBody(limits, compressed=piece.startswith(_GZIP), path=_FIELD)
            while piece:
                for _ in body.add(piece):
                    pass
                piece = file.read(_PIECE)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "not a path"
        raise FeedRejected(Reason.UNREADABLE_FILE, f"cannot read {path}: {reason}", _FIELD) from error
    return body.content()


def _refuse_endless(path: Path) -> None:
    """Pipes and devices have no end; what is not there is told by opening it."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is a directory" if path.is_dir() else "it is no regular file")
