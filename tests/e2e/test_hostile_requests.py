"""What a stranger can do to the running gateway with the form of requests: nothing that shows."""

import asyncio
import re

import httpx2
import msgspec
import pytest
from graphql import get_introspection_query
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

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


CIRCLE = "fields { type { " * 12 + "name" + " } }" * 12
LAUGHS = "{ ...F0 }" + "".join(f" fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(40))
NESTED = '{"variables":' * 400 + "1" + "}" * 400

HOSTILE: dict[str, tuple[str, bytes]] = {
    name: (code, body if isinstance(body, bytes) else msgspec.json.encode({"query": body}))
    for name, (code, body) in {
        "1,000 aliases": ("TOO_MANY_ALIASES", "{ " + " ".join(f"a{n}: __typename" for n in range(1_000)) + " }"),
        "1,000 aliases of few characters": ("TOO_MANY_ALIASES", "{" + ",".join(f"a{n}:n" for n in range(1_000)) + "}"),
        "10,000 tokens": ("TOO_MANY_TOKENS", "{ " + " ".join(f"f{n}" for n in range(10_000)) + " }"),
        "100,000 comments": ("TOO_MANY_TOKENS", "{ __typename }" + "#\n" * 100_000),
        "256 KB of spaces": ("TOO_MANY_TOKENS", "{ __typename }" + " " * 262_144),
        "1,000 directives": ("TOO_MANY_DIRECTIVES", "{ __typename" + " @skip(if: false)" * 1_000 + " }"),
        "100,000 braces": ("TOO_MANY_TOKENS", "{" * 100_000),
        "100,000 nested fields": ("TOO_MANY_TOKENS", "{a" * 100_000),
        "100,000 nested lists": ("TOO_MANY_TOKENS", "{ a(b: " + "[" * 100_000),
        "fields nested as deep as tokens allow": ("DOCUMENT_TOO_DEEP", "{a" * 600 + "}" * 600),
        "lists nested as deep as tokens allow": ("DOCUMENT_TOO_DEEP", "{ a(b: " + "[" * 1_900 + ") }"),
        "a cycle of fragments": (
            "DOCUMENT_TOO_DEEP",
            "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
        ),
        "a fragment of itself, twice": (
            "DOCUMENT_TOO_DEEP",
            "{ ...A } fragment A on Query { viewer { ...A } ...A ...A }",
        ),
        "a billion laughs": ("TOO_MANY_FIELDS", LAUGHS + " fragment F40 on Query { __typename }"),
        "the same field again and again": ("TOO_MANY_FIELDS", "{ " + "viewer { id } " * 490 + "}"),
        "introspection in a circle": ("DOCUMENT_TOO_DEEP", "{ __schema { types { " + CIRCLE + " } } }"),
        "introspection in a smaller circle": (
            "INTROSPECTION_TOO_DEEP",
            "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }",
        ),
        "variables 100,000 deep": (
            "VARIABLES_TOO_LARGE",
            b'{"query":"{__typename}","variables":{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
        ),
        "variables 400 deep": ("VARIABLES_TOO_LARGE", NESTED.encode()),
        "60,000 values": (
            "VARIABLES_TOO_LARGE",
            b'{"query":"{__typename}","variables":{"a":[' + b"1," * 60_000 + b"1]}}",
        ),
        "variables of 900 KB": (
            "VARIABLES_TOO_LARGE",
            b'{"query":"{__typename}","variables":{"a":"' + b"x" * 900_000 + b'"}}',
        ),
        "a batch of 1,000": ("BATCH_TOO_LARGE", msgspec.json.encode([{"query": "{ __typename }"}] * 1_000)),
        "lists within lists": (
            "COST_LIMIT_EXCEEDED",
            "{ podcasts(first: 1000) { nodes { episodes(first: 1000) { nodes { podcast { episodes(first: 1000)"
            " { nodes { id } } } } } } } }",
        ),
    }.items()
}
"""Requests that are refused, by what they are: the code, and the body."""


async def refusal(client: httpx2.AsyncClient, body: bytes) -> str:
    """The code with which a body is refused."""
    answer = await client.post("/graphql", content=body, headers={"content-type": "application/json"})
    return str(answer.json()["errors"][0]["extensions"]["code"])


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_request_is_refused_with_a_code_and_the_next_one_is_served(
    demo_server: Gateway, name: str
) -> None:
    code, body = HOSTILE[name]
    async with httpx2.AsyncClient(base_url=demo_server.url) as client:
        assert await refusal(client, body) == code
        answer = await client.post("/graphql", json={"query": "{ __typename }"})
    assert answer.json()["data"] == {"__typename": "Query"}


@pytest.mark.parametrize("chunked", [False, True])
async def test_body_of_50_megabytes_is_refused_before_it_is_read(demo_server: Gateway, chunked: bool) -> None:
    assert b"413" in await large_body(demo_server.port, chunked=chunked)
    async with httpx2.AsyncClient(base_url=demo_server.url) as client:
        answer = await client.post("/graphql", json={"query": "{ __typename }"})
    assert answer.json()["data"] == {"__typename": "Query"}


async def large_body(port: int, *, chunked: bool) -> bytes:
    """The status line that answers 50 MB of body, of which no more is sent than it takes to be refused."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    if chunked:
        part = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
        writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + part * 17)
    else:
        writer.write(HEAD + b"Content-Length: 52428800\r\n\r\n{")
    async with asyncio.timeout(10):
        status = await reader.readline()
    writer.close()
    return status


async def test_limits_that_were_met_are_counted(demo_server: Gateway) -> None:
    async with httpx2.AsyncClient(base_url=demo_server.url) as client:
        before = limits_met((await client.get("/metrics")).text)
        for name in ("1,000 aliases", "10,000 tokens", "a batch of 1,000"):
            await refusal(client, HOSTILE[name][1])
        after = limits_met((await client.get("/metrics")).text)
    met = {limit: after[limit] - before.get(limit, 0) for limit in ("aliases", "tokens", "batch_items")}
    assert met == {"aliases": 1, "tokens": 1, "batch_items": 1}


def limits_met(metrics: str) -> dict[str, float]:
    found = re.findall(r'^podgraph_structural_limits_total\{limit="(\w+)"\} (\S+)$', metrics, re.MULTILINE)
    return {limit: float(number) for limit, number in found}


async def test_introspection_of_tools_passes_on_the_smallest_plan(demo_server: Gateway) -> None:
    query = get_introspection_query(
        specified_by_url=True,
        directive_is_repeatable=True,
        schema_description=True,
        input_value_deprecation=True,
        one_of=True,
    )
    async with httpx2.AsyncClient(base_url=demo_server.url) as client:
        answer = (await client.post("/graphql", json={"query": query})).json()
    assert "errors" not in answer
    assert answer["data"]["__schema"]["queryType"]["name"] == "Query"
