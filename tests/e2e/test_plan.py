"""A plan that is chosen is the one that the next request is charged on, over HTTP on a real server."""

import secrets
from typing import Any

from tests.services.client import GraphQLClient
from tests.services.gateway import Gateway

PLAN = "{ billingSubscription { plan { name } budget { maximumAvailable currentlyAvailable restoreRate } } }"


async def cost(client: GraphQLClient) -> dict[str, Any]:
    return dict[str, Any]((await client.answer("{ viewer { role } }"))["extensions"]["cost"])


async def test_chosen_plan_and_a_keys_own_budget_count_from_the_next_request(demo_server: Gateway) -> None:
    async with GraphQLClient(demo_server.url) as client:
        registered = await client.done(
            "mutation($input: RegisterInput!) { register(input: $input)"
            " { __typename ... on RegisterPayload { session { accessToken } } } }",
            input={
                "email": f"{secrets.token_hex(6)}@example.com",
                "name": "Ada Example",
                "password": "correct horse battery staple",
            },
        )
        client.sign_in(registered["session"]["accessToken"])
        await client.done('mutation { createTenant(input: {name: "Ada\'s"}) { __typename } }')
        free = await cost(client)
        assert (free["maximumQueryCost"], free["throttleStatus"]["maximumAvailable"]) == (50_000, 50_000)

        await client.done("mutation { changePlan(plan: TEAM, version: 0) { __typename } }")
        team = await cost(client)
        assert team["maximumQueryCost"] == 100_000
        assert (team["throttleStatus"]["maximumAvailable"], team["throttleStatus"]["restoreRate"]) == (200_000, 2_000)
        assert "apiKeyThrottleStatus" not in team

        shown = (await client.data(PLAN))["billingSubscription"]
        assert (shown["plan"]["name"], shown["budget"]["maximumAvailable"]) == ("TEAM", 200_000)
        assert 0 < shown["budget"]["currentlyAvailable"] < 200_000

        made = await client.done(
            'mutation { createApiKey(input: {name: "Report", scopes: [READ], budget: {capacity: 1000, restoreRate: 1}})'
            " { __typename ... on CreateApiKeyPayload { secret } } }"
        )
    async with GraphQLClient(demo_server.url, made["secret"]) as key:
        by_key = await cost(key)
        assert (by_key["maximumQueryCost"], by_key["apiKeyThrottleStatus"]["maximumAvailable"]) == (1000, 1000)
        assert by_key["throttleStatus"]["maximumAvailable"] == 200_000
        assert (await key.data(PLAN))["billingSubscription"]["budget"]["maximumAvailable"] == 200_000
