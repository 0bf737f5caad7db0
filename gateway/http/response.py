"""From the bytes of a result to an answer, with the headers that caches and clients need."""

import hashlib
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Final

import msgspec
from starlette.types import Send

from gateway.errors import http_status
from gateway.http.limits import HttpLimits
from gateway.http.negotiation import MediaType
from gateway.operation import OperationResult

RawHeaders = list[tuple[bytes, bytes]]

NO_STORE: Final = b"no-store"
REVALIDATED: Final = b"private, no-cache"
_OF_REVALIDATION: Final = frozenset({b"etag", b"cache-control", b"vary", b"ratelimit", b"ratelimit-policy"})
"""What a 304 says again (RFC 9110, section 15.4.5), and what is left of the budget."""

_TYPES: Final = {media: f"{media.value}; charset=utf-8".encode() for media in MediaType}


class Answer(msgspec.Struct, frozen=True):
    """A whole response; names of headers are in lower case. It has no length where there is never a body."""

    status: int
    headers: RawHeaders
    body: bytes = b""

    async def send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})


def result_answer(body: bytes, result: OperationResult, media: MediaType, limits: HttpLimits) -> Answer:
    """The response to one operation: its status by the media type, never cached."""
    status = 200
    if result.rejection is not None:
        status = http_status(result.rejection, legacy=media is MediaType.JSON)
    return json_answer(body, status, media, limits, result.headers)


def json_answer(body: bytes, status: int, media: MediaType, limits: HttpLimits, headers: Mapping[str, str]) -> Answer:
    """A JSON response that no cache keeps. The given headers go before those that all have."""
    sent = raw_headers(headers.items())
    sent += [
        (b"cache-control", NO_STORE),
        (b"vary", limits.vary.encode()),
        (b"content-type", _TYPES[media]),
        (b"content-length", str(len(body)).encode()),
    ]
    return Answer(status, sent, body)


def revalidated(answer: Answer, data: bytes, if_none_match: str | None) -> Answer:
    """The same response as one that its client may keep and ask about: an ETag, or 304 when it has this data.

    The tag is made of the data, so it holds whatever `Vary` lists, and weak, since what is left of the budget is in the
    body too. An answer that is kept costs no more than this.
    """
    etag = f'W/"{hashlib.blake2b(data, digest_size=16).hexdigest()}"'
    headers = [(name, REVALIDATED if name == b"cache-control" else value) for name, value in answer.headers]
    headers.append((b"etag", etag.encode()))
    if if_none_match is None or not _matches(if_none_match, etag):
        return Answer(answer.status, headers, answer.body)
    kept = [(name, value) for name, value in headers if name in _OF_REVALIDATION]
    return Answer(HTTPStatus.NOT_MODIFIED, kept)


def raw_headers(headers: Iterable[tuple[str, str]]) -> RawHeaders:
    """Headers as they are sent."""
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


def _matches(header: str, etag: str) -> bool:
    """If-None-Match compares weakly (RFC 9110, section 13.1.2)."""
    tags = {tag.strip().removeprefix("W/") for tag in header.split(",")}
    return "*" in tags or etag.removeprefix("W/") in tags
