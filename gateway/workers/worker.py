"""One worker: `python -m gateway.workers.worker HOST PORT NUMBER LISTENER CHANNEL`, the last two file descriptors.

The settings are those of the environment, as the supervisor's are.
"""

import asyncio
import signal
import socket
import sys
from contextlib import suppress

import structlog
import uvicorn
from prometheus_client import CollectorRegistry

from gateway.app import create_app
from gateway.middleware.drain import Drain
from gateway.server import DrainingServer
from gateway.serving import serving, uvicorn_config, with_address
from gateway.settings import Settings
from gateway.workers.acceptor import Acceptor
from gateway.workers.link import Link


class WorkerServer(DrainingServer):
    """Tells its supervisor that it has started; leaves when another takes its place, or when the supervisor is gone."""

    def __init__(self, config: uvicorn.Config, drain: Drain, *, drain_seconds: float, link: Link) -> None:
        super().__init__(config, drain, drain_seconds=drain_seconds)
        self._link = link
        self._acceptors: list[Acceptor] = []

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        async with self._link.open(retire=self.retire, leave=lambda: self.handle_exit(signal.SIGTERM, None)):
            await super().serve(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup([])
        loop = asyncio.get_running_loop()

        def protocol() -> asyncio.Protocol:
            made: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]  # as in uvicorn
                config=self.config, server_state=self.server_state, app_state=self.lifespan.state, _loop=loop
            )
            return made

        self._acceptors = [Acceptor(listener, protocol) for listener in sockets or ()]
        self._link.started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._take_no_more()
        for acceptor in self._acceptors:
            await acceptor.settled()
        await super().shutdown(sockets)

    def retire(self) -> None:
        """Leave the listening socket to the others, and end like after SIGTERM."""
        self._take_no_more()
        super().retire()

    def _take_no_more(self) -> None:
        for acceptor in self._acceptors:
            acceptor.close()


def main(host: str, port: int, number: int, listener: socket.socket, channel: socket.socket) -> None:
    """Serves the listening socket until it is told to leave."""
    settings = with_address(Settings(), host, port)
    registry = CollectorRegistry()
    link = Link(number, channel, registry)
    drain = Drain()
    with serving(settings) as tracer:
        structlog.contextvars.bind_contextvars(worker=number)
        app = create_app(settings, drain=drain, tracer=tracer, registry=registry, exposition=link.exposition)
        server = WorkerServer(
            uvicorn_config(settings, app), drain, drain_seconds=settings.http.drain_seconds, link=link
        )
        with suppress(KeyboardInterrupt):  # uvicorn raises the signal again after an orderly end
            server.run([listener])


def _inherited(descriptor: str) -> socket.socket:
    """A socket of the supervisor's, which this process's own children do not get."""
    inherited = socket.socket(fileno=int(descriptor))
    inherited.set_inheritable(False)
    return inherited


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), _inherited(sys.argv[4]), _inherited(sys.argv[5]))
