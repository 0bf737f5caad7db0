"""Refuses requests that a page of another site could have made a browser send.

The API is safe from forgery either way: access tokens and API keys travel in the Authorization header, which a browser
never adds by itself, so a forged request arrives as a stranger's. This module guards what could still go wrong: a
cookie set by a proxy in front of us, HTTP authentication, and endpoints reachable only from the user's network.

A POST needs no check here: its content type must be application/json, which a cross-site page cannot send without a
CORS preflight. A GET has no content type; it passes when it carries a header that forces a preflight, or when nothing
about it says that a browser sent it on another site's behalf (no cookie, no ambient authentication, and no
`Sec-Fetch-Site` of another site).
"""

from typing import Final

from gateway.errors import Code, rejected
from gateway.http.head import Head

PROOF_HEADERS: Final = ("podgraph-preflight", "apollo-require-preflight", "x-requested-with")
"""Headers outside the CORS safelist: a browser sends them to another site only after a preflight."""


def check_get(headers: Head, *, requires_preflight: bool) -> None:
    """Raise RequestRejected CSRF_REJECTED for a GET that may be forged; `requires_preflight` demands proof of all."""
    if _proven(headers):
        return
    if requires_preflight or _ambient(headers):
        message = (
            "This GET could be a cross-site forgery: send one of the headers "
            "Podgraph-Preflight, Apollo-Require-Preflight or X-Requested-With with any value."
        )
        raise rejected(Code.CSRF_REJECTED, message)


def _proven(headers: Head) -> bool:
    if any(headers.get(name) for name in PROOF_HEADERS):
        return True
    # Browsers add Basic, Digest and Negotiate by themselves; Bearer only when a script asks, which takes a preflight.
    return headers.get("authorization", "").lower().startswith("bearer ")


def _ambient(headers: Head) -> bool:
    site = headers.get("sec-fetch-site", "none").lower()
    return "cookie" in headers or "authorization" in headers or site not in {"none", "same-origin"}
