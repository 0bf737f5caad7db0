"""Apollo's automatic persisted queries over every transport, and ids of registered documents."""

import hashlib
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import msgspec
import pytest
from prometheus_client import CollectorRegistry
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from cache.redis import open_redis
from gateway.documents.persisted import PersistedLimits, PersistedQueries
from gateway.documents.source import DocumentSource
from gateway.settings import TrustedDocuments
from ops.telemetry.metrics import ClientMetrics, PersistedMetrics
from tests.gateway.edge import Edge, client_of, json_of

TEXT = "query Greeting($n: String) { hello(name: $n) }"
REGISTERED = '{ hello(name: "registered") }'
NOT_FOUND = {"errors": [{"message": "PersistedQueryNotFound", "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND"}}]}
GREETING = {"data": {"hello": "hello you"}}


class OneRegistered:
    """REGISTERED is registered as `one`."""

    async def by_id(self, given: str) -> str | None:
        return REGISTERED if given == "one" else None

    async def has(self, digest: str) -> bool:
        return digest == hashlib.sha256(REGISTERED.encode()).hexdigest()


def hashed(text: str) -> dict[str, Any]:
    return {"persistedQuery": {"version": 1, "sha256Hash": hashlib.sha256(text.encode()).hexdigest()}}


BY_HASH = {"variables": {"n": "you"}, "extensions": hashed(TEXT)}
BY_BOTH = {"query": TEXT, **BY_HASH}


def source(trusted: TrustedDocuments = TrustedDocuments.OFF) -> DocumentSource:
    registry = CollectorRegistry()
    persisted = PersistedQueries(
        open_redis(None), PersistedLimits(kept_seconds=60), PersistedMetrics(registry), lambda: 0.0
    )
    return DocumentSource(OneRegistered(), persisted, trusted, ClientMetrics(registry))


@pytest.fixture
async def edge() -> Edge:
    return Edge(source=source())


@pytest.fixture
async def client(edge: Edge) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(edge) as client:
        yield client


def body(response: httpx2.Response) -> Any:
    """The payload without what it cost."""
    payload = json_of(response)
    assert isinstance(payload, dict)
    return {name: value for name, value in payload.items() if name != "extensions"}


async def test_post_sends_the_text_once(client: httpx2.AsyncClient) -> None:
    assert json_of(await client.post("/", json=BY_HASH)) == NOT_FOUND
    assert body(await client.post("/", json=BY_BOTH)) == GREETING
    assert body(await client.post("/", json=BY_HASH)) == GREETING


async def test_get_sends_the_hash_alone(client: httpx2.AsyncClient) -> None:
    parameters = {
        "variables": msgspec.json.encode({"n": "you"}).decode(),
        "extensions": msgspec.json.encode(hashed(TEXT)).decode(),
    }
    assert json_of(await client.get("/", params=parameters)) == NOT_FOUND
    assert body(await client.get("/", params={**parameters, "query": TEXT})) == GREETING
    assert body(await client.get("/", params=parameters)) == GREETING


async def test_batch_mixes_hashes_and_texts(client: httpx2.AsyncClient) -> None:
    await client.post("/", json=BY_BOTH)
    answers = json_of(
        await client.post("/", json=[BY_HASH, {"extensions": hashed("{ other }")}, {"documentId": "one"}])
    )
    assert isinstance(answers, list)
    assert [answer.get("data") for answer in answers] == [{"hello": "hello you"}, None, {"hello": "hello registered"}]
    assert answers[1] == NOT_FOUND


async def test_websocket_sends_the_hash_alone(edge: Edge, client: httpx2.AsyncClient) -> None:
    async with connect(f"ws://{edge.base}/", subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
        await socket.send('{"type": "connection_init"}')
        await socket.recv()
        answers = []
        for number, payload in enumerate((BY_HASH, BY_BOTH, BY_HASH)):
            message = {"type": "subscribe", "id": str(number), "payload": payload}
            await socket.send(msgspec.json.encode(message).decode())
            answer = msgspec.json.decode(await socket.recv())
            answers.append(answer)
            if answer["type"] == "next":
                await socket.recv()
    assert answers[0] == {"type": "error", "id": "0", "payload": NOT_FOUND["errors"]}
    assert [answer["payload"]["data"] for answer in answers[1:]] == [GREETING["data"]] * 2


@pytest.mark.parametrize("text", ["{ hello", "{ nothing }"])
async def test_text_that_is_not_valid_is_not_kept(client: httpx2.AsyncClient, text: str) -> None:
    await client.post("/", json={"query": text, "extensions": hashed(text)})
    assert json_of(await client.post("/", json={"extensions": hashed(text)})) == NOT_FOUND


async def test_persisted_mutation_is_not_sent_by_get(client: httpx2.AsyncClient) -> None:
    text = "mutation { double(value: 2) }"
    assert body(await client.post("/", json={"query": text, "extensions": hashed(text)})) == {"data": {"double": 4}}
    extensions = msgspec.json.encode(hashed(text)).decode()
    assert (await client.get("/", params={"extensions": extensions})).status_code == 405


async def test_status_says_what_is_at_fault() -> None:
    headers = {"accept": "application/graphql-response+json"}
    async with client_of(Edge(source=source(TrustedDocuments.REQUIRED))) as client:
        answers = [
            await client.post("/", json=asked, headers=headers)
            for asked in ({"query": TEXT}, {"query": REGISTERED}, {"documentId": "one"}, {"documentId": "two"}, BY_HASH)
        ]
    assert [answer.status_code for answer in answers] == [403, 200, 200, 400, 400]
    assert "podgraph documents register" in body(answers[0])["errors"][0]["message"]


async def test_registered_document_is_priced_as_any_other(client: httpx2.AsyncClient) -> None:
    answers = [(await client.post("/", json=asked)).json() for asked in ({"documentId": "one"}, {"query": REGISTERED})]
    costs = [answer["extensions"]["cost"]["requestedQueryCost"] for answer in answers]
    assert costs[0] == costs[1] > 0


@pytest.mark.parametrize(
    ("extensions", "headers", "name"),
    [
        (
            {"clientLibrary": {"name": "@apollo/client", "version": "4"}},
            {"authorization": "Bearer me"},
            "@apollo/client",
        ),
        ({}, {"authorization": "Bearer me"}, "unknown"),
    ],
)
async def test_client_is_counted_by_its_name(
    edge: Edge, client: httpx2.AsyncClient, extensions: dict[str, Any], headers: dict[str, str], name: str
) -> None:
    await client.post("/", json={"query": "query Q { hello }", "extensions": extensions}, headers=headers)
    assert edge.usage.operations == [("Q", name)]


@pytest.mark.parametrize("limit", ["tokens", "aliases", "directives", "depth", "introspection_depth", "variables"])
async def test_structural_limit_is_counted(edge: Edge, client: httpx2.AsyncClient, limit: str) -> None:
    bodies: dict[str, Any] = {
        "tokens": {"query": "{ " + "hello " * 5_000 + "}"},
        "aliases": {"query": "{ " + " ".join(f"a{n}: hello" for n in range(200)) + " }"},
        "directives": {"query": "{ hello" + " @skip(if: false)" * 60 + " }"},
        "depth": {"query": "{ node " + "{ child " * 30 + "{ name }" + "}" * 31},
        "introspection_depth": {
            "query": "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }"
        },
        "variables": {"query": "{ hello }", "variables": {"a": "x" * 800_000}},
    }
    await client.post("/", json=bodies[limit])
    assert edge.count("podgraph_structural_limits_total", limit=limit) == 1


async def test_body_and_batch_that_are_too_large_are_counted(edge: Edge, client: httpx2.AsyncClient) -> None:
    await client.post("/", content=b" " * 2_000_000, headers={"content-type": "application/json"})
    await client.post("/", json=[{"query": "{ hello }"}] * 21)
    assert edge.count("podgraph_structural_limits_total", limit="body_bytes") == 1
    assert edge.count("podgraph_structural_limits_total", limit="batch_items") == 1
