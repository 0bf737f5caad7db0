"""The pages in a real browser on a real server, with the internet out of reach."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser as Chromium
from playwright.async_api import BrowserContext, Page, Route, WebSocket, async_playwright, expect

from tests.services.chromium import launch_options

LOOPBACK = {"127.0.0.1", "localhost", "::1"}
SLOW = 30_000
"""Milliseconds that a step may take on a busy machine."""

REPORT_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) =>
  console.error("CSP", event.effectiveDirective, event.blockedURI, event.sourceFile));
"""


class DemoServer(Protocol):
    @property
    def url(self) -> str: ...
    @property
    def demo_email(self) -> str: ...
    @property
    def demo_password(self) -> str: ...


@dataclass
class Browser:
    """One browser profile and what its pages tried to do."""

    context: BrowserContext
    server: str
    foreign: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    frames: list[str] = field(default_factory=list)

    async def page(self, path: str) -> Page:
        page = await self.context.new_page()
        await page.goto(self.server + path)
        return page

    def watch(self, page: Page) -> None:
        page.on("console", lambda message: self.complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("websocket", self._watch_socket)

    async def keep_home(self, route: Route) -> None:
        """Lets a request through to this machine and stops every other."""
        url = urlsplit(route.request.url)
        if url.scheme in {"data", "blob"} or url.hostname in LOOPBACK:
            await route.continue_()
        else:
            self.foreign.append(route.request.url)
            await route.abort()

    def _watch_socket(self, socket: WebSocket) -> None:
        if urlsplit(socket.url).hostname not in LOOPBACK:
            self.foreign.append(socket.url)
        socket.on("framereceived", lambda frame: self.frames.append(str(frame)))


@pytest_asyncio.fixture(scope="module")
async def chromium(chromium_path: str | Path) -> AsyncIterator[Chromium]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(**launch_options(Path(chromium_path)))
        yield chromium
        await chromium.close()


@pytest.fixture
async def browser(chromium: Chromium, demo_server: DemoServer) -> AsyncIterator[Browser]:
    """A fresh profile; no page of it may reach for the internet or break its policy."""
    context = await chromium.new_context(viewport={"width": 1360, "height": 850})
    context.set_default_timeout(SLOW)
    browser = Browser(context, demo_server.url.rstrip("/"))
    await context.route("**/*", browser.keep_home)
    await context.add_init_script(REPORT_VIOLATIONS)
    context.on("page", browser.watch)
    yield browser
    await context.close()
    assert browser.foreign == []
    assert browser.complaints == []


async def signed_in(browser: Browser) -> Page:
    """GraphiQL after the demo's own login, which the page has filled in."""
    page = await browser.page("/graphiql")
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await page.locator(".graphiql-query-editor .view-line").first.wait_for()
    return page


async def run(page: Page) -> None:
    await page.get_by_role("button", name="Execute query").click()


async def rename_campaign(page: Page, server: DemoServer, name: str) -> None:
    """Changes an active campaign from outside of the browser, as another member of the tenant would."""

    async def asked(query: str, token: str = "", **variables: object) -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        body = {"query": query, "variables": variables}
        answer = await (await page.request.post(f"{server.url}/graphql", data=body, headers=headers)).json()
        assert "errors" not in answer, answer
        return answer["data"]

    login = """mutation Login($input: LoginInput!) {
      login(input: $input) { ... on LoginPayload { session { accessToken } } }
    }"""
    credentials = {"email": server.demo_email, "password": server.demo_password}
    token = (await asked(login, input=credentials))["login"]["session"]["accessToken"]
    active = "{ campaigns(first: 1, filter: { statuses: [ACTIVE] }) { edges { node { id version } } } }"
    [edge] = (await asked(active, token))["campaigns"]["edges"]
    update = """mutation Rename($id: ID!, $version: Int!, $name: String!) {
      updateCampaign(id: $id, version: $version, input: { name: $name }) { __typename }
    }"""
    renamed = await asked(update, token, **edge["node"], name=name)
    assert renamed == {"updateCampaign": {"__typename": "UpdateCampaignPayload"}}


async def stored(page: Page, key: str, text: str) -> None:
    """Waits until GraphiQL has written `text` under `key`; the page's policy forbids Playwright's own waiting."""
    async with asyncio.timeout(SLOW / 1000):
        while text not in str(await page.evaluate("key => localStorage.getItem(key)", key)):
            await asyncio.sleep(0.05)


async def test_demo_user_signs_in_and_runs_the_first_example(browser: Browser, demo_server: DemoServer) -> None:
    page = await signed_in(browser)
    await expect(page.get_by_text(demo_server.demo_email)).to_be_visible()
    await expect(page.locator(".graphiql-tab")).to_contain_text(
        ["PodcastsAndEpisodes", "CampaignsDownToPodcast", "CreatePodcast", "WatchCampaigns"]
    )
    await run(page)
    response = page.locator(".graphiql-response")
    await expect(response).to_contain_text('"publishedAt"', timeout=SLOW)
    await expect(response).not_to_contain_text('"errors"')


async def test_editor_marks_a_field_that_the_schema_does_not_have(browser: Browser) -> None:
    # The mark comes from Monaco's worker and the schema: both have to get through the page's policy.
    page = await signed_in(browser)
    await page.locator(".graphiql-query-editor .view-lines").click()
    await page.keyboard.press("Control+a")
    await page.keyboard.insert_text("query Wrong { nosuchfield }")
    await page.locator(".graphiql-query-editor .squiggly-error").first.wait_for(timeout=SLOW)
    assert any("graphql.worker" in worker.url for worker in page.workers)


async def test_documentation_lists_the_root_types(browser: Browser) -> None:
    page = await signed_in(browser)
    await page.get_by_label("Show Documentation Explorer").click()
    await expect(page.locator(".graphiql-doc-explorer")).to_contain_text("Mutation", timeout=SLOW)


async def test_subscription_shows_a_change_as_it_happens(browser: Browser, demo_server: DemoServer) -> None:
    page = await signed_in(browser)
    await page.locator(".graphiql-tab", has_text="WatchCampaigns").click()
    async with page.expect_websocket() as opened:
        await run(page)
        socket = await opened.value
    if not any("connection_ack" in frame for frame in browser.frames):
        await socket.wait_for_event("framereceived", lambda frame: "connection_ack" in str(frame))
    await rename_campaign(page, demo_server, "Renamed while watched")
    await expect(page.locator(".graphiql-response")).to_contain_text("Renamed while watched", timeout=SLOW)
    await page.get_by_role("button", name="Stop query").click()


async def test_reload_keeps_the_session_and_the_edits(browser: Browser, demo_server: DemoServer) -> None:
    page = await signed_in(browser)
    await page.locator(".graphiql-tab", has_text="CreatePodcast").click()
    await page.locator(".graphiql-query-editor .view-lines").click()
    await page.keyboard.press("Control+a")
    await page.keyboard.insert_text("query Edited { __typename }")
    await stored(page, "graphiql:tabState", "Edited")
    await page.reload()
    await expect(page.get_by_text(demo_server.demo_email)).to_be_visible(timeout=SLOW)
    await expect(page.locator(".graphiql-tab-active")).to_contain_text("Edited", timeout=SLOW)
    await expect(page.locator(".graphiql-tab")).to_have_count(7)


async def test_duplicated_tab_and_its_original_both_stay_signed_in(browser: Browser, demo_server: DemoServer) -> None:
    # window.open copies sessionStorage as "Duplicate tab" does; a refresh token used twice would end both sessions.
    page = await signed_in(browser)
    async with page.expect_popup() as opened:
        await page.evaluate("window.open('/graphiql')")
    copy = await opened.value
    await expect(copy.get_by_text(demo_server.demo_email)).to_be_visible(timeout=SLOW)
    await page.reload()
    await expect(page.get_by_text(demo_server.demo_email)).to_be_visible(timeout=SLOW)
    await copy.reload()
    await expect(copy.get_by_text(demo_server.demo_email)).to_be_visible(timeout=SLOW)


async def test_wrong_password_is_told_and_nothing_opens(browser: Browser) -> None:
    page = await browser.page("/graphiql")
    await page.get_by_label("Password", exact=True).fill("not the password")
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await expect(page.get_by_role("alert")).not_to_be_empty(timeout=SLOW)
    await expect(page.locator(".graphiql-container")).to_have_count(0)


async def test_sign_out_closes_the_editor_for_good(browser: Browser) -> None:
    page = await signed_in(browser)
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("heading", name="Sign in to explore the graph")).to_be_visible()
    assert await page.evaluate("sessionStorage.length") == 0
    await page.reload()
    await expect(page.get_by_role("heading", name="Sign in to explore the graph")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_landing_page_opens_in_light_and_dark(browser: Browser, scheme: str) -> None:
    page = await browser.context.new_page()
    await page.emulate_media(color_scheme="light" if scheme == "light" else "dark")
    await page.goto(browser.server + "/")
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    await expect(page.get_by_role("link", name="Open GraphiQL")).to_have_attribute("href", "/graphiql")


async def test_every_link_of_the_landing_page_leads_somewhere(browser: Browser) -> None:
    page = await browser.page("/")
    hrefs = await page.locator("a").evaluate_all("links => links.map((link) => link.getAttribute('href'))")
    assert {"/graphiql", "/schema.graphql", "/health", "/metrics", "/readme"} == set(hrefs)
    for href in sorted(set(hrefs)):
        response = await page.request.get(browser.server + href)
        assert response.status == 200, href
