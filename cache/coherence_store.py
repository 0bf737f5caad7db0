"""What Redis knows of writes, by coherence.lua: every call is one script, and one round trip."""

import secrets
from importlib.resources import files
from typing import Any, Final

import msgspec
from redis.asyncio import Redis

from cache.busy_loop import answered
from cache.last_writes import SharedSlots, hex_of, position_in
from cache.ledger import slots_of
from cache.tags import Position, Tag

KEY: Final = "{podgraph:coherence}"
"""Of the hash and of the channel; the other keys begin with it, so that one node of a cluster has them all."""

_KEYS: Final = (KEY, f"{KEY}:slots", f"{KEY}:announced")
_SCRIPT: Final = files("cache").joinpath("coherence.lua")


class Write(msgspec.Struct, frozen=True, array_like=True):
    """An announcement, as it is told."""

    id: str
    tags: frozenset[Tag]


class Joined(msgspec.Struct, frozen=True):
    """All that Redis knows at the time of a message."""

    generation: str
    sequence: int
    born: int
    """When the data began, by Redis' clock: other data have another birth."""
    at: int
    """When this was so, by the same clock."""
    age: float
    """Seconds from the one to the other."""
    unwatched: float
    """Seconds since a process last said that it saw nobody write unheard."""
    newest: Position
    slots: SharedSlots
    under_way: list[tuple[Write, float]]
    """With the seconds after which each is given up."""


class Beat(msgspec.Struct, frozen=True):
    generation: str
    sequence: int
    """The number of the last message."""
    watched: int
    """When a process last said that it saw nobody write unheard, by Redis' clock."""


class Message(msgspec.Struct, frozen=True):
    number: int
    generation: str
    verb: str
    """announced, done, undone or renewed."""
    write: Write | None
    position: Position
    """Of what is done."""


class CoherenceStore:
    """Raises RedisError or OSError when Redis does not answer; what was asked for may then have been done or not."""

    def __init__(self, redis: Redis, pending_seconds: float) -> None:
        self._script = redis.register_script(_SCRIPT.read_text(encoding="utf-8"))
        self._pending_ms = int(pending_seconds * 1_000)

    async def join(self) -> Joined:
        generation, sequence, born, now, watched, newest, slots, under_way = await self._call("join")
        return Joined(
            generation=generation.decode(),
            sequence=int(sequence),
            born=int(born),
            at=int(now),
            age=(int(now) - int(born)) / 1_000,
            unwatched=(int(now) - int(watched)) / 1_000,
            newest=position_in(newest),
            slots=SharedSlots(slots),
            under_way=[
                (_decoded(write), (float(ends) - int(now)) / 1_000)
                for write, ends in zip(under_way[::2], under_way[1::2], strict=True)
            ],
        )

    async def announce(self, write: Write) -> None:
        await self._call("announce", _encoded(write), self._pending_ms)

    async def done(self, write: Write, position: Position, *, if_under_way: bool = False) -> None:
        await self._call("done", _encoded(write), hex_of(position), int(if_under_way), *slots_of(write.tags))

    async def undone(self, write: Write) -> None:
        await self._call("undone", _encoded(write))

    async def renew(self, position: Position) -> None:
        """Another generation, unless there has been one at this position already."""
        await self._call("renew", hex_of(position))

    async def beat(self, *, watching: bool) -> Beat:
        """`watching`: this process sees nobody write unheard, and has settled what was in doubt."""
        generation, sequence, watched = await self._call("beat", int(watching))
        return Beat(generation.decode(), int(sequence), int(watched))

    async def _call(self, verb: str, *arguments: bytes | str | int) -> Any:
        """Nothing becomes another by being done twice."""
        given = [verb, secrets.token_hex(8), *arguments]
        return await answered(lambda: self._script(keys=_KEYS, args=given))


def message_in(data: bytes) -> Message:
    number, generation, verb, rest = data.split(b" ", 3)
    if verb == b"renewed":
        return Message(int(number), generation.decode(), "renewed", None, 0)
    if verb == b"done":
        position, write = rest.split(b" ", 1)
        return Message(int(number), generation.decode(), "done", _decoded(write), position_in(position))
    return Message(int(number), generation.decode(), verb.decode(), _decoded(rest), 0)


def _encoded(write: Write) -> bytes:
    return msgspec.msgpack.encode(write)


def _decoded(data: bytes) -> Write:
    return msgspec.msgpack.decode(data, type=Write)
