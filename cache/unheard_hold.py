"""Writing unheard: one hold of the lock for all writes of the process, from when Redis is lost until it is back."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

UnheardWrites = Callable[[], AbstractAsyncContextManager[object]]
"""Within the block every process that caches knows that this one's writes cannot be heard, and trusts no cache."""


class UnheardHold:
    """Held in a task of its own: whoever asked for it may be cancelled, and others count on it."""

    def __init__(self, writes: UnheardWrites) -> None:
        self._writes = writes
        self._task: asyncio.Task[None] | None = None
        self._held: asyncio.Future[None] | None = None
        self._release = asyncio.Event()

    @property
    def held(self) -> bool:
        return self._task is not None and self._held is not None and self._held.done()

    async def take(self) -> None:
        """Comes back when all know. Raises what taking it raised; the next call tries again."""
        if self._task is None or self._held is None:
            self._release = asyncio.Event()
            self._held = asyncio.get_running_loop().create_future()
            self._task = asyncio.create_task(self._hold(self._held, self._release))
        await asyncio.shield(self._held)

    async def release(self) -> None:
        """Comes back when it is given up; without one, nothing happens."""
        task, self._task = self._task, None
        if task is not None:
            self._release.set()
            await asyncio.wait([task])

    async def _hold(self, held: asyncio.Future[None], release: asyncio.Event) -> None:
        try:
            async with self._writes():
                held.set_result(None)
                await release.wait()
        except BaseException as error:
            self._task = None
            if not held.done():
                held.set_exception(error)
                # Whoever waited may be gone.
                held.exception()
            if not isinstance(error, Exception):
                raise
