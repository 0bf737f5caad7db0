"""A primary as tests want it: it says what it is told to say."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class ScriptedPrimary:
    """Implements `cache.coherence.Primary`."""

    def __init__(self, position: int = 1_000) -> None:
        self.position = position
        self.fresh = True
        self.unheard = False
        self.doubt = 0
        self.holders = 0
        self.takes = 0
        """How often the lock was taken."""
        self.refuses = False

    def heard(self, position: int) -> None:
        self.position = max(self.position, position)

    @asynccontextmanager
    async def unheard_writes(self) -> AsyncIterator[None]:
        """The lock, which everybody who shares this primary sees at once."""
        if self.refuses:
            raise ConnectionRefusedError("the lock cannot be had")
        self.holders += 1
        self.takes += 1
        self.unheard = True
        try:
            yield
        finally:
            self.holders -= 1
            if self.holders == 0:
                self.unheard = False
                self.doubt += 1


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class ShiftedClock:
    """Real seconds, and more where a test says so."""

    def __init__(self) -> None:
        self.shift = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.shift
