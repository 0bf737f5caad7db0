"""Waiting for a message, but not for ever."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress


class Arrivals:
    """Messages as they come; giving up the wait for one loses none."""

    def __init__(self, messages: AsyncIterator[bytes]) -> None:
        self._messages = messages
        self._next: asyncio.Future[bytes] | None = None

    async def within(self, seconds: float) -> bool:
        """Whether a message came in time; it is taken."""
        if self._next is None:
            self._next = asyncio.ensure_future(anext(self._messages))
        arrived, _ = await asyncio.wait([self._next], timeout=seconds)
        if not arrived:
            return False
        taken, self._next = self._next, None
        taken.result()
        return True

    async def close(self) -> None:
        if self._next is not None:
            self._next.cancel()
            with suppress(asyncio.CancelledError):
                await self._next
