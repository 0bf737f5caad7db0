"""`/metrics`, for those who run the gateway: it names what all tenants do, and how much of it.

With a token, whoever sends it. Without one, this machine alone; what a proxy forwards comes from anywhere.
"""

import hmac
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from ipaddress import ip_address
from typing import Final

import msgspec
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response

FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-real-ip")


Exposition = Callable[[], Awaitable[bytes]]
"""What Prometheus is to read."""


def exposition_of(registry: CollectorRegistry) -> Exposition:
    """That of one process."""

    async def exposition() -> bytes:
        return generate_latest(registry)

    return exposition


def metrics_page(exposition: Exposition, token: str | None) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint; Prometheus sends a token as `authorization: {credentials: …}` of its scrape configuration."""

    async def metrics(request: Request) -> Response:
        if token is not None and not _sent(request, token):
            return _refused(HTTPStatus.UNAUTHORIZED, "UNAUTHENTICATED", "Metrics need their token.")
        if token is None and not _from_this_machine(request):
            message = "Metrics are shown to this machine alone, unless PODGRAPH_HTTP__METRICS_TOKEN is set."
            return _refused(HTTPStatus.FORBIDDEN, "FORBIDDEN", message)
        return Response(await exposition(), media_type=CONTENT_TYPE_LATEST)

    return metrics


def _sent(request: Request, token: str) -> bool:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode())


def _from_this_machine(request: Request) -> bool:
    if request.client is None or any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def _refused(status: HTTPStatus, code: str, message: str) -> Response:
    body = msgspec.json.encode({"errors": [{"message": message, "extensions": {"code": code}}]})
    headers = {"www-authenticate": "Bearer"} if status is HTTPStatus.UNAUTHORIZED else None
    return Response(body, status, headers, media_type="application/json")
