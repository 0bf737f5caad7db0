"""Much to work out for one request, without keeping everybody else's waiting."""

import asyncio
from collections.abc import Iterable
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
