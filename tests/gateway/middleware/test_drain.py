"""The drain's state, and what clients are told."""

import asyncio

from gateway.middleware.drain import Drain, DrainMiddleware
from tests.gateway.middleware.asgi import Recorder, call


async def test_connections_are_closed_while_draining_only() -> None:
    drain = Drain()
    app = DrainMiddleware(Recorder(), drain)
    assert "connection" not in (await call(app)).headers
    drain.begin()
    assert (await call(app)).headers["connection"] == "close"


async def test_one_whose_place_another_has_taken_closes_connections_and_stays_ready() -> None:
    drain = Drain()
    app = DrainMiddleware(Recorder(), drain)
    drain.retire()
    assert (await call(app)).headers["connection"] == "close"
    drain.close()
    await drain.closed()
    assert not drain.draining


async def test_streams_end_when_closed_and_not_when_draining_begins() -> None:
    drain = Drain()
    waiting = asyncio.create_task(drain.closed())
    drain.begin()
    await asyncio.sleep(0)
    assert not waiting.done()
    drain.close()
    await waiting
    assert drain.draining


def test_open_streams_are_counted() -> None:
    drain = Drain()
    with drain.stream(), drain.stream():
        assert drain.streams == 2
    assert drain.streams == 0
