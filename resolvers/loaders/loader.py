"""The loader: many askers, one query.

`fetch` takes a list of keys and gives their values in order. Keys asked for in the same turn of the event loop travel
together; a key is loaded once in an operation. A batch costs one task, and a future for each who waits for it, however
many keys; what is there already is given without a turn of the loop. Where one task alone runs the operation nobody
could come along: what it asks for is loaded at once, without a task of its own. A waiter that is cancelled takes nobody
with it, and a failed batch leaves nothing behind: the next fetch asks again.
"""

import asyncio
from collections.abc import Hashable, Iterable, Sequence
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Loader(Generic[K, V]):
    """Subclasses implement `load`. One loader lives for one operation and never sees another tenant's."""

    def __init__(self) -> None:
        self._values: dict[K, V] = {}
        self._boarding: _Batch[K, V] | None = None
        """The batch of this turn of the loop."""
        self._under_way: list[_Batch[K, V]] = []
        """Batches whose values are still wanted, the boarding one among them: rarely more than two."""
        self._running: set[asyncio.Task[None]] = set()
        self.sole: asyncio.Task[Any] | None = None
        """The task that runs the operation, while it waits for whatever it asks for before it asks again."""

    async def load(self, keys: list[K]) -> Sequence[V]:
        """The values of distinct keys, in their order, by one query."""
        raise NotImplementedError

    async def fetch(self, keys: Sequence[K]) -> list[V]:
        """The values of `keys`, in their order; keys may repeat. Raises what `load` raised."""
        values = self._values
        try:
            return list(map(values.__getitem__, keys))
        except KeyError:
            pass
        missing = self.at_hand([key for key in keys if key not in values] if values else keys)
        if missing:
            if self.sole is not None and not self._under_way and asyncio.current_task() is self.sole:
                # Not a batch that others could join: it ends with whoever asked.
                distinct = list(dict.fromkeys(missing))
                values.update(zip(distinct, await self.load(distinct), strict=True))
            else:
                for batch in self._joined(missing):
                    await batch.finished()
        return list(map(values.__getitem__, keys))

    def at_hand(self, keys: Sequence[K]) -> Sequence[K]:
        """Hands what needs no waiting to `take`, and gives the keys that are left."""
        return keys

    def take(self, found: Iterable[tuple[K, V]]) -> None:
        self._values.update(found)

    async def fetch_one(self, key: K) -> V:
        return (await self.fetch([key]))[0]

    def clear(self) -> None:
        """Forgets what was loaded, so that a later fetch sees later writes; fetches under way are not disturbed."""
        self._values = {}
        self._under_way = []
        self._boarding = None

    def stop(self) -> None:
        """Cancels the batches under way, and with them whoever waits: the operation is over."""
        for task in self._running:
            task.cancel()
        self.clear()

    def _joined(self, keys: Sequence[K]) -> "list[_Batch[K, V]]":
        """The batches that bring these keys; those that no batch has yet go on board of this turn's."""
        joined = []
        for batch in self._under_way:
            others = [key for key in keys if key not in batch.keys]
            if len(others) < len(keys):
                joined.append(batch)
                keys = others
        if keys:
            boarding = self._boarding
            if boarding is None:
                boarding = self._boarding = self._begun()
            boarding.keys.update(dict.fromkeys(keys))
            if boarding not in joined:
                joined.append(boarding)
        return joined

    def _begun(self) -> "_Batch[K, V]":
        batch = _Batch[K, V](self._values)
        self._under_way.append(batch)
        task = asyncio.create_task(self._run(batch))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        # A batch that is cancelled before its first turn never runs: its waiters are told all the same.
        task.add_done_callback(batch.end)
        return batch

    async def _run(self, batch: "_Batch[K, V]") -> None:
        # A task starts in the next turn of the loop: whoever asks in this turn is on board, later ones are not.
        if self._boarding is batch:
            self._boarding = None
        keys = list(batch.keys)
        try:
            batch.values.update(zip(keys, await self.load(keys), strict=True))
        except Exception as error:
            batch.failure = error
        finally:
            if batch in self._under_way:
                self._under_way.remove(batch)


class _Batch(Generic[K, V]):
    """Keys that travel together, and who waits for them."""

    def __init__(self, values: dict[K, V]) -> None:
        self.keys: dict[K, None] = {}
        self.values = values
        """Where they go to; what was cleared meanwhile is read by those alone who asked before."""
        self.failure: Exception | None = None
        self._over: asyncio.Task[None] | None = None
        self._waiters: list[asyncio.Future[None]] = []

    async def finished(self) -> None:
        """Raises what the load raised. Each waits for a future of its own: cancelling it concerns nobody else."""
        waiter = asyncio.get_running_loop().create_future()
        if self._over is None:
            self._waiters.append(waiter)
        else:
            self._tell(waiter, self._over)
        await waiter

    def end(self, task: asyncio.Task[None]) -> None:
        self._over = task
        for waiter in self._waiters:
            if not waiter.done():
                self._tell(waiter, task)

    def _tell(self, waiter: asyncio.Future[None], task: asyncio.Task[None]) -> None:
        if task.cancelled():
            waiter.cancel()
        elif self.failure is not None:
            waiter.set_exception(self.failure)
        else:
            waiter.set_result(None)
