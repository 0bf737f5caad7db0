"""The line for calculations that a request waits for: few at a time, few of one tenant, and not for long."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from persistence.ids import TenantId
from resolvers.errors import DomainError


class Busy(DomainError):
    """Too many calculations are asked for at once; the same request may succeed in a moment."""

    code = "BUSY"


class Line:
    """`places` calculate, `length` wait, `each` of them may be one tenant's; nobody waits longer than `seconds`."""

    def __init__(self, *, places: int = 1, length: int = 8, each: int = 2, seconds: float = 10.0) -> None:
        self._free = asyncio.Semaphore(places)
        self._most = places + length
        self._each = each
        self._seconds = seconds
        self._present: Counter[TenantId] = Counter()

    @asynccontextmanager
    async def place(self, tenant_id: TenantId) -> AsyncIterator[None]:
        """Raises Busy."""
        if self._present.total() >= self._most or self._present[tenant_id] >= self._each:
            raise _busy()
        self._present[tenant_id] += 1
        try:
            try:
                async with asyncio.timeout(self._seconds):
                    await self._free.acquire()
            except TimeoutError as error:
                raise _busy() from error
            try:
                yield
            finally:
                self._free.release()
        finally:
            self._present[tenant_id] -= 1
            if not self._present[tenant_id]:
                del self._present[tenant_id]


def _busy() -> Busy:
    return Busy("Too many calculations are under way: try again in a few seconds, or use runAttribution, which waits.")
