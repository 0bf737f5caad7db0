"""Much to work out for one request, without keeping everybody else's waiting."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


async def in_turns(items: Iterable[T]) -> list[T]:
    """What an iterator makes, with the event loop going on after each: one long path may take 30 ms, a page has 1,000.

    Cancelling, as when the operation's time is up, takes effect between two of them.
    """
    made = []
    for item in items:
        made.append(item)
        await asyncio.sleep(0)
    return made


def in_parts(items: Sequence[T], size: Callable[[T], int], most: int) -> Iterator[Sequence[T]]:
    """The items in order, in parts of at most `most` in size; an item that is larger is a part of its own."""
    start = whole = 0
    for place, item in enumerate(items):
        own = size(item)
        if place > start and whole + own > most:
            yield items[start:place]
            start, whole = place, 0
        whole += own
    if start < len(items):
        yield items[start:]
