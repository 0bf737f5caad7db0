"""`podgraph serve`: the gateway against the configured servers."""

import asyncio
import errno
import os
import socket
import sys
from typing import Annotated

import typer
from rich.console import Console

from gateway.app import create_app
from gateway.commands.failures import Failure, failures_as_sentences
from gateway.lifespan import open_process
from gateway.middleware.drain import Drain
from gateway.pages import DemoLogin
from gateway.server import STREAM_SECONDS, DrainingServer
from gateway.serving import serving, uvicorn_config, with_address
from gateway.settings import Http, Settings
from gateway.workers.supervisor import CannotStart, Supervisor, Times
from ops.telemetry import logging

_BACKLOG = 2048
"""Connections that may wait for a worker, as uvicorn has it."""
_SPARE_SECONDS = 30.0
"""How much longer than it should a worker may take to leave before it is killed."""


@failures_as_sentences
def serve_command(
    host: Annotated[str | None, typer.Option(help="Address to listen on; PODGRAPH_HTTP__HOST if left out.")] = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port to listen on; PODGRAPH_HTTP__PORT if left out.")
    ] = None,
    workers: Annotated[
        int, typer.Option(min=1, max=64, help="Processes that share the port; more than one needs a Redis.")
    ] = 1,
) -> None:
    """Serve the graph against the database and Redis of the settings."""
    settings = with_address(Settings(), host, port)
    if workers > 1 and settings.redis.url is None:
        raise Failure(
            "Several workers need a Redis that all of them see, for budgets, caches and persisted queries: set"
            " PODGRAPH_REDIS__URL, or serve with one."
        )
    refuse_taken_port(settings.http)
    logging.configure(style=settings.logs.style, level=settings.logs.level)
    asyncio.run(_opened_once(settings))
    if workers == 1:
        serve(settings)
    else:
        serve_together(settings, workers)


async def _opened_once(settings: Settings) -> None:
    """Opens and closes what serving needs, so that what is amiss is said in a sentence and not in the server's log."""
    async with open_process(settings, Drain()):
        pass


def refuse_taken_port(http: Http) -> None:
    """Raises Failure. Asked before the long steps, so that nobody waits for a port that is not to be had."""
    try:
        _listener(http, 1).close()
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


def _listener(http: Http, backlog: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in http.host else socket.AF_INET
    return socket.create_server((http.host, http.port), family=family, backlog=backlog)


def serve(settings: Settings, demo: DemoLogin | None = None) -> None:
    """Serves until a signal says stop and the requests in flight are answered."""
    with serving(settings) as tracer:
        drain = Drain()
        app = create_app(settings, drain=drain, tracer=tracer, demo=demo)
        server = DrainingServer(uvicorn_config(settings, app), drain, drain_seconds=settings.http.drain_seconds)
        try:
            server.run()
        except KeyboardInterrupt:  # uvicorn raises the signal again after an orderly end
            Console(stderr=True).print("Stopped.")
    if not server.started:
        raise Failure("The gateway could not start; the log above says why.")


def serve_together(settings: Settings, workers: int) -> None:
    """The same, by several processes."""
    http = settings.http
    worker = (sys.executable, "-P", "-m", "gateway.workers.worker", http.host, str(http.port))
    stop = http.drain_seconds + STREAM_SECONDS + http.graceful_seconds + _SPARE_SECONDS
    with _listener(http, _BACKLOG) as listener:
        supervisor = Supervisor(worker, listener, workers, Times(stop=stop))
        try:
            asyncio.run(supervisor.run())
        except CannotStart:
            raise Failure("The gateway could not start; the log above says why.") from None
