"""What goes out together, and what does not wait."""

import asyncio
from collections.abc import Iterable

import pytest

from gateway.whole_writes import WholeWrites


class Wire(asyncio.Transport):
    """Remembers each write, and how many bytes of which calls it had."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.writes.append(bytes(data))

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.writes.append(b"|".join(map(bytes, list_of_data)))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def wire() -> Wire:
    return Wire()


async def test_head_and_body_are_one_write(wire: Wire) -> None:
    response = WholeWrites(wire, asyncio.get_running_loop())
    response.write(b"head")
    assert wire.writes == []
    response.write(b"body")
    response.write(b"more")
    await asyncio.sleep(0)
    assert wire.writes == [b"head|body", b"more"]


async def test_head_without_a_body_waits_for_nobody(wire: Wire) -> None:
    response = WholeWrites(wire, asyncio.get_running_loop())
    response.write(b"head")
    await asyncio.sleep(0)
    assert wire.writes == [b"head"]
    response.write(b"event")
    assert wire.writes == [b"head", b"event"]


async def test_head_goes_out_before_the_end(wire: Wire) -> None:
    response = WholeWrites(wire, asyncio.get_running_loop())
    response.write(b"head")
    response.close()
    await asyncio.sleep(0)
    assert (wire.writes, wire.closed, response.is_closing()) == ([b"head"], True, True)


async def test_nothing_is_written_to_a_closed_connection(wire: Wire) -> None:
    response = WholeWrites(wire, asyncio.get_running_loop())
    response.write(b"head")
    wire.closed = True
    await asyncio.sleep(0)
    assert wire.writes == []
