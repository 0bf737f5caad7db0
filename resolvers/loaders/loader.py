"""The loader: many askers, one query.

`fetch` takes a list of keys and gives their values in order. Keys asked for in the same turn of the event loop travel
together; a key is loaded once in an operation. A batch costs one future, not one per key. A waiter that is cancelled
takes nobody with it, and a failed batch leaves nothing behind: the next fetch asks again.
"""

import asyncio
from collections.abc import Hashable, Sequence
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Loader(Generic[K, V]):
    """Subclasses implement `load`. One loader lives for one operation and never sees another tenant's."""

    def __init__(self) -> None:
        self._values: dict[K, V] = {}
        self._waiting: dict[K, None] = {}
        self._batch: asyncio.Task[None] | None = None
        self._loading: dict[K, asyncio.Task[None]] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def load(self, keys: list[K]) -> Sequence[V]:
        """The values of distinct keys, in their order, by one query."""
        raise NotImplementedError

    async def fetch(self, keys: Sequence[K]) -> list[V]:
        """The values of `keys`, in their order; keys may repeat. Raises what `load` raised."""
        values = self._values
        missing = [key for key in keys if key not in values]
        if missing:
            await self._loaded(missing)
        return [values[key] for key in keys]

    async def fetch_one(self, key: K) -> V:
        return (await self.fetch([key]))[0]

    def clear(self) -> None:
        """Forgets what was loaded, so that a later fetch sees later writes; fetches under way are not disturbed."""
        self._values = {}
        self._loading = {}
        self._waiting = {}
        self._batch = None

    def stop(self) -> None:
        """Cancels the batches under way, and with them whoever waits: the operation is over."""
        for batch in self._running:
            batch.cancel()
        self.clear()

    async def _loaded(self, keys: Sequence[K]) -> None:
        batches: dict[asyncio.Task[None], None] = {}
        for key in keys:
            batch = self._loading.get(key)
            if batch is None:
                batch = self._loading[key] = self._open_batch()
                self._waiting[key] = None
            batches[batch] = None
        for batch in batches:
            # Shielded: a waiter that is cancelled must not cancel the others' batch.
            await asyncio.shield(batch)

    def _open_batch(self) -> asyncio.Task[None]:
        if self._batch is None:
            self._batch = asyncio.create_task(self._run(self._waiting, self._loading, self._values))
            self._running.add(self._batch)
            self._batch.add_done_callback(self._done)
        return self._batch

    async def _run(self, waiting: dict[K, None], loading: dict[K, asyncio.Task[None]], values: dict[K, V]) -> None:
        # A task starts in the next turn of the loop: whoever asks in this turn is on board, later ones are not.
        keys = list(waiting)
        if self._waiting is waiting:
            self._waiting, self._batch = {}, None
        try:
            values.update(zip(keys, await self.load(keys), strict=True))
        finally:
            for key in keys:
                loading.pop(key, None)

    def _done(self, batch: asyncio.Task[None]) -> None:
        """Marks the exception as seen: when every waiter was cancelled nobody would, and asyncio would complain."""
        self._running.discard(batch)
        if not batch.cancelled():
            batch.exception()
