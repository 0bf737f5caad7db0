"""The tests' services are real and do what the tests rely on."""

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Error, async_playwright
from redis.asyncio import Redis

from tests.services.chromium import launch_options
from tests.services.redis_server import RedisServer


async def test_redis_is_a_server_of_version_7_or_newer(redis_server: RedisServer) -> None:
    async with Redis.from_url(redis_server.url, socket_timeout=5) as client:
        information = await client.info("server")
    assert int(information["redis_version"].split(".")[0]) >= 7
    assert information["tcp_port"] == redis_server.port


async def test_redis_keeps_its_port_and_loses_its_data_in_a_restart(redis_server: RedisServer) -> None:
    port = redis_server.port
    async with Redis.from_url(redis_server.url, socket_timeout=5) as client:
        await client.set("key", b"value")
    redis_server.restart()
    async with Redis.from_url(redis_server.url, socket_timeout=5) as client:
        assert await client.get("key") is None
    assert redis_server.port == port


def test_two_redis_servers_run_side_by_side(redis_server: RedisServer) -> None:
    with RedisServer() as other:
        assert other.port != redis_server.port


@pytest.fixture
def page_url() -> Iterator[str]:
    """A page on this machine."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write("<title>Page</title><h1>Größe</h1><script>document.title += 1 + 1</script>".encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


async def test_chromium_runs_scripts_and_lays_out_text(chromium_path: Path, page_url: str) -> None:
    async with (
        async_playwright() as playwright,
        await playwright.chromium.launch(**launch_options(chromium_path)) as it,
    ):
        page = await it.new_page()
        await page.goto(page_url)
        assert await page.title() == "Page2"
        assert await page.inner_text("h1") == "Größe"  # empty without a font


async def test_chromium_reaches_no_other_machine(chromium_path: Path) -> None:
    async with (
        async_playwright() as playwright,
        await playwright.chromium.launch(**launch_options(chromium_path)) as it,
    ):
        page = await it.new_page()
        with pytest.raises(Error, match="ERR_NAME_NOT_RESOLVED"):
            await page.goto("http://podgraph.invalid/")
        with pytest.raises(Error, match="ERR_NAME_NOT_RESOLVED"):
            await page.goto("http://192.0.2.1/")
