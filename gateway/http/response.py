"""From the bytes of a result to a response, with the headers that caches and clients need."""

import hashlib
from collections.abc import Mapping

from starlette.responses import Response

from gateway.errors import http_status
from gateway.http.limits import HttpLimits
from gateway.http.negotiation import MediaType
from gateway.operation import OperationResult

NO_STORE = "no-store"


def result_response(body: bytes, result: OperationResult, media: MediaType, limits: HttpLimits) -> Response:
    """The response to one operation: its status by the media type, never cached."""
    status = 200
    if result.rejection is not None:
        status = http_status(result.rejection, legacy=media is MediaType.JSON)
    return json_response(body, status, media, limits, result.headers)


def json_response(
    body: bytes, status: int, media: MediaType, limits: HttpLimits, headers: Mapping[str, str] | None = None
) -> Response:
    """A JSON response that no cache keeps."""
    shown = {"cache-control": NO_STORE, "vary": ", ".join(limits.vary), **(headers or {})}
    return Response(body, status, headers={**shown, "content-type": f"{media.value}; charset=utf-8"})


def revalidated(response: Response, data: bytes, if_none_match: str | None) -> Response:
    """The same response as one that its client may keep and ask about: an ETag, or 304 when it has this data.

    The tag is made of the data, so it holds whatever `Vary` lists, and weak, since what is left of the budget is in the
    body too; the work of the query is done either way.
    """
    etag = f'W/"{hashlib.blake2b(data, digest_size=16).hexdigest()}"'
    response.headers["etag"] = etag
    response.headers["cache-control"] = "private, no-cache"
    if if_none_match is None or not _matches(if_none_match, etag):
        return response
    kept = ("etag", "cache-control", "vary", "ratelimit", "ratelimit-policy")
    return Response(
        status_code=304, headers={name: response.headers[name] for name in kept if name in response.headers}
    )


def _matches(header: str, etag: str) -> bool:
    """If-None-Match compares weakly (RFC 9110, section 13.1.2)."""
    tags = {tag.strip().removeprefix("W/") for tag in header.split(",")}
    return "*" in tags or etag.removeprefix("W/") in tags
