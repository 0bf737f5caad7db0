"""Connections of one listening socket, taken by several."""

import asyncio
import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gateway.workers import acceptor as module
from gateway.workers.acceptor import Acceptor


class Taken(asyncio.Protocol):
    """Greets with its taker's name."""

    def __init__(self, name: bytes) -> None:
        self._name = name

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(self._name)
        transport.close()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


async def greeting(listener: socket.socket) -> bytes:
    """Who took a new connection."""
    async with asyncio.timeout(5):
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        name = await reader.read()
        writer.close()
        await writer.wait_closed()
        return name


@contextmanager
def taking(listener: socket.socket, name: bytes) -> Iterator[Acceptor]:
    with listener.dup() as own:
        acceptor = Acceptor(own, lambda: Taken(name))
        yield acceptor
        acceptor.close()


async def test_burst_is_shared(listener: socket.socket) -> None:
    with taking(listener, b"one"), taking(listener, b"other"):
        names = await asyncio.gather(*(greeting(listener) for _ in range(20)))
    assert min(names.count(b"one"), names.count(b"other")) >= 5


async def test_closed_one_leaves_connections_to_the_others(listener: socket.socket) -> None:
    with taking(listener, b"closed") as closed:
        await greeting(listener)
        closed.close()
        await closed.settled()
        with taking(listener, b"other"):
            assert {await greeting(listener) for _ in range(5)} == {b"other"}


async def test_connection_waits_while_the_system_has_no_descriptors(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Exhausted(socket.socket):
        refusals = 0

        def accept(self) -> "tuple[socket.socket, object]":
            if self.refusals < 2:
                self.refusals += 1
                raise OSError(errno.EMFILE, "Too many open files")
            return super().accept()

    monkeypatch.setattr(module, "EXHAUSTED_SECONDS", 0.02)
    with Exhausted(fileno=listener.dup().detach()) as exhausted:
        acceptor = Acceptor(exhausted, lambda: Taken(b"late"))
        assert await greeting(listener) == b"late"
        assert exhausted.refusals == 2
        acceptor.close()
