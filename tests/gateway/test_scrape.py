"""Who may read the metrics."""

import pytest
from prometheus_client import CollectorRegistry, Counter
from starlette.requests import Request

from gateway.scrape import exposition_of, metrics_page

TOKEN = "a token of the tests"  # noqa: S105 - opens nothing


async def status(token: str | None, client: str | None, **headers: str) -> int:
    registry = CollectorRegistry()
    Counter("podgraph_secrets_total", "What strangers would like to know.", registry=registry).inc()
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "headers": raw, "client": (client, 1) if client else None}
    response = await metrics_page(exposition_of(registry), token)(Request(scope))
    assert (b"podgraph_secrets_total 1.0" in response.body) == (response.status_code == 200)
    return response.status_code


@pytest.mark.parametrize("client", ["127.0.0.1", "127.8.8.8", "::1"])
async def test_this_machine_may(client: str) -> None:
    assert await status(None, client) == 200


@pytest.mark.parametrize("client", ["192.0.2.1", "10.0.0.1", "2001:db8::1", "testclient", None])
async def test_another_machine_may_not(client: str | None) -> None:
    assert await status(None, client) == 403


@pytest.mark.parametrize("header", ["forwarded", "x_forwarded_for", "x_real_ip"])
async def test_what_a_proxy_on_this_machine_forwards_may_not(header: str) -> None:
    assert await status(None, "127.0.0.1", **{header: "127.0.0.1"}) == 403


@pytest.mark.parametrize("client", ["127.0.0.1", "192.0.2.1"])
async def test_with_a_token_whoever_has_it_may_and_nobody_else(client: str) -> None:
    assert await status(TOKEN, client, authorization=f"Bearer {TOKEN}") == 200
    for authorization in ("", "Bearer", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer é"):
        assert await status(TOKEN, client, authorization=authorization) == 401
    assert await status(TOKEN, client) == 401
