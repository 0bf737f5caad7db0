"""A pair of sockets between the supervisor and a worker, which nobody else can reach and which ends with either."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final, Generic, Self, TypeVar

import msgspec

_LENGTH_BYTES: Final = 4

Sent = TypeVar("Sent")
Received = TypeVar("Received")


class Channel(Generic[Sent, Received]):
    """Messages both ways, in order. A frame is its length in four bytes, then msgpack."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        decoder: msgspec.msgpack.Decoder[Received],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._decoder = decoder

    @classmethod
    async def over(cls, end: socket.socket, decoder: msgspec.msgpack.Decoder[Received]) -> Self:
        return cls(*await asyncio.open_unix_connection(sock=end), decoder)

    def send(self, message: Sent) -> None:
        """Sent in the background; to one who is gone, never."""
        content = msgspec.msgpack.encode(message)
        self._writer.write(len(content).to_bytes(_LENGTH_BYTES, "big") + content)

    async def received(self) -> AsyncIterator[Received]:
        """All that comes, until the other side is gone."""
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                length = int.from_bytes(await self._reader.readexactly(_LENGTH_BYTES), "big")
                yield self._decoder.decode(await self._reader.readexactly(length))

    def close(self) -> None:
        self._writer.close()
