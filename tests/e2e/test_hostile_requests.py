"""What a stranger can do to the running gateway with the form of requests: nothing that shows."""

import asyncio

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.services.client import GraphQLClient
from tests.services.gateway import Gateway

BODY = b'{"query":"{__typename}"}'
HEAD = b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
SECOND = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def answers(gateway: Gateway, sent: bytes) -> list[bytes]:
    """The status lines of all answers to the bytes, until the gateway closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(sent)
    async with asyncio.timeout(10):
        received = await reader.read()
    writer.close()
    return [line for line in received.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]


@pytest.mark.parametrize(
    "sent",
    [
        HEAD + b"Content-Length: 24\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SECOND,
        HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + SECOND,
        HEAD + b"Transfer-Encoding: xchunked\r\n\r\n" + BODY,
        HEAD + b"Content-Length: 5\r\nContent-Length: 24\r\n\r\n" + BODY,
        HEAD + b"Content-Length: 24, 24\r\n\r\n" + BODY,
        HEAD + b"Content-Length: +24\r\n\r\n" + BODY,
        HEAD + b"Content-Length : 24\r\n\r\n" + BODY,
        HEAD + b"X: a\r\n b\r\nContent-Length: 24\r\n\r\n" + BODY,
        HEAD.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n18\r\n" + BODY + b"\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n0x18\r\n" + BODY + b"\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n18;a\nb\r\n" + BODY + b"\r\n0\r\n\r\n",
    ],
)
async def test_request_of_doubtful_length_is_refused_and_nothing_behind_it_is_read(
    demo_server: Gateway, sent: bytes
) -> None:
    assert await answers(demo_server, sent) == [b"HTTP/1.1 400 Bad Request"]


@pytest.mark.parametrize("path", ["/", "/graphiql", "/graphql?query={__typename}", "/metrics", "/readme"])
async def test_page_that_gives_its_name_our_address_reads_nothing(demo_server: Gateway, path: str) -> None:
    async with httpx2.AsyncClient(base_url=demo_server.url) as client:
        answer = await client.get(path, headers={"host": f"evil.example:{demo_server.port}"})
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (421, "UNKNOWN_HOST")


async def test_metrics_are_not_for_those_behind_a_proxy(demo_server: Gateway) -> None:
    async with httpx2.AsyncClient(base_url=demo_server.url) as client:
        answer = await client.get("/metrics", headers={"x-forwarded-for": "127.0.0.1"})
    assert answer.status_code == 403


async def test_forwarded_headers_of_a_stranger_are_not_believed(demo_server: Gateway) -> None:
    forwarded = {"x-forwarded-proto": "https", "x-forwarded-host": "evil.example", "x-forwarded-for": "192.0.2.1"}
    async with httpx2.AsyncClient(base_url=demo_server.url) as client:
        answer = await client.get("/livez", headers=forwarded)
    assert answer.status_code == 200
    assert "strict-transport-security" not in answer.headers


@pytest.mark.parametrize("path", ["/", "/graphiql", "/graphql", "/livez", "/nothing", "/schema.graphql", "/metrics"])
async def test_every_answer_forbids_sniffing_framing_and_code_from_elsewhere(demo_server: Gateway, path: str) -> None:
    async with httpx2.AsyncClient(base_url=demo_server.url) as client:
        headers = (await client.get(path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in policy
    assert "http" not in policy
    assert "unsafe-eval" not in policy
    assert "access-control-allow-origin" not in headers
    assert "server" not in headers


async def test_what_a_client_writes_into_a_request_does_not_reach_the_log(demo_server: Gateway) -> None:
    marker = "marker-of-the-log-test"
    async with httpx2.AsyncClient(base_url=demo_server.url) as client:
        await client.get(f"/graphql?query={{__typename}}&x={marker}", headers={"user-agent": marker})
        await client.get(f"/livez%0a{marker}")
        await client.get("/livez", headers={"x-request-id": f"{marker} {marker}"})
        await client.post("/graphql", json={"query": f"query Q {{ __typename }} # {marker}", "operationName": marker})
    url = f"ws://127.0.0.1:{demo_server.port}/graphql?token={marker}"
    async with connect(url, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
        await socket.send("{")
        with pytest.raises(ConnectionClosed):
            await socket.recv()
    assert marker not in demo_server.log


async def test_lists_within_lists_are_refused_before_they_are_read(demo_server: Gateway) -> None:
    query = (
        "{ podcasts(first: 1000) { nodes " + "{ episodes(first: 1000) { nodes { podcast " * 3 + "{ id }" + "} } }" * 3
    )
    async with GraphQLClient(demo_server.url, demo_server.api_key) as client:
        answer = await client.answer(query + " } }")
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["RESPONSE_TOO_LARGE"]
