"""`podgraph serve`: the gateway against the configured servers."""

import asyncio
import errno
import os
import socket
from importlib.metadata import version
from typing import Annotated

import typer
from rich.console import Console

from gateway.app import create_app
from gateway.commands.failures import Failure, failures_as_sentences
from gateway.http.limits import HttpLimits
from gateway.lifespan import open_process
from gateway.middleware.drain import Drain
from gateway.pages import DemoLogin
from gateway.server import DrainingServer, server_config
from gateway.settings import Http, Settings
from ops.telemetry import logging, tracing


@failures_as_sentences
def serve_command(
    host: Annotated[str | None, typer.Option(help="Address to listen on; PODGRAPH_HTTP__HOST if left out.")] = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port to listen on; PODGRAPH_HTTP__PORT if left out.")
    ] = None,
) -> None:
    """Serve the graph against the database and Redis of the settings."""
    settings = with_address(Settings(), host, port)
    refuse_taken_port(settings.http)
    asyncio.run(_opened_once(settings))
    serve(settings)


async def _opened_once(settings: Settings) -> None:
    """Opens and closes what serving needs, so that what is amiss is said in a sentence and not in the server's log."""
    async with open_process(settings, Drain()):
        pass


def with_address(settings: Settings, host: str | None, port: int | None) -> Settings:
    """The settings, with what the command line says about the address."""
    changes = {name: value for name, value in {"host": host, "port": port}.items() if value is not None}
    return settings.model_copy(update={"http": Http(**{**settings.http.model_dump(), **changes})})


def refuse_taken_port(http: Http) -> None:
    """Raises Failure. Asked before the long steps, so that nobody waits for a port that is not to be had."""
    try:
        family = socket.AF_INET6 if ":" in http.host else socket.AF_INET
        with socket.create_server((http.host, http.port), family=family):
            pass
    except PermissionError as error:
        raise Failure(f"Port {http.port} needs more rights than this user has: choose one from 1024 up.") from error
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL or (error.errno or 0) < 0:  # below 0: getaddrinfo's own
            raise Failure(f"{http.host} is no address of this machine: choose one with --host.") from error
        why = os.strerror(error.errno or 0)
        raise Failure(
            f"Port {http.port} of {http.host} cannot be had ({why}): stop the program that has it,"
            " or choose another port with --port (or make up PORT=…)."
        ) from error


def serve(settings: Settings, demo: DemoLogin | None = None) -> None:
    """Serves until a signal says stop and the requests in flight are answered."""
    logging.configure(style=settings.logs.style, level=settings.logs.level)
    provider = tracing.tracer_provider(
        tracing.exporters_from(os.environ), service="podgraph", version=version("podgraph")
    )
    drain = Drain()
    app = create_app(settings, drain=drain, tracer=provider.get_tracer("gateway"), demo=demo)
    config = server_config(
        app,
        host=settings.http.host,
        port=settings.http.port,
        max_message_bytes=HttpLimits().websocket_message_bytes,
        graceful_seconds=settings.http.graceful_seconds,
    )
    server = DrainingServer(config, drain, drain_seconds=settings.http.drain_seconds)
    try:
        server.run()
    except KeyboardInterrupt:  # uvicorn raises the signal again after an orderly end
        Console(stderr=True).print("Stopped.")
    finally:
        tracing.stop(provider)
    if not server.started:
        raise Failure("The gateway could not start; the log above says why.")
