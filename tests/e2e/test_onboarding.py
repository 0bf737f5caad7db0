"""The first journey: a stranger becomes a customer with a running campaign, over HTTP on a real server."""

import secrets

from tests.e2e.publisher import feed, publishing
from tests.services.client import GraphQLClient
from tests.services.gateway import Gateway


async def test_stranger_registers_and_ends_with_a_campaign_on_a_real_feed(demo_server: Gateway) -> None:
    email, password = f"{secrets.token_hex(6)}@example.com", "correct horse battery staple"
    async with GraphQLClient(demo_server.url) as client:
        stranger = await client.answer("{ viewer { user { email } } podcasts { totalCount } }")
        assert {error["extensions"]["code"] for error in stranger["errors"]} == {"UNAUTHENTICATED"}

        await client.done(
            "mutation($input: RegisterInput!) { register(input: $input) { __typename } }",
            input={"email": email, "name": "Ada Example", "password": password},
        )
        refused = await client.refused(
            "mutation($input: LoginInput!) { login(input: $input) { __typename ... on Error { code } } }",
            input={"email": email, "password": "not the right password"},
        )
        assert refused["code"] == "INVALID_CREDENTIALS"
        signed_in = await client.done(
            "mutation($input: LoginInput!) { login(input: $input)"
            " { __typename ... on LoginPayload { session { accessToken } viewer { user { email } tenant { id } } } } }",
            input={"email": email, "password": password},
        )
        assert signed_in["viewer"] == {"user": {"email": email}, "tenant": None}
        client.sign_in(signed_in["session"]["accessToken"])

        tenant = await client.done(
            'mutation { createTenant(input: {name: "Ada\'s Shows"})'
            " { __typename ... on CreateTenantPayload { tenant { id name } } } }"
        )
        assert tenant["tenant"]["name"] == "Ada's Shows"

        with publishing(feed("The Analytical Engine", 12)) as publisher:
            imported = await client.done(
                "mutation($url: String!) { importFeed(url: $url) { __typename ... on ImportFeedPayload"
                " { createdCount rejectedCount podcast"
                " { id title feedUrl episodes(first: 1) { totalCount nodes { id title } } } } } }",
                url=publisher.url,
            )
        podcast = imported["podcast"]
        assert (imported["createdCount"], imported["rejectedCount"]) == (12, 0)
        assert (podcast["title"], podcast["episodes"]["totalCount"]) == ("The Analytical Engine", 12)

        advertiser = await client.done(
            'mutation { createAdvertiser(input: {name: "Brass & Co"})'
            " { __typename ... on CreateAdvertiserPayload { advertiser { id } } } }"
        )
        campaign = await client.done(
            'mutation($advertiser: ID!) { createCampaign(advertiserId: $advertiser, input: {name: "Launch",'
            ' currency: "GBP", budgetMinor: 5000000})'
            " { __typename ... on CreateCampaignPayload { campaign { id version status } } } }",
            advertiser=advertiser["advertiser"]["id"],
        )
        assert campaign["campaign"]["status"] == "DRAFT"
        line_item = await client.done(
            'mutation($campaign: ID!) { createLineItem(campaignId: $campaign, input: {name: "Mid-rolls", pricing: CPM,'
            " rateMinor: 2500}) { __typename ... on CreateLineItemPayload { lineItem { id } } } }",
            campaign=campaign["campaign"]["id"],
        )
        await client.done(
            "mutation($lineItem: ID!, $episode: ID!) { createPlacement(lineItemId: $lineItem, episodeId: $episode,"
            ' input: {position: MID_ROLL, insertionType: BAKED_IN, readType: HOST_READ, promoCode: "ADA10"})'
            " { __typename ... on CreatePlacementPayload { placement { id } } } }",
            lineItem=line_item["lineItem"]["id"],
            episode=podcast["episodes"]["nodes"][0]["id"],
        )
        current = await client.data("query($id: ID!) { campaign(id: $id) { version } }", id=campaign["campaign"]["id"])
        running = await client.done(
            "mutation($id: ID!, $version: Int!) { activateCampaign(id: $id, version: $version)"
            " { __typename ... on ActivateCampaignPayload { campaign { status budget { amountMinor currency }"
            " placements { nodes { promoCode episode { title podcast { title } } } } } } } }",
            id=campaign["campaign"]["id"],
            version=current["campaign"]["version"],
        )
        placed_on = {"title": podcast["episodes"]["nodes"][0]["title"], "podcast": {"title": "The Analytical Engine"}}
        assert running["campaign"] == {
            "status": "ACTIVE",
            "budget": {"amountMinor": 5000000, "currency": "GBP"},
            "placements": {"nodes": [{"promoCode": "ADA10", "episode": placed_on}]},
        }
