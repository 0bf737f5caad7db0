"""Telling a Redis that does not answer from a process that was too busy to listen."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from redis.exceptions import TimeoutError

from cache.redis import TIMEOUT

T = TypeVar("T")

_LATE: Final = 1.5
"""A time-out that comes so many times later than it should was not noticed in time, and neither was the answer."""


async def answered(question: Callable[[], Awaitable[T]]) -> T:
    """Asks again, once, if the event loop stood still meanwhile. For questions that may be asked twice."""
    begin = asyncio.get_running_loop().time()
    try:
        return await question()
    except TimeoutError:
        if asyncio.get_running_loop().time() - begin < _LATE * TIMEOUT:
            raise
    return await question()
