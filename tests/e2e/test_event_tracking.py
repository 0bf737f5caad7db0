"""Events over real HTTP: a full call fits, what is too large is refused before it is read, and a bad event is alone."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx2

from tests.services.client import GraphQLClient
from tests.services.gateway import Gateway

TRACK = """
mutation($events: [EventInput!]!) { trackEvents(events: $events) {
  __typename ... on TrackEventsPayload { accepted duplicate rejected results { index status problems { code path } } }
} }
"""
COUNT = "query($filter: EventFilterInput) { events(filter: $filter) { totalCount } }"


async def some_placement(client: GraphQLClient) -> str:
    found = await client.data("{ campaigns(first: 100) { nodes { placements(first: 1) { nodes { id } } } } }")
    return next(str(node["id"]) for campaign in found["campaigns"]["nodes"] for node in campaign["placements"]["nodes"])


def impression(placement: str, key: str) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    values = {"occurredAt": now, "ipAddress": "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "placementId": placement}
    return {"key": key.ljust(100, "-"), "type": "CLIENT_CONFIRMED", **values}


async def test_a_thousand_events_of_full_length_fit_in_a_call_and_are_stored_once(demo_server: Gateway) -> None:
    async with GraphQLClient(demo_server.url, demo_server.api_key) as client:
        placement = await some_placement(client)
        events = [impression(placement, f"full {number}") for number in range(1_000)]
        events[500] = {**events[500], "occurredAt": "2099-01-01T00:00:00Z"}
        before = await count(client, placement)
        first = await client.done(TRACK, events=events)
        assert (first["accepted"], first["duplicate"], first["rejected"]) == (999, 0, 1)
        assert first["results"][500] == {
            "index": 500,
            "status": "REJECTED",
            "problems": [{"code": "TIMESTAMP_IN_FUTURE", "path": ["events", "500", "occurredAt"]}],
        }
        again = await client.done(TRACK, events=events)
        assert (again["accepted"], again["duplicate"], again["rejected"]) == (0, 999, 1)
        assert await count(client, placement) == before + 999


async def count(client: GraphQLClient, placement: str) -> int:
    found = await client.data(COUNT, filter={"placementIds": [placement], "types": ["CLIENT_CONFIRMED"]})
    return int(found["events"]["totalCount"])


async def test_ten_megabytes_are_refused_before_they_are_sent(demo_server: Gateway) -> None:
    head = (
        f"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1:{demo_server.port}\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {demo_server.api_key}\r\nContent-Length: 10000000\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", demo_server.port)
    async with asyncio.timeout(10):
        writer.write(head.encode())
        answer = (await reader.readuntil(b"}]}")).decode()
    writer.close()
    assert answer.startswith("HTTP/1.1 413 ")
    assert '"REQUEST_TOO_LARGE"' in answer


async def test_text_of_700_000_characters_is_that_events_problem(demo_server: Gateway) -> None:
    async with GraphQLClient(demo_server.url, demo_server.api_key) as client:
        placement = await some_placement(client)
        events = [{**impression(placement, "long"), "key": "x" * 700_000}, impression(placement, "beside it")]
        tracked = await client.done(TRACK, events=events)
    assert (tracked["accepted"], tracked["rejected"]) == (1, 1)
    assert tracked["results"][0]["problems"] == [{"code": "TEXT_TOO_LONG", "path": ["events", "0", "key"]}]


async def test_events_are_measured(demo_server: Gateway) -> None:
    async with GraphQLClient(demo_server.url, demo_server.api_key) as client:
        await client.done(TRACK, events=[{"type": "no type of ours"}])
    async with httpx2.AsyncClient(base_url=demo_server.url) as http:
        page = (await http.get("/metrics")).text
    assert 'podgraph_events_total{status="REJECTED",type="other"}' in page
    assert "podgraph_event_batch_seconds_count" in page


async def test_demo_has_something_to_show_of_every_kind(demo_server: Gateway) -> None:
    async with GraphQLClient(demo_server.url, demo_server.api_key) as client:
        for kind in ("AD_DELIVERED", "CLIENT_CONFIRMED", "VISIT", "PURCHASE", "LEAD", "SIGNUP", "INSTALL"):
            found = await client.data(COUNT, filter={"types": [kind]})
            assert found["events"]["totalCount"] > 0, kind
