"""The second journey: running a campaign for weeks, with a colleague, a partner's key and a live screen."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import websockets
from websockets.typing import Subprotocol

from tests.services.client import GraphQLClient
from tests.services.gateway import Gateway

LOGIN = (
    "mutation($input: LoginInput!) { login(input: $input)"
    " { __typename ... on LoginPayload { session { accessToken } } } }"
)
UPDATE = (
    "mutation($id: ID!, $version: Int!, $input: UpdateCampaignInput!) { updateCampaign(id: $id, version: $version,"
    " input: $input) { __typename ... on UpdateCampaignPayload { campaign { name version } }"
    " ... on Error { code message path } } }"
)


def move(name: str) -> str:
    payload = f"{name[0].upper()}{name[1:]}Payload"
    return (
        f"mutation($id: ID!, $version: Int!) {{ {name}(id: $id, version: $version)"
        f" {{ __typename ... on {payload} {{ campaign {{ status version }} }} ... on Error {{ code message }} }} }}"
    )


@asynccontextmanager
async def signed_in(server: Gateway) -> AsyncIterator[GraphQLClient]:
    async with GraphQLClient(server.url) as client:
        session = await client.done(LOGIN, input={"email": server.demo_email, "password": server.demo_password})
        client.sign_in(session["session"]["accessToken"])
        yield client


@asynccontextmanager
async def live(
    server: Gateway, token: str, query: str, **variables: Any
) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
    """The events of a subscription over graphql-transport-ws."""
    url = server.url.replace("http", "ws") + "/graphql"
    async with websockets.connect(url, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
        await socket.send(
            msgspec.json.encode({"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}}).decode()
        )
        assert msgspec.json.decode(await socket.recv())["type"] == "connection_ack"
        subscribe = {"id": "1", "type": "subscribe", "payload": {"query": query, "variables": variables}}
        await socket.send(msgspec.json.encode(subscribe).decode())
        await socket.send('{"type": "ping"}')
        assert msgspec.json.decode(await socket.recv())["type"] == "pong"

        async def events() -> AsyncIterator[dict[str, Any]]:
            while True:
                async with asyncio.timeout(10):
                    message = msgspec.json.decode(await socket.recv())
                assert message["type"] == "next", message
                yield message["payload"]["data"]

        yield events()


async def new_campaign(client: GraphQLClient) -> str:
    advertiser = await client.done(
        "mutation($name: String!) { createAdvertiser(input: {name: $name})"
        " { __typename ... on CreateAdvertiserPayload { advertiser { id } } } }",
        name=f"Advertiser {secrets.token_hex(4)}",
    )
    campaign = await client.done(
        "mutation($advertiser: ID!) { createCampaign(advertiserId: $advertiser,"
        ' input: {name: "Spring", currency: "EUR"})'
        " { __typename ... on CreateCampaignPayload { campaign { id } } } }",
        advertiser=advertiser["advertiser"]["id"],
    )
    await client.done(
        'mutation($id: ID!) { createLineItem(campaignId: $id, input: {name: "Reads", pricing: FLAT, rateMinor: 100})'
        " { __typename ... on CreateLineItemPayload { lineItem { id } } } }",
        id=campaign["campaign"]["id"],
    )
    return str(campaign["campaign"]["id"])


async def version_of(client: GraphQLClient, campaign: str) -> int:
    return int(
        (await client.data("query($id: ID!) { campaign(id: $id) { version } }", id=campaign))["campaign"]["version"]
    )


async def test_campaign_goes_through_its_life_and_refuses_detours(demo_server: Gateway) -> None:
    async with signed_in(demo_server) as client:
        campaign = await new_campaign(client)
        version = await version_of(client, campaign)
        refused = await client.refused(move("pauseCampaign"), id=campaign, version=version)
        assert refused["code"] == "ILLEGAL_TRANSITION"
        for name, status in [
            ("activateCampaign", "ACTIVE"),
            ("pauseCampaign", "PAUSED"),
            ("activateCampaign", "ACTIVE"),
            ("completeCampaign", "COMPLETED"),
            ("archiveCampaign", "ARCHIVED"),
        ]:
            moved = await client.done(move(name), id=campaign, version=version)
            assert moved["campaign"]["status"] == status
            version = moved["campaign"]["version"]
        refused = await client.refused(move("activateCampaign"), id=campaign, version=version)
        assert refused["code"] == "ILLEGAL_TRANSITION"
        found = await client.data(
            '{ listed: campaigns(filter: {search: "Spring"}) { nodes { id } }'
            ' archived: campaigns(filter: {search: "Spring", statuses: [ARCHIVED]}) { nodes { id } } }'
        )
        assert campaign not in [node["id"] for node in found["listed"]["nodes"]]
        assert campaign in [node["id"] for node in found["archived"]["nodes"]]


async def test_two_people_who_edit_at_once_do_not_overwrite_each_other(demo_server: Gateway) -> None:
    async with signed_in(demo_server) as one, signed_in(demo_server) as other:
        campaign = await new_campaign(one)
        version = await version_of(one, campaign)
        answers = await asyncio.gather(
            one.data(UPDATE, id=campaign, version=version, input={"name": "One's"}),
            other.data(UPDATE, id=campaign, version=version, input={"name": "Other's"}),
        )
        outcomes = sorted(answer["updateCampaign"]["__typename"] for answer in answers)
        assert outcomes == ["ConflictError", "UpdateCampaignPayload"]
        [won] = [a["updateCampaign"]["campaign"] for a in answers if "campaign" in a["updateCampaign"]]
        current = await one.data("query($id: ID!) { campaign(id: $id) { name version } }", id=campaign)
        assert current["campaign"] == won


async def test_open_screen_sees_each_change_as_it_is(demo_server: Gateway) -> None:
    async with signed_in(demo_server) as client:
        campaign = await new_campaign(client)
        version = await version_of(client, campaign)
        watch = (
            "subscription($id: ID!) { campaignUpdated(campaignId: $id)"
            " { campaign { name version lineItems { totalCount nodes { name } } } } }"
        )
        async with live(demo_server, demo_server.api_key, watch, id=campaign) as events:
            await asyncio.sleep(0.3)  # the subscription is open once the server has looked at it; nothing says so
            await client.done(UPDATE, id=campaign, version=version, input={"name": "First"})
            assert (await anext(events))["campaignUpdated"]["campaign"]["name"] == "First"
            await client.done(UPDATE, id=campaign, version=version + 1, input={"name": "Second"})
            assert (await anext(events))["campaignUpdated"]["campaign"] == {
                "name": "Second",
                "version": version + 2,
                "lineItems": {"totalCount": 1, "nodes": [{"name": "Reads"}]},
            }
            await client.done(
                "mutation($id: ID!) { createLineItem(campaignId: $id,"
                ' input: {name: "More", pricing: CPA, rateMinor: 5})'
                " { __typename ... on CreateLineItemPayload { lineItem { id } } } }",
                id=campaign,
            )
            assert (await anext(events))["campaignUpdated"]["campaign"]["lineItems"]["totalCount"] == 2


async def test_partners_key_reads_but_cannot_write_and_ends_when_revoked(demo_server: Gateway) -> None:
    async with signed_in(demo_server) as client:
        made = await client.done(
            'mutation { createApiKey(input: {name: "Partner", scopes: [READ]})'
            " { __typename ... on CreateApiKeyPayload { apiKey { id } secret } } }"
        )
        async with GraphQLClient(demo_server.url, made["secret"]) as partner:
            assert (await partner.data("{ campaigns { totalCount } }"))["campaigns"]["totalCount"] >= 50
            denied = await partner.refused(
                'mutation { createPodcast(input: {title: "Mine now"}) { __typename ... on Error { code } } }'
            )
            assert denied["code"] == "FORBIDDEN"
            await client.done(
                "mutation($id: ID!) { revokeApiKey(id: $id)"
                " { __typename ... on RevokeApiKeyPayload { apiKey { id } } } }",
                id=made["apiKey"]["id"],
            )
            response = await partner._http.post("/graphql", json={"query": "{ campaigns { totalCount } }"})
            assert response.status_code == 401
            assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_every_page_of_a_long_list_is_reached(demo_server: Gateway) -> None:
    async with GraphQLClient(demo_server.url, demo_server.api_key) as partner:
        seen: list[str] = []
        after = None
        while True:
            page = await partner.data(
                "query($after: String) { campaigns(first: 7, after: $after, orderBy: {field: NAME})"
                " { totalCount nodes { id } pageInfo { hasNextPage endCursor } } }",
                after=after,
            )
            seen += [node["id"] for node in page["campaigns"]["nodes"]]
            after = page["campaigns"]["pageInfo"]["endCursor"]
            if not page["campaigns"]["pageInfo"]["hasNextPage"]:
                break
        assert len(seen) == len(set(seen)) == page["campaigns"]["totalCount"]
