"""Opening a database: its servers, their connections, the watch over them and the router between them."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import asyncpg  # type: ignore[import-untyped]  # it ships no types
from sqlalchemy import NullPool
from sqlalchemy.ext.asyncio import create_async_engine

from ops.telemetry.metrics import ReplicaMetrics
from persistence.connections import Connections
from persistence.endpoints import Endpoint, endpoints
from persistence.leases import Sources
from persistence.places import Places
from persistence.router import Router
from persistence.servers import Server, Servers
from persistence.shares import Shares
from persistence.unheard import Connect
from persistence.watch import Watch


class Opened(NamedTuple):
    sources: Sources
    servers: Servers
    watch: Watch
    places: Places


def opened(
    urls: Sequence[str],
    *,
    pool_size: int,
    statement_timeout: float,
    lag_seconds: float,
    places: Places,
    metrics: ReplicaMetrics,
) -> Opened:
    """Connects to nothing yet."""
    options: dict[str, Any] = {
        "timeout": statement_timeout,
        "command_timeout": statement_timeout,
        "server_settings": {
            "application_name": "podgraph",
            "timezone": "UTC",
            # Moments may come as text (`statements.columns_of`).
            "datestyle": "ISO",
            "jit": "off",
            # Else the statements of a process that was killed go on for as long as they take, for nobody.
            "client_connection_check_interval": "2s",
        },
    }

    def connections(connect: Connect) -> Connections:
        async def connected(*_: Any, **__: Any) -> Any:
            return await connect()

        # The URL is for SQLAlchemy's arguments alone; where to connect is decided here.
        engine = create_async_engine(urls[0], poolclass=NullPool, connect_args={"async_creator_fn": connected})
        return Connections(engine, pool_size, statement_timeout)

    def shares() -> Shares:
        return Shares(max(1, pool_size // 2), statement_timeout)

    def server(endpoint: Endpoint) -> Server:
        return Server(endpoint, connections(lambda: endpoint.connected(**options)), shares())

    servers = Servers([server(endpoint) for endpoint in endpoints(urls)], lag_seconds, metrics)
    watch = Watch(servers, places)

    async def primary() -> Any:
        return await _writable(servers, options, statement_timeout)

    pool = connections(primary)
    servers.on_primary.append(pool.renounce)
    router = Router(servers, watch, metrics) if len(servers.all) > 1 else None
    return Opened(Sources(pool, shares(), router, primary), servers, watch, places)


async def _writable(servers: Servers, options: Mapping[str, Any], seconds: float) -> Any:
    """A connection to the server that takes writes: the one that is known to, else whichever does.

    Raises what the driver does.
    """
    failure: Exception | None = None
    # One that does not answer leaves time for the others.
    each_seconds = seconds / len(servers.all)
    async with asyncio.timeout(seconds):
        for server in sorted(servers.all, key=lambda each: (each is not servers.primary, each.standby)):
            try:
                return await server.endpoint.connected(writable=True, **{**options, "timeout": each_seconds})
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
                if failure is None or isinstance(failure, asyncpg.TargetServerAttributeNotMatched):
                    failure = error
    raise failure or OSError("no server is named")
