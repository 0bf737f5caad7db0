"""graphql-transport-ws over a real socket."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import msgspec
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from gateway.http.frames import Pace
from gateway.http.limits import HttpLimits
from tests.gateway.edge import Edge, client_of, uncosted, until

PROTOCOL = Subprotocol("graphql-transport-ws")


class Socket:
    """A client that speaks in messages."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, **message: object) -> None:
        await self.connection.send(msgspec.json.encode(message).decode())

    async def receive(self) -> Any:
        async with asyncio.timeout(5):
            return uncosted(msgspec.json.decode(await self.connection.recv()))

    async def subscribe(self, identity: str, query: str, **variables: object) -> None:
        await self.send(type="subscribe", id=identity, payload={"query": query, "variables": variables})

    async def close_code(self) -> tuple[int | None, str | None]:
        """Code and reason of the server's close, after whatever it still sends."""
        async with asyncio.timeout(5):
            while True:
                try:
                    await self.connection.recv()
                except ConnectionClosed:
                    return self.connection.close_code, self.connection.close_reason


@asynccontextmanager
async def opened(edge: Edge, **options: Any) -> AsyncGenerator[Socket, None]:
    options.setdefault("subprotocols", [PROTOCOL])
    async with connect(f"ws://{edge.base}/", **options) as connection:
        yield Socket(connection)


@asynccontextmanager
async def acknowledged(edge: Edge, **payload: object) -> AsyncGenerator[Socket, None]:
    async with opened(edge) as socket:
        await socket.send(type="connection_init", payload=payload)
        assert await socket.receive() == {"type": "connection_ack"}
        yield socket


@pytest.fixture(autouse=True)
async def _running(edge: Edge, client: httpx2.AsyncClient) -> None:
    """The server of `client` runs for every test here."""


async def test_subscription_sends_next_and_complete(edge: Edge) -> None:
    async with acknowledged(edge) as socket:
        await socket.subscribe("a", "subscription ($n: Int!) { count(to: $n) }", n=2)
        assert [await socket.receive() for _ in range(3)] == [
            {"type": "next", "id": "a", "payload": {"data": {"count": 1}}},
            {"type": "next", "id": "a", "payload": {"data": {"count": 2}}},
            {"type": "complete", "id": "a"},
        ]


async def test_queries_and_mutations_run_each_in_a_context_of_its_own(edge: Edge) -> None:
    async with acknowledged(edge) as socket:
        answers = []
        for identity in ("a", "b"):
            await socket.subscribe(identity, "{ contextNumber }")
            answers.append((await socket.receive())["payload"]["data"]["contextNumber"])
            assert await socket.receive() == {"type": "complete", "id": identity}
        await socket.subscribe("c", "mutation { double(value: 2) }")
        assert (await socket.receive())["payload"] == {"data": {"double": 4}}
    assert answers == [1, 2]


async def test_init_payload_authenticates_operations(edge: Edge) -> None:
    async with acknowledged(edge, authorization="Bearer ada") as socket:
        await socket.subscribe("a", "{ viewer }")
        assert (await socket.receive())["payload"] == {"data": {"viewer": "ada"}}


async def test_events_share_no_loaded_data(edge: Edge) -> None:
    async with acknowledged(edge) as socket:
        await socket.subscribe("a", "subscription { loads { before } }")
        payloads = [(await socket.receive())["payload"] for _ in range(2)]
    assert payloads == [{"data": {"loads": {"before": []}}}] * 2


async def test_faulty_operation_gets_an_error_message_and_the_connection_lives(edge: Edge) -> None:
    async with acknowledged(edge) as socket:
        await socket.subscribe("a", "{")
        error = await socket.receive()
        await socket.subscribe("a", "{ hello }")
        answer = await socket.receive()
    assert (error["type"], error["id"]) == ("error", "a")
    assert error["payload"][0]["extensions"] == {"code": "GRAPHQL_PARSE_FAILED"}
    assert answer["payload"] == {"data": {"hello": "hello world"}}


async def test_source_that_does_not_open_gets_an_error_message(edge: Edge) -> None:
    async with acknowledged(edge) as socket:
        await socket.subscribe("a", "subscription { denied }")
        error = await socket.receive()
    assert error["type"] == "error"
    assert error["payload"][0]["extensions"] == {"code": "FORBIDDEN"}


async def test_credentials_that_expire_fail_the_next_operation_only(edge: Edge) -> None:
    async with acknowledged(edge, authorization="Bearer ada") as socket:
        edge.bench.expired.add("ada")
        await socket.subscribe("a", "{ viewer }")
        error = await socket.receive()
        edge.bench.expired.clear()
        await socket.subscribe("a", "{ viewer }")
        answer = await socket.receive()
    assert error["payload"][0]["extensions"] == {"code": "UNAUTHENTICATED"}
    assert answer["payload"] == {"data": {"viewer": "ada"}}


async def test_defects_are_masked_in_every_payload(edge: Edge) -> None:
    async with acknowledged(edge) as socket:
        await socket.subscribe("a", "subscription { breaks }")
        messages = [await socket.receive() for _ in range(3)]
        await socket.subscribe("b", "{ surrogate }")
        messages.append(await socket.receive())
        assert await socket.receive() == {"type": "complete", "id": "b"}
        await socket.subscribe("c", "subscription { badEvent { value } }")
        messages.append(await socket.receive())
    assert messages[0]["payload"] == {"data": {"breaks": 1}}
    assert messages[2] == {"type": "complete", "id": "a"}
    for message in (messages[1], messages[3], messages[4]):
        assert message["payload"]["errors"][0]["message"] == "Internal server error"
    assert len({entry["error_id"] for entry in edge.logs.entries}) == 3


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("nonsense", 4400),
        ("[]", 4400),
        ("null", 4400),
        ("{}", 4400),
        ('{"type":1}', 4400),
        ('{"type":"shout"}', 4400),
        ('{"type":"subscribe"}', 4400),
        ('{"type":"subscribe","id":[],"payload":{"query":"{hello}"}}', 4400),
        ('{"type":"subscribe","id":"","payload":{"query":"{hello}"}}', 4400),
        ('{"type":"subscribe","id":"a","payload":[]}', 4400),
        ('{"type":"subscribe","id":"a","payload":{"query":1}}', 4400),
        ('{"type":"subscribe","id":"a","payload":{"query":"{hello}","variables":[]}}', 4400),
        ('{"type":"complete"}', 4400),
        ('{"type":"connection_init","payload":[]}', 4400),
        ('{"type":"subscribe","id":"a","payload":{"query":"\\u0000"}}', 4400),
        ("[" * 5_000, 4400),
        (b"\x00\x01", 4400),
        ('{"type":"subscribe","id":"a","payload":{"query":"{ hello }"}}', 4401),
    ],
)
async def test_bad_frame_closes_with_its_code(edge: Edge, frame: str | bytes, code: int) -> None:
    async with opened(edge) as socket:
        await socket.connection.send(frame)
        assert (await socket.close_code())[0] == code
    assert edge.logs.entries == []


async def test_second_init_is_4429(edge: Edge) -> None:
    async with acknowledged(edge) as socket:
        await socket.send(type="connection_init")
        assert (await socket.close_code())[0] == 4429


async def test_id_in_use_is_4409_and_free_again_after_complete(edge: Edge) -> None:
    async with acknowledged(edge) as socket:
        await socket.subscribe("a", "subscription { queued }")
        await edge.bench.entered.wait()
        await socket.send(type="complete", id="a")
        await socket.subscribe("a", "subscription { queued }")
        await socket.subscribe("a", "subscription { queued }")
        assert (await socket.close_code())[0] == 4409


async def test_no_init_in_time_is_4408() -> None:
    edge = Edge(http=HttpLimits(websocket_init_seconds=0.02))
    async with client_of(edge), opened(edge) as socket:
        assert (await socket.close_code())[0] == 4408


async def test_refused_credentials_are_4403(edge: Edge) -> None:
    async with opened(edge) as socket:
        await socket.send(type="connection_init", payload={"authorization": "Bearer bad"})
        assert await socket.close_code() == (4403, "Forbidden")


async def test_defect_while_authenticating_is_4500_and_logged(edge: Edge) -> None:
    async with opened(edge) as socket:
        await socket.send(type="connection_init", payload={"authorization": "Bearer boom"})
        assert await socket.close_code() == (4500, "Internal server error")
    assert len(edge.logs.entries) == 1


async def test_other_subprotocols_are_4406(edge: Edge) -> None:
    async with opened(edge, subprotocols=None) as socket:
        assert (await socket.close_code())[0] == 4406


async def test_operations_on_one_connection_are_bounded() -> None:
    edge = Edge(http=HttpLimits(websocket_operations=2))
    async with client_of(edge), acknowledged(edge) as socket:
        for identity in ("a", "b", "c"):
            await socket.subscribe(identity, "subscription { queued }")
        refused = await socket.receive()
    assert (refused["type"], refused["id"]) == ("error", "c")
    assert refused["payload"][0]["extensions"] == {"code": "TOO_MANY_OPERATIONS"}


async def test_oversized_message_is_1009() -> None:
    edge = Edge(http=HttpLimits(websocket_message_bytes=1_000))
    async with client_of(edge), acknowledged(edge) as socket:
        await socket.subscribe("a", "{ hello }" + " " * 1_000)
        assert (await socket.close_code())[0] == 1009


async def test_complete_from_the_client_stops_the_source(edge: Edge) -> None:
    async with acknowledged(edge) as socket:
        await socket.subscribe("a", "subscription { queued }")
        await edge.bench.entered.wait()
        await socket.send(type="complete", id="a")
        await socket.send(type="ping")
        assert await socket.receive() == {"type": "pong"}
        await until(lambda: edge.bench.closed_sources == 1)


async def test_client_that_leaves_stops_its_sources(edge: Edge) -> None:
    async with acknowledged(edge) as socket:
        await socket.subscribe("a", "subscription { queued }")
        await edge.bench.entered.wait()
    await until(lambda: edge.drain.streams == 0)
    assert edge.bench.closed_sources == 1
    assert edge.count("podgraph_subscriptions_open") == 0


async def test_draining_server_answers_queries_in_flight_then_says_1001(edge: Edge) -> None:
    async with acknowledged(edge) as socket:
        await socket.subscribe("stream", "subscription { queued }")
        await socket.subscribe("query", "{ gated }")
        await until(lambda: edge.bench.running == 1)
        edge.drain.close()
        edge.bench.gate.set()
        assert (await socket.receive())["payload"] == {"data": {"gated": "passed"}}
        assert await socket.close_code() == (1001, "Going away")
    assert edge.bench.closed_sources == 1


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
async def test_pages_of_other_origins_cannot_connect(edge: Edge, origin: str) -> None:
    with pytest.raises(InvalidStatus, match="HTTP 403"):
        async with opened(edge, origin=Origin(origin)):
            pass


async def test_pages_of_allowed_origins_may_connect() -> None:
    edge = Edge(http=HttpLimits(websocket_origins=frozenset({"https://friend.example"})))
    async with client_of(edge), opened(edge, origin=Origin("https://friend.example")) as socket:
        await socket.send(type="connection_init")
        assert await socket.receive() == {"type": "connection_ack"}


async def test_own_origin_may_connect(edge: Edge) -> None:
    async with opened(edge, origin=Origin(f"http://{edge.base}")) as socket:
        await socket.send(type="connection_init")
        assert await socket.receive() == {"type": "connection_ack"}


async def test_idle_connection_is_closed_once_its_credentials_are_good_no_more() -> None:
    edge = Edge(http=HttpLimits(access_check_seconds=0.02))
    async with client_of(edge), acknowledged(edge, authorization="Bearer ada") as socket:
        await socket.subscribe("1", "subscription { queued }")
        await edge.bench.entered.wait()
        edge.bench.expired.add("ada")
        assert await socket.close_code() == (4403, "Forbidden")
        await until(lambda: edge.bench.closed_sources == 1)


async def test_idle_connection_with_good_credentials_stays() -> None:
    edge = Edge(http=HttpLimits(access_check_seconds=0.02))
    async with client_of(edge), acknowledged(edge, authorization="Bearer ada") as socket:
        await until(lambda: len(edge.bench.contexts) >= 4)
        await socket.subscribe("1", "{ viewer }")
        assert (await socket.receive())["payload"] == {"data": {"viewer": "ada"}}


async def test_messages_beyond_the_rate_wait_their_turn() -> None:
    pace, loop = Pace(rate=100), asyncio.get_running_loop()
    began = loop.time()
    for _ in range(100):
        await pace.turn()
    at_once = loop.time() - began
    for _ in range(20):
        await pace.turn()
    assert at_once < 0.2 <= loop.time() - began


async def test_flood_of_messages_is_answered_at_the_rate_and_stays_open() -> None:
    edge = Edge(http=HttpLimits(websocket_messages_per_second=100))
    async with client_of(edge), acknowledged(edge) as socket:
        began = asyncio.get_running_loop().time()
        for _ in range(130):
            await socket.send(type="ping")
        for _ in range(130):
            assert await socket.receive() == {"type": "pong"}
        assert asyncio.get_running_loop().time() - began >= 0.25
