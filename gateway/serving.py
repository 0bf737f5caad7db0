"""What every process that serves has, alone or as one of several: logs, traces, an orderly end, uvicorn's settings."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from types import FrameType
from typing import NoReturn

import uvicorn
from opentelemetry.trace import Tracer

from gateway.http.limits import HttpLimits
from gateway.server import server_config
from gateway.settings import Http, Settings
from ops.telemetry import logging, tracing


@contextmanager
def serving(settings: Settings) -> Iterator[Tracer]:
    """Within the block logs are written and spans are sent; those of the last requests too, when a signal ends it."""
    logging.configure(style=settings.logs.style, level=settings.logs.level)
    provider = tracing.tracer_provider(
        tracing.exporters_from(os.environ), service="podgraph", version=version("podgraph")
    )
    # uvicorn raises the signal again after an orderly end, and the system's own handler would leave the spans behind.
    before = signal.getsignal(signal.SIGTERM)
    if before is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _leave)
    try:
        yield provider.get_tracer("gateway")
    finally:
        tracing.stop(provider)
        signal.signal(signal.SIGTERM, before)


def uvicorn_config(settings: Settings, app: object) -> uvicorn.Config:
    """uvicorn's, of the settings."""
    return server_config(
        app,
        host=settings.http.host,
        port=settings.http.port,
        max_message_bytes=HttpLimits().websocket_message_bytes,
        graceful_seconds=settings.http.graceful_seconds,
    )


def with_address(settings: Settings, host: str | None, port: int | None) -> Settings:
    """The settings, with what the command line says about the address."""
    changes = {name: value for name, value in {"host": host, "port": port}.items() if value is not None}
    return settings.model_copy(update={"http": Http(**{**settings.http.model_dump(), **changes})})


def _leave(_number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)
