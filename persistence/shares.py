"""So many at once: places that are given in the order in which they are asked for.

One request can ask for a hundred slow lists. Without a bound its statements take every connection of the process, and
those of all other tenants wait behind them until they time out: so none of them may take all.

A place is free for nearly every session, and then costs a comparison and an addition: a seventh of asyncio's semaphore.
"""

import asyncio
from collections import deque

from persistence.errors import DatabaseBusy


class Turnstile:
    """`size` places; whoever finds none waits for at most `seconds`, and is told `message` then."""

    __slots__ = ("_message", "_seconds", "_size", "_waiting", "taken")

    def __init__(self, size: int, seconds: float, message: str) -> None:
        self._size = size
        self._seconds = seconds
        self._message = message
        self.taken = 0
        """Where it is 0, nobody waits either."""
        self._waiting: deque[asyncio.Future[None]] = deque()

    def enter(self) -> bool:
        """Whether there was a place, which is then taken."""
        if self.taken >= self._size:
            return False
        self.taken += 1
        return True

    async def wait(self) -> None:
        """A place, as soon as it is one's turn. Raises DatabaseBusy."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(self._seconds):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                # The place was handed over in the moment in which nobody waited for it any more.
                self.leave()
            elif turn in self._waiting:
                self._waiting.remove(turn)
            if isinstance(error, TimeoutError):
                raise DatabaseBusy(self._message) from error
            raise

    def leave(self) -> None:
        """Gives a place back: to whoever waits longest, who then has it already."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.taken -= 1


class Shares:
    """At most `size` places for each tenant at once; whoever wants another waits for at most `seconds`."""

    def __init__(self, size: int, seconds: float) -> None:
        self._size = size
        self._seconds = seconds
        self._tenants: dict[int, Turnstile] = {}

    def __len__(self) -> int:
        """How many tenants have a place or wait for one."""
        return len(self._tenants)

    def enter(self, tenant_id: int) -> bool:
        """Whether there was a place, which is then taken."""
        places = self._tenants.get(tenant_id)
        if places is None:
            places = Turnstile(self._size, self._seconds, "too many statements of one tenant wait")
            self._tenants[tenant_id] = places
        return places.enter()

    async def wait(self, tenant_id: int) -> None:
        """A place, after there was none. Raises DatabaseBusy."""
        places = self._tenants[tenant_id]
        try:
            await places.wait()
        except BaseException:
            # It may have been handed over too late, and nobody else wanted it.
            self._forget(tenant_id, places)
            raise

    def leave(self, tenant_id: int) -> None:
        places = self._tenants[tenant_id]
        places.leave()
        self._forget(tenant_id, places)

    def _forget(self, tenant_id: int, places: Turnstile) -> None:
        """Unless somebody has a place: who is cancelled may hear of it after the last one left, and others came."""
        if not places.taken and self._tenants.get(tenant_id) is places:
            del self._tenants[tenant_id]
