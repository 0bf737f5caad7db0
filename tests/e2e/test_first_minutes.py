"""What a newcomer does first, and what happens when the process is stopped, killed and started again."""

import asyncio
import re
import signal

import httpx2
import pytest

from tests.e2e.publisher import feed, publishing
from tests.services.client import GraphQLClient
from tests.services.gateway import Gateway

FIRST_QUERY = (
    "{ podcasts(first: 3) { edges { node { title episodes(first: 2) { edges { node { title publishedAt } } } } } } }"
)
IMPORT = (
    "mutation($url: String!) { importFeed(url: $url) { __typename ... on Error { code message }"
    " ... on ImportFeedPayload { createdCount updatedCount podcast { id } } } }"
)


async def test_demo_key_answers_the_readmes_query(demo_server: Gateway) -> None:
    async with GraphQLClient(demo_server.url, demo_server.api_key) as client:
        edges = (await client.data(FIRST_QUERY))["podcasts"]["edges"]
    assert len(edges) == 3
    assert all(len(edge["node"]["episodes"]["edges"]) == 2 for edge in edges)
    assert all(
        episode["node"]["publishedAt"].endswith("Z") for edge in edges for episode in edge["node"]["episodes"]["edges"]
    )


async def test_up_prints_addresses_a_login_and_a_key(demo_server: Gateway) -> None:
    text = demo_server.log
    for shown in (
        demo_server.demo_email,
        demo_server.demo_password,
        demo_server.api_key,
        f":{demo_server.port}/graphiql",
    ):
        assert shown in text
    assert not re.search(r"Traceback|defect", text)


async def test_second_start_keeps_the_data_and_the_login(own_gateway: Gateway) -> None:
    async with GraphQLClient(own_gateway.url, own_gateway.api_key) as client:
        created = await client.done(
            'mutation { createPodcast(input: {title: "Kept"})'
            " { __typename ... on CreatePodcastPayload { podcast { id } } } }"
        )
    key = own_gateway.api_key
    assert own_gateway.stop() in {0, 130, -signal.SIGINT}
    own_gateway.start()
    assert own_gateway.api_key == key
    async with GraphQLClient(own_gateway.url, key) as client:
        found = await client.data("query($id: ID!) { podcast(id: $id) { title } }", id=created["podcast"]["id"])
    assert found == {"podcast": {"title": "Kept"}}


async def test_sigkill_during_an_import_leaves_the_old_feed_or_the_new_one(own_gateway: Gateway) -> None:
    size = 4_000
    with publishing(feed("Old", size)) as publisher:
        async with GraphQLClient(own_gateway.url, own_gateway.api_key) as client:
            podcast = (await client.done(IMPORT, url=publisher.url))["podcast"]["id"]
        other = "New"
        for delay in (0.2, 0.5, 0.8):
            publisher.body = feed(other, size)
            async with GraphQLClient(own_gateway.url, own_gateway.api_key) as client:
                importing = asyncio.create_task(client.data(IMPORT, url=publisher.url))
                await asyncio.sleep(delay)
                own_gateway.kill()
                await asyncio.gather(importing, return_exceptions=True)
            own_gateway.start()
            async with GraphQLClient(own_gateway.url, own_gateway.api_key) as client:
                counts = await client.data(
                    "query($id: ID!) { podcast(id: $id) { title all: episodes { totalCount }"
                    ' old: episodes(filter: {search: "Old"}) { totalCount } } }',
                    id=podcast,
                )
            shown = counts["podcast"]
            assert shown["all"]["totalCount"] == size
            assert shown["old"]["totalCount"] == {"Old": size, "New": 0}[shown["title"]]
            other = {"Old": "New", "New": "Old"}[shown["title"]]
        publisher.body = feed(other, size)
        async with GraphQLClient(own_gateway.url, own_gateway.api_key) as client:
            assert (await client.done(IMPORT, url=publisher.url))["updatedCount"] == size


async def test_sigterm_under_load_answers_what_is_in_flight_and_says_not_ready_first(own_gateway: Gateway) -> None:
    query = (
        "{ campaigns(first: 20) { nodes { lineItems { nodes"
        " { placements { nodes { episode { podcast { title } } } } } } } } }"
    )
    statuses: list[int] = []
    stopping = asyncio.Event()

    async def load() -> None:
        async with httpx2.AsyncClient(base_url=own_gateway.url, timeout=30) as client:
            headers = {"authorization": f"Bearer {own_gateway.api_key}"}
            while not stopping.is_set():
                response = await client.post("/graphql", json={"query": query}, headers=headers)
                assert "errors" not in response.json(), response.text
                statuses.append(response.status_code)

    loads = [asyncio.create_task(load()) for _ in range(8)]
    while not statuses:
        await asyncio.sleep(0.01)
    before = len(statuses)
    own_gateway.signal(signal.SIGTERM)
    async with httpx2.AsyncClient(base_url=own_gateway.url, timeout=10) as probe:
        while (await probe.get("/readyz")).status_code != 503:
            await asyncio.sleep(0.01)
    stopping.set()  # as a load balancer does once a server is not ready
    await asyncio.gather(*loads)
    assert len(statuses) >= before + len(loads)
    assert set(statuses) == {200}
    await asyncio.to_thread(own_gateway.wait)


@pytest.mark.parametrize(
    "path", ["/", "/graphiql", "/schema.graphql", "/metrics", "/livez", "/readyz", "/health", "/readme"]
)
async def test_pages_answer(demo_server: Gateway, path: str) -> None:
    async with httpx2.AsyncClient(base_url=demo_server.url) as client:
        assert (await client.get(path)).status_code == 200
