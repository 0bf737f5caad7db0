"""A process to send signals to: the small schema behind a DrainingServer. Run with a port and the drain's seconds."""

import asyncio
import gc
import sys
import time

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from gateway.middleware.drain import DrainMiddleware
from gateway.server import DrainingServer, server_config
from ops.health import HealthCheck, health_routes
from tests.gateway.edge import Edge


async def serve(port: int, drain_seconds: float) -> None:
    """Serve until a signal ends it; resolvers that wait at the gate pass after half a second."""
    edge = Edge()
    asyncio.get_running_loop().call_soon(lambda: asyncio.ensure_future(_open_gates(edge)))
    check = HealthCheck([], draining=lambda: edge.drain.draining, clock=time.monotonic)
    routes = [*health_routes(lambda _request: check), Route("/frozen", _frozen), Mount("/graphql", edge.app)]
    app = Starlette(routes=routes)
    config = server_config(
        DrainMiddleware(app, edge.drain), host="127.0.0.1", port=port, max_message_bytes=100_000, graceful_seconds=5
    )
    await DrainingServer(config, edge.drain, drain_seconds=drain_seconds).serve()


async def _frozen(_request: Request) -> Response:
    """How many objects the garbage collector leaves alone."""
    return Response(str(gc.get_freeze_count()))


async def _open_gates(edge: Edge) -> None:
    while True:
        await edge.bench.entered.wait()
        edge.bench.entered.clear()
        asyncio.get_running_loop().call_later(0.5, edge.bench.gate.set)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2])))
