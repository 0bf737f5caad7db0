"""What the server and a parsing process say to each other, over the process's standard input and output.

A frame is its length in eight bytes, then msgpack. The server sends a Request and the body's bytes; the process answers
with a Parsed, followed by as many Parts as it announces, or with one of the other answers. Before the first request it
sends a Ready.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from resolvers.feeds.values import ParsedEpisode, ParsedFeed, RejectedItem

LENGTH_BYTES: Final = 8
_MOST_ITEMS = 500
_MOST_CHARACTERS = 1 << 20


class Request(msgspec.Struct, frozen=True):
    """`body_bytes` bytes follow. The process ends itself when it is not done after `seconds`."""

    content_type: str | None
    base_url: str | None
    body_bytes: int
    seconds: int


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The process has started and reads requests."""


class Parsed(msgspec.Struct, frozen=True, tag=True):
    """The feed without its items, which follow in `parts` frames."""

    feed: ParsedFeed
    parts: int


class Refused(msgspec.Struct, frozen=True, tag=True):
    """A FeedRejected."""

    reason: str
    message: str
    path: tuple[str, ...]


class Exhausted(msgspec.Struct, frozen=True, tag=True):
    """The feed needs more memory than a process may have; the process ends."""


class Defect(msgspec.Struct, frozen=True, tag=True):
    """The parser has a bug."""

    traceback: str


Answer = Ready | Parsed | Refused | Exhausted | Defect


class Part(msgspec.Struct, frozen=True):
    """Some items: few enough that decoding them does not hold up an event loop."""

    episodes: tuple[ParsedEpisode, ...] = ()
    rejected: tuple[RejectedItem, ...] = ()


def frame(message: msgspec.Struct) -> bytes:
    encoded = msgspec.msgpack.encode(message)
    return len(encoded).to_bytes(LENGTH_BYTES, "big") + encoded


def parsed(feed: ParsedFeed) -> Iterator[bytes]:
    """The frames of a whole feed."""
    parts = [
        *(Part(episodes=tuple(some)) for some in _portions(feed.episodes)),
        *(
            Part(rejected=feed.rejected[start : start + _MOST_ITEMS])
            for start in range(0, len(feed.rejected), _MOST_ITEMS)
        ),
    ]
    yield frame(Parsed(feed=msgspec.structs.replace(feed, episodes=(), rejected=()), parts=len(parts)))
    yield from map(frame, parts)


def _portions(episodes: Sequence[ParsedEpisode]) -> Iterator[list[ParsedEpisode]]:
    portion: list[ParsedEpisode] = []
    characters = 0
    for episode in episodes:
        portion.append(episode)
        characters += len(episode.description or "")
        if len(portion) == _MOST_ITEMS or characters > _MOST_CHARACTERS:
            yield portion
            portion, characters = [], 0
    if portion:
        yield portion
