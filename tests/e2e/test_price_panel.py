"""The price of a query in GraphiQL: as one types, against the plan, and after a run."""

import re
from typing import Any

from playwright.async_api import Page, expect

from tests.e2e.test_graphiql import SLOW, Browser, browser, chromium, run, signed_in  # noqa: F401 - two are fixtures
from tests.services.gateway import Gateway

DEAR = """query Dear { campaigns(first: 100) { edges { node { lineItems(first: 100) { edges { node {
  placements(first: 100) { edges { node { id } } } } } } } } } }""".replace("\n", " ")
CHEAP = "query Cheap { campaigns(first: 2) { edges { node { id name } } } }"
WATCH = "subscription Watch { campaignUpdated { campaign { id } } }"


async def asked_cost(page: Page, server: Gateway, query: str) -> Any:
    """What the gateway itself says that a query costs."""
    headers = {"Authorization": f"Bearer {server.api_key}", "Accept": "application/json", "GraphQL-Cost": "validate"}
    answer = await (await page.request.post(f"{server.url}/graphql", data={"query": query}, headers=headers)).json()
    return answer["extensions"]["cost"]


async def write(page: Page, query: str) -> None:
    await page.locator(".graphiql-query-editor .view-lines").click()
    await page.keyboard.press("Control+a")
    await page.keyboard.insert_text(query)


async def test_price_follows_the_text_and_the_refund_the_run(browser: Browser, demo_server: Gateway) -> None:  # noqa: F811 - the fixture
    page = await signed_in(browser)
    bar = page.get_by_role("region", name="Price", exact=True)
    panel = page.get_by_role("region", name="Price of the operation")

    cheap = await asked_cost(page, demo_server, CHEAP)
    await write(page, CHEAP)
    await expect(bar).to_contain_text(f"{cheap['requestedQueryCost']:,} points", timeout=SLOW)
    await expect(bar).to_contain_text("Fits")

    dear = await asked_cost(page, demo_server, DEAR)
    largest = dear["dearestList"]["largestThatFits"]
    await write(page, DEAR)
    await expect(bar).to_contain_text(f"{dear['requestedQueryCost']:,} points", timeout=SLOW)
    await expect(bar).to_contain_text(f"Too expensive: first ≤ {largest:,} for campaigns")

    await bar.get_by_role("button", name="Bill").click()
    await panel.get_by_role("button", name=f"Set first: {largest}").click()
    mended = await asked_cost(page, demo_server, DEAR.replace("campaigns(first: 100)", f"campaigns(first: {largest})"))
    await expect(bar).to_contain_text(f"{mended['requestedQueryCost']:,} points", timeout=SLOW)
    await expect(bar).to_contain_text("Fits")

    await run(page)
    refund = re.compile(r"Reserved ([\d,.]+), used ([\d,.]+), ([\d,.]+) given back")
    await expect(panel).to_contain_text(refund, timeout=SLOW)
    said = refund.search(await panel.inner_text())
    assert said is not None
    reserved, used, given_back = (float(number.strip(".").replace(",", "")) for number in said.groups())
    assert reserved == mended["requestedQueryCost"]
    assert 0 < used < reserved
    assert round(used + given_back, 3) == reserved
    await expect(panel.get_by_role("columnheader", name="Used")).to_be_visible()


async def test_price_of_a_subscription_is_that_of_one_event(browser: Browser, demo_server: Gateway) -> None:  # noqa: F811 - the fixture
    page = await signed_in(browser)
    bar = page.get_by_role("region", name="Price", exact=True)
    cost = await asked_cost(page, demo_server, WATCH)
    await write(page, WATCH)
    await expect(bar).to_contain_text(f"{cost['requestedQueryCost']:,} points per event", timeout=SLOW)
