"""Server-sent events over real HTTP."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx2
import msgspec
import pytest

from gateway.http.limits import HttpLimits
from tests.gateway.edge import Edge, client_of, uncosted, until

STREAM = {"accept": "text/event-stream"}


@asynccontextmanager
async def streamed(
    client: httpx2.AsyncClient, query: str, **headers: str
) -> AsyncGenerator[tuple[httpx2.Response, AsyncGenerator[bytes, None]], None]:
    """The response and its events, one block at a time."""

    async def blocks() -> AsyncGenerator[bytes, None]:
        rest = b""
        async for chunk in response.aiter_raw():
            rest += chunk
            while b"\n\n" in rest:
                block, _, rest = rest.partition(b"\n\n")
                yield _uncosted(block)

    async with client.stream("POST", "/", json={"query": query}, headers={**STREAM, **headers}) as response:
        yield response, blocks()


def _uncosted(block: bytes) -> bytes:
    head, data, payload = block.partition(b"\ndata: ")
    return head + data + msgspec.json.encode(uncosted(msgspec.json.decode(payload))) if data else block


async def test_subscription_is_streamed_and_completed(client: httpx2.AsyncClient) -> None:
    async with streamed(client, "subscription { count(to: 2) }") as (response, blocks):
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert [block async for block in blocks] == [
            b":",
            b'event: next\ndata: {"data":{"count":1}}',
            b'event: next\ndata: {"data":{"count":2}}',
            b"event: complete\ndata:",
        ]


async def test_query_is_a_stream_of_one(client: httpx2.AsyncClient) -> None:
    async with streamed(client, "{ hello }") as (_, blocks):
        assert [block async for block in blocks][1:] == [
            b'event: next\ndata: {"data":{"hello":"hello world"}}',
            b"event: complete\ndata:",
        ]


async def test_subscription_over_get_suits_event_source(client: httpx2.AsyncClient) -> None:
    response = await client.get("/", params={"query": "subscription { count(to: 1) }"}, headers=STREAM)
    blocks = [_uncosted(block) for block in response.content.split(b"\n\n")]
    assert blocks[-3:] == [b'event: next\ndata: {"data":{"count":1}}', b"event: complete\ndata:", b""]


async def test_client_that_also_accepts_json_gets_a_stream_for_a_subscription_only(client: httpx2.AsyncClient) -> None:
    both = {"accept": "application/json, text/event-stream"}
    query = await client.post("/", json={"query": "{ hello }"}, headers=both)
    events = await client.post("/", json={"query": "subscription { count(to: 1) }"}, headers=both)
    assert query.headers["content-type"].startswith("application/json")
    assert events.headers["content-type"].startswith("text/event-stream")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("subscription ($n: Int!) { count(to: $n) }", "BAD_USER_INPUT"),
    ],
)
async def test_faulty_operation_is_an_event(client: httpx2.AsyncClient, query: str, code: str) -> None:
    response = await client.post("/", json={"query": query}, headers=STREAM)
    assert response.status_code == 200
    assert response.text.startswith(':\n\nevent: next\ndata: {"errors":[{')
    _, event, end, rest = [_uncosted(block) for block in response.content.split(b"\n\n")]
    assert event.endswith(f'"extensions":{{"code":"{code}"}}}}]}}'.encode())
    assert (end, rest) == (b"event: complete\ndata:", b"")


@pytest.mark.parametrize(
    ("body", "token", "status"), [({"query": "{ hello }"}, "bad", 401), ({"query": 1}, "ada", 400), ({}, "ada", 400)]
)
async def test_faulty_request_is_refused_with_its_status(
    client: httpx2.AsyncClient, body: object, token: str, status: int
) -> None:
    response = await client.post("/", json=body, headers={**STREAM, "authorization": f"Bearer {token}"})
    assert response.status_code == status
    assert response.headers["content-type"].startswith("application/")


async def test_mutation_over_get_is_405_also_for_a_stream(client: httpx2.AsyncClient) -> None:
    response = await client.get("/", params={"query": "mutation { double(value: 1) }"}, headers=STREAM)
    assert response.status_code == 405


async def test_defects_are_masked_in_events(edge: Edge, client: httpx2.AsyncClient) -> None:
    async with streamed(client, "subscription { breaks }") as (_, blocks):
        broken = [block async for block in blocks]
    async with streamed(client, "subscription { badEvent { value } }") as (_, blocks):
        bad_event = [block async for block in blocks]
    assert b'"breaks":1' in broken[1]
    for block, error_id in ((broken[2], b"error-1"), (bad_event[1], b"error-2")):
        assert b"Internal server error" in block
        assert error_id in block
    assert b"hunter2" not in b"".join(broken)
    assert b"secrets" not in b"".join(bad_event)
    assert [entry["error_id"] for entry in edge.logs.entries] == ["error-1", "error-2"]


async def test_domain_error_of_a_source_is_shown(client: httpx2.AsyncClient) -> None:
    async with streamed(client, "subscription { refused }") as (_, blocks):
        text = b"".join([block async for block in blocks])
    assert b'"message":"Not for you."' in text
    assert b'"code":"FORBIDDEN"' in text


async def test_source_that_does_not_open_is_an_event_without_data(client: httpx2.AsyncClient) -> None:
    async with streamed(client, "subscription { denied }") as (_, blocks):
        events = [block async for block in blocks]
    assert events[1].startswith(b'event: next\ndata: {"errors":[{"message":"Not for you."')
    assert b'"data":' not in events[1]
    assert events[2] == b"event: complete\ndata:"


async def test_events_share_no_loaded_data(client: httpx2.AsyncClient) -> None:
    async with streamed(client, "subscription { loads { before again: before } }") as (_, blocks):
        events = [block async for block in blocks]
    assert events[1] == events[2] == b'event: next\ndata: {"data":{"loads":{"before":[],"again":["x"]}}}'


async def test_heartbeats_keep_a_quiet_stream_alive() -> None:
    edge = Edge(http=HttpLimits(sse_heartbeat_seconds=0.02))
    async with client_of(edge) as client, streamed(client, "subscription { queued }") as (_, blocks):
        assert [await anext(blocks) for _ in range(3)] == [b":", b":", b":"]
        edge.bench.events.put_nowait(7)
        while (block := await anext(blocks)) == b":":
            pass
        assert block == b'event: next\ndata: {"data":{"queued":7}}'


async def test_client_that_leaves_stops_the_subscription_at_once(edge: Edge, client: httpx2.AsyncClient) -> None:
    async with streamed(client, "subscription { queued }"):
        await edge.bench.entered.wait()
        assert edge.drain.streams == 1
        assert edge.count("podgraph_subscriptions_open") == 1
    await until(lambda: edge.drain.streams == 0)
    assert edge.bench.closed_sources == 1
    assert edge.count("podgraph_subscriptions_open") == 0


async def test_draining_server_ends_streams_without_complete(edge: Edge, client: httpx2.AsyncClient) -> None:
    async with streamed(client, "subscription { queued }") as (_, blocks):
        await edge.bench.entered.wait()
        edge.drain.close()
        assert [block async for block in blocks] == [b":"]
    assert edge.bench.closed_sources == 1


async def test_batch_is_not_streamed(client: httpx2.AsyncClient) -> None:
    response = await client.post("/", json=[{"query": "{ hello }"}], headers=STREAM)
    assert response.status_code == 406


async def test_idle_stream_ends_without_complete_once_its_credentials_are_good_no_more() -> None:
    edge = Edge(http=HttpLimits(access_check_seconds=0.02))
    async with (
        client_of(edge) as client,
        streamed(client, "subscription { queued }", authorization="Bearer ada") as (_, blocks),
    ):
        assert await anext(blocks) == b":"
        await until(lambda: len(edge.bench.contexts) >= 4)
        edge.bench.expired.add("ada")
        assert [block async for block in blocks] == []
        await until(lambda: edge.bench.closed_sources == 1)
