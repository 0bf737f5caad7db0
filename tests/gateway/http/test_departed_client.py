"""A client that leaves before its answer: its queries stop, its mutations are finished."""

import asyncio
from typing import Any

import httpx2
import pytest

from tests.gateway.edge import Edge, client_of, json_of, until
from tests.gateway.http.test_websocket import acknowledged

MUTATION = "mutation { gatedDouble(value: 4) }"


async def leave(client: httpx2.AsyncClient, edge: Edge, body: Any) -> None:
    """Send a request and close the connection once its resolver is at the gate."""
    request = asyncio.create_task(client.post("/", json=body))
    await edge.bench.entered.wait()
    request.cancel()
    await asyncio.gather(request, return_exceptions=True)


def serving() -> bool:
    """Whether uvicorn has a request under way."""
    return any("run_asgi" in repr(task.get_coro()) for task in asyncio.all_tasks())


@pytest.mark.parametrize("body", [{"query": "{ gated }"}, [{"query": "{ gated }"}] * 7])
async def test_query_of_a_departed_client_is_cancelled(edge: Edge, client: httpx2.AsyncClient, body: Any) -> None:
    await leave(client, edge, body)
    await until(lambda: edge.bench.running == 0)
    assert not edge.bench.gate.is_set()
    assert edge.logs.entries == []


async def test_query_by_get_of_a_departed_client_is_cancelled(edge: Edge, client: httpx2.AsyncClient) -> None:
    request = asyncio.create_task(client.get("/", params={"query": "{ gated }"}))
    await edge.bench.entered.wait()
    request.cancel()
    await until(lambda: edge.bench.running == 0)


async def test_cancelled_query_closes_its_context(edge: Edge, client: httpx2.AsyncClient) -> None:
    await leave(client, edge, {"query": "{ gated }"})
    await until(lambda: edge.bench.closed_contexts == edge.bench.contexts)


async def test_mutation_of_a_departed_client_is_finished(edge: Edge, client: httpx2.AsyncClient) -> None:
    await leave(client, edge, {"query": MUTATION})
    await until(lambda: not serving())
    edge.bench.gate.set()
    await until(lambda: edge.bench.doubled == [4])


async def test_mutation_of_a_closed_websocket_is_finished(edge: Edge) -> None:
    async with client_of(edge):
        async with acknowledged(edge) as socket:
            await socket.subscribe("1", MUTATION)
            await edge.bench.entered.wait()
        await until(lambda: edge.drain.streams == 0)
        edge.bench.gate.set()
        await until(lambda: edge.bench.doubled == [4])


async def test_server_goes_on_answering_after_clients_left(edge: Edge) -> None:
    async with client_of(edge) as client:
        await leave(client, edge, {"query": "{ gated }"})
        assert json_of(await client.post("/", json={"query": "{ hello }"})) == {"data": {"hello": "hello world"}}
