"""Takes connections from a socket that several processes listen to.

One at a time: uvloop's own server takes all that wait, so that a burst, such as the pool of a load balancer, would end
up in one process. Here each takes one and sees to what it has to do, then looks again; who has more to do gets fewer.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Final

from ops.telemetry.logging import logger

TURN_SECONDS: Final = 0.001
"""How long others have to take the next connection."""
EXHAUSTED_SECONDS: Final = 1.0
"""How long to wait where the system has no descriptor left for a connection."""

log = logger(__name__)


class Acceptor:
    """Accepts from its making until `close`; `protocol` makes the protocol of each connection."""

    def __init__(self, listener: socket.socket, protocol: Callable[[], asyncio.Protocol]) -> None:
        listener.setblocking(False)
        self._listener = listener
        self._protocol = protocol
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._begin()

    def close(self) -> None:
        """Leaves the socket to the others. Idempotent."""
        if not self._closed:
            self._closed = True
            self._loop.remove_reader(self._listener)

    async def settled(self) -> None:
        """Returns when every connection that was accepted has its protocol."""
        await asyncio.gather(*self._tasks)

    def _begin(self) -> None:
        if not self._closed:
            self._loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):  # another process has it, or it is gone
            return
        except OSError:
            log.exception("connections.not_accepted")
            self._pause(EXHAUSTED_SECONDS)
            return
        self._pause(TURN_SECONDS)
        connection.setblocking(False)
        task = self._loop.create_task(self._serve(connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _pause(self, seconds: float) -> None:
        self._loop.remove_reader(self._listener)
        self._loop.call_later(seconds, self._begin)

    async def _serve(self, connection: socket.socket) -> None:
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
            await self._loop.connect_accepted_socket(self._protocol, connection)
        except OSError:  # the client is gone
            connection.close()
