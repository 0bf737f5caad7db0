"""argon2id hashes of passwords, made in threads of their own, few at a time."""

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from argon2 import Parameters, PasswordHasher
from argon2.exceptions import VerifyMismatchError
from argon2.profiles import RFC_9106_LOW_MEMORY

from resolvers.errors import TooManyAttempts

T = TypeVar("T")

AT_ONCE: Final = 2
"""Hashes under way; each takes `parameters.memory_cost` KiB, 64 MiB by default."""

MOST_WAITING: Final = 64
"""Hashes asked for and not yet done; whoever comes after them is sent away for a second."""


class Passwords:
    """Implements `resolvers.identity.ports.PasswordHasher`."""

    def __init__(self, parameters: Parameters = RFC_9106_LOW_MEMORY, *, at_once: int = AT_ONCE) -> None:
        self._hasher = PasswordHasher.from_parameters(parameters)
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="passwords")
        self._waiting = 0
        self._nobodys_hash = self._hasher.hash(secrets.token_urlsafe())

    async def hashed(self, password: str) -> str:
        """Raises TooManyAttempts when too many wait already."""
        return await self._in_thread(self._hasher.hash, password)

    async def matches(self, password: str, password_hash: str | None) -> bool:
        """Of None: False, after as much work. Raises TooManyAttempts when too many wait already."""
        matches = await self._in_thread(self._matches, password_hash or self._nobodys_hash, password)
        return matches and password_hash is not None

    def outdated(self, password_hash: str) -> bool:
        return self._hasher.check_needs_rehash(password_hash)

    def close(self) -> None:
        """Lets hashes under way finish and drops those that wait."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _matches(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except VerifyMismatchError:
            return False

    async def _in_thread(self, work: Callable[..., T], *arguments: str) -> T:
        if self._waiting >= MOST_WAITING:
            raise TooManyAttempts("Too many people are signing in: try again in a moment.", retry_after=1.0)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)
        finally:
            self._waiting -= 1
