"""A response's head and the body that follows at once go out in one write.

ASGI has them in two messages, and uvicorn writes each: a system call more, and a client that wakes up twice.
"""

import asyncio
from typing import Final

_NOTHING: Final = b""


class WholeWrites:
    """What the writer of one response sees of its transport.

    The first write waits for the second, but not beyond what the event loop does next: a stream's head is not held up.
    """

    __slots__ = ("_held", "_loop", "_started", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._started = False
        self._held = _NOTHING

    def write(self, data: bytes) -> None:
        if self._held:
            held, self._held = self._held, _NOTHING
            # Not put together: the body may be large.
            self._transport.writelines((held, data))
        elif self._started:
            self._transport.write(data)
        else:
            self._started = True
            self._held = data
            self._loop.call_soon(self._release)

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def close(self) -> None:
        self._release()
        self._transport.close()

    def _release(self) -> None:
        held, self._held = self._held, _NOTHING
        if held and not self._transport.is_closing():
            self._transport.write(held)
