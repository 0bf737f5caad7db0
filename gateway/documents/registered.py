"""Documents that the operator has registered (trusted documents), as a process knows them."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import msgspec

from persistence.database import Database
from persistence.errors import PersistenceError
from persistence.repositories.documents import RegisteredDocument, registered_by_hash, registered_by_id

HASH_PREFIX: Final = "sha256:"
"""Of a `documentId` that is the text's hash (GraphQL over HTTP, appendix A)."""


class RegisteredLimits(msgspec.Struct, frozen=True):
    """How long an answer of the database holds: a removal counts after `found_seconds`, a registration after the other.

    Answers are kept for longer than they hold, for the time that the database is away.
    """

    found_seconds: float = 30.0
    missing_seconds: float = 3.0
    process_bytes: int = 8 * 1024 * 1024
    missing_entries: int = 5_000


class RegisteredTexts(Protocol):
    """Where registered documents are looked up. Raises PersistenceError when that is away and nothing is known."""

    async def by_id(self, given: str) -> str | None:
        """The text that a `documentId`, or the hash of a persisted query, stands for."""

    async def has(self, digest: str) -> bool:
        """Whether the text of this SHA-256, in lower-case hexadecimal, is registered under any id."""


class _Answer(msgspec.Struct, frozen=True):
    text: str
    until: float


class Registered:
    """The RegisteredTexts of a database, in a cache of this process. `clock` counts seconds, from anywhere."""

    def __init__(self, database: Database, clock: Callable[[], float], limits: RegisteredLimits | None = None) -> None:
        self._database = database
        self._clock = clock
        self._limits = limits or RegisteredLimits()
        self._found: OrderedDict[str, _Answer] = OrderedDict()
        self._missing: OrderedDict[str, float] = OrderedDict()
        self._bytes = 0

    async def by_id(self, given: str) -> str | None:
        """As in RegisteredTexts; an id goes before a hash, `sha256:` in front means the hash alone."""
        if given.startswith(HASH_PREFIX):
            return await self._by_hash(given.removeprefix(HASH_PREFIX))
        return await self._answer(given, lambda: self._asked_id(given))

    async def has(self, digest: str) -> bool:
        """As in RegisteredTexts."""
        return await self._by_hash(digest) is not None

    async def _by_hash(self, digest: str) -> str | None:
        return await self._answer(HASH_PREFIX + digest, lambda: self._asked_hash(digest))

    async def _answer(self, key: str, ask: Callable[[], Awaitable[RegisteredDocument | None]]) -> str | None:
        now = self._clock()
        known = self._found.get(key)
        if known is not None and known.until > now:
            self._found.move_to_end(key)
            return known.text
        if self._missing.get(key, now) > now:
            return None
        try:
            document = await ask()
        except PersistenceError:
            if known is None:
                raise
            return known.text
        self._note(key, document.text if document else None, now)
        return document.text if document else None

    def _note(self, key: str, text: str | None, now: float) -> None:
        before = self._found.pop(key, None)
        self._missing.pop(key, None)
        if before is not None:
            self._bytes -= _size(key, before.text)
        if text is None:
            self._missing[key] = now + self._limits.missing_seconds
            if len(self._missing) > self._limits.missing_entries:
                self._missing.popitem(last=False)
            return
        self._found[key] = _Answer(text, now + self._limits.found_seconds)
        self._bytes += _size(key, text)
        while self._bytes > self._limits.process_bytes:
            gone_key, gone = self._found.popitem(last=False)
            self._bytes -= _size(gone_key, gone.text)

    async def _asked_id(self, given: str) -> RegisteredDocument | None:
        async with self._database.read_account() as session:
            return await registered_by_id(session, given)

    async def _asked_hash(self, digest: str) -> RegisteredDocument | None:
        async with self._database.read_account() as session:
            return await registered_by_hash(session, digest)


def _size(key: str, text: str) -> int:
    return len(key) + len(text.encode())
