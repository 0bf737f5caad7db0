"""Headers for browsers."""

import pytest

from gateway.middleware.security_headers import SecurityHeadersMiddleware
from tests.gateway.middleware.asgi import Recorder, call


@pytest.mark.parametrize("content_type", [b"application/json", b"text/html; charset=utf-8"])
async def test_response_without_a_policy_may_load_nothing(content_type: bytes) -> None:
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
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
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
