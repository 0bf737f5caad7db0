"""Headers for browsers."""

import pytest

from gateway.middleware.security_headers import DATA_POLICY, PAGE_POLICY, SecurityHeadersMiddleware
from tests.gateway.middleware.asgi import Recorder, call


@pytest.mark.parametrize(
    ("content_type", "policy"),
    [(b"application/json", DATA_POLICY), (b"text/html; charset=utf-8", PAGE_POLICY)],
)
async def test_pages_may_load_our_assets_and_data_nothing(content_type: bytes, policy: str) -> None:
    app = Recorder([{"type": "http.response.start", "status": 200, "headers": [(b"content-type", content_type)]}])
    answer = await call(SecurityHeadersMiddleware(app))
    assert answer.headers == {
        "content-type": content_type.decode(),
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "content-security-policy": policy,
    }


async def test_header_of_the_response_wins() -> None:
    headers = [(b"referrer-policy", b"same-origin")]
    app = Recorder([{"type": "http.response.start", "status": 200, "headers": headers}])
    assert (await call(SecurityHeadersMiddleware(app))).headers["referrer-policy"] == "same-origin"


async def test_hsts_is_sent_over_tls_only_and_only_where_wanted() -> None:
    name = "strict-transport-security"
    over_tls = await call(SecurityHeadersMiddleware(Recorder(), hsts_seconds=60), scheme="https")
    assert over_tls.headers[name] == "max-age=60; includeSubDomains"
    assert name not in (await call(SecurityHeadersMiddleware(Recorder(), hsts_seconds=60))).headers
    assert name not in (await call(SecurityHeadersMiddleware(Recorder(), hsts_seconds=0), scheme="https")).headers
