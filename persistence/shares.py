"""A fair part of the connections for each tenant: none may take all of them.

One request can ask for a hundred slow lists. Without a bound its statements take every connection of the process, and
those of all other tenants wait behind them until they time out.
"""

import asyncio
from weakref import WeakValueDictionary

from persistence.errors import DatabaseBusy


class Shares:
    """At most `size` places for each tenant at once; whoever wants another waits for at most `seconds`."""

    def __init__(self, size: int, seconds: float) -> None:
        self._size = size
        self._seconds = seconds
        self._places: WeakValueDictionary[int, asyncio.Semaphore] = WeakValueDictionary()

    def __len__(self) -> int:
        """How many tenants have a place or wait for one."""
        return len(self._places)

    async def take(self, tenant_id: int) -> asyncio.Semaphore:
        """A place, which is given back by the semaphore's `release`. Raises DatabaseBusy."""
        places = self._places.get(tenant_id)
        if places is None:
            places = self._places[tenant_id] = asyncio.Semaphore(self._size)
        if not places.locked():
            # Without the timer of a timeout, which costs more than all the rest.
            await places.acquire()
            return places
        try:
            async with asyncio.timeout(self._seconds):
                await places.acquire()
        except TimeoutError as error:
            raise DatabaseBusy("too many statements of one tenant wait") from error
        return places
