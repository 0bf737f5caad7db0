"""Fetching a feed from an address that a stranger gave: bounded in time, bytes and redirects, public addresses only."""

import asyncio
import re
import ssl
from collections import Counter
from collections.abc import AsyncGenerator, Hashable, Iterator
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus
from typing import Final

import httpcore2
import httpx2
import msgspec

from resolvers.errors import FeedRejected
from resolvers.feeds.addresses import IPNetwork, Resolve, literal_address, system_addresses
from resolvers.feeds.body import BodyLimits, BoundedBody
from resolvers.feeds.connection import VettedBackend
from resolvers.feeds.reasons import Reason

_PERMANENT = frozenset({HTTPStatus.MOVED_PERMANENTLY, HTTPStatus.PERMANENT_REDIRECT})
_REDIRECTS = _PERMANENT | {HTTPStatus.FOUND, HTTPStatus.SEE_OTHER, HTTPStatus.TEMPORARY_REDIRECT}
_LONGEST_URL = 2_048
_LAST_PORT = 65_535
_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST_NAME = re.compile(r"(?=.{1,254}\Z)(?:[A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?")
_SIZE = re.compile(r"[0-9]{1,18}")
_HEADER_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,1022}[\x21-\x7e])?")
_TEXT_TYPES = "application/rss+xml, application/atom+xml;q=0.9, application/xml;q=0.8, text/xml;q=0.8, */*;q=0.1"


class FetchSettings(msgspec.Struct, frozen=True):
    """Times in seconds: `total` from the call to the last byte, name resolution and redirects included.

    `at_once` bounds what all fetches hold in memory, `at_once_by_owner` what one of those who ask can take of it.
    `ports`: those that may be connected to, None for all. `allow_networks`: private networks that may be fetched from
    all the same, for development and tests.
    """

    body: BodyLimits = BodyLimits()
    total: float = 30.0
    connect: float = 10.0
    redirects: int = 5
    at_once: int = 20
    at_once_by_owner: int = 10
    ports: frozenset[int] | None = frozenset({80, 443})
    allow_networks: tuple[IPNetwork, ...] = ()
    user_agent: str = "Podgraph/0.1"


class FetchedFeed(msgspec.Struct, frozen=True):
    """`url` is where the body came from; `permanent_url`, if any, is where the feed has moved to for good.

    `etag` and `last_modified` are for the next fetch; `content_type` is for the parser.
    """

    body: bytes
    url: str
    permanent_url: str | None
    etag: str | None
    last_modified: str | None
    content_type: str | None


class NotModified(msgspec.Struct, frozen=True):
    """The feed is what it was when the validators were issued."""

    permanent_url: str | None


DEFAULT_SETTINGS: Final = FetchSettings()


class FeedFetcher:
    """Keeps no connection and no cookie between fetches, reads no proxy settings, follows no refresh header."""

    def __init__(
        self,
        settings: FetchSettings = DEFAULT_SETTINGS,
        *,
        resolve: Resolve = system_addresses,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._settings = settings
        self._resolve = resolve
        self._ssl_context = ssl_context if ssl_context is not None else httpcore2.default_ssl_context()
        self._under_way: Counter[Hashable] = Counter()

    async def fetch(
        self, url: str, *, etag: str | None = None, last_modified: str | None = None, owner: Hashable = None
    ) -> FetchedFeed | NotModified:
        """The feed at `url`, or NotModified if it still matches the validators of an earlier fetch.

        `owner` is who asks, for the bound on how many feeds one may fetch at once.

        Raises FeedRejected: BAD_URL, PRIVATE_ADDRESS, UNREACHABLE, TIMEOUT, TOO_MANY_REDIRECTS, HTTP_STATUS,
        UNSUPPORTED_ENCODING, TOO_LARGE, INCOMPLETE, MALFORMED (compression that cannot be undone), TOO_MANY_IMPORTS.
        """
        validators = {"If-None-Match": _header_value(etag), "If-Modified-Since": _header_value(last_modified)}
        conditions = [(name.encode(), value.encode()) for name, value in validators.items() if value is not None]
        with self._place(owner):
            try:
                async with asyncio.timeout(self._settings.total):
                    return await self._followed(self._target(url), conditions)
            except TimeoutError as error:
                raise FeedRejected(Reason.TIMEOUT, "the feed's server took too long") from error

    @contextmanager
    def _place(self, owner: Hashable) -> Iterator[None]:
        settings, taken = self._settings, self._under_way
        if taken.total() >= settings.at_once or taken[owner] >= settings.at_once_by_owner:
            raise FeedRejected(
                Reason.TOO_MANY_IMPORTS, "too many feeds are being imported right now: try again in a minute"
            )
        taken[owner] += 1
        try:
            yield
        finally:
            taken[owner] -= 1
            if not taken[owner]:
                del taken[owner]

    async def _followed(self, url: httpx2.URL, conditions: list[tuple[bytes, bytes]]) -> FetchedFeed | NotModified:
        visited = {str(url)}
        permanent_url: str | None = None
        only_permanent = True
        while True:
            async with self._response(url, conditions) as response:
                if response.status not in _REDIRECTS:
                    return await self._result(response, str(url), permanent_url, conditional=bool(conditions))
                only_permanent = only_permanent and response.status in _PERMANENT
                url = self._target(_header(response, b"location") or "", url)
            if str(url) in visited or len(visited) > self._settings.redirects:
                raise FeedRejected(Reason.TOO_MANY_REDIRECTS, "the feed's server redirects without end")
            visited.add(str(url))
            permanent_url = str(url) if only_permanent else permanent_url

    def _target(self, written: str, base: httpx2.URL | None = None) -> httpx2.URL:
        """The URL of the next request. Raises FeedRejected(BAD_URL) for whatever is not fetched on principle."""
        try:
            url = httpx2.URL(written) if base is None else base.join(written)
            url = url.copy_with(fragment=None)
            literal = literal_address(url.host) if url.host else None
        except (httpx2.InvalidURL, ValueError, TypeError) as error:
            raise FeedRejected(Reason.BAD_URL, "this is not the URL of a feed") from error
        port = url.port if url.port is not None else _DEFAULT_PORTS.get(url.scheme)
        if not written or port is None or len(str(url)) > _LONGEST_URL or url.scheme not in _DEFAULT_PORTS:
            raise FeedRejected(
                Reason.BAD_URL, "a feed's URL begins with http:// or https:// and has at most 2,048 characters"
            )
        if url.userinfo:
            raise FeedRejected(Reason.BAD_URL, "a feed's URL may not contain a user name or password")
        if "%" in url.host or (literal is None and _HOST_NAME.fullmatch(url.raw_host.decode("ascii")) is None):
            raise FeedRejected(Reason.BAD_URL, "this is not the URL of a feed")
        ports = self._settings.ports
        if not 0 < port <= _LAST_PORT or (ports is not None and port not in ports):
            raise FeedRejected(Reason.BAD_URL, "feeds are not fetched from this port")
        return url

    @asynccontextmanager
    async def _response(
        self, url: httpx2.URL, conditions: list[tuple[bytes, bytes]]
    ) -> AsyncGenerator[httpcore2.Response]:
        target = httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        headers = [
            (b"Host", url.netloc),  # httpcore2's own lacks the brackets of an IPv6 address
            (b"User-Agent", self._settings.user_agent.encode("ascii")),
            (b"Accept", _TEXT_TYPES.encode("ascii")),
            (b"Accept-Encoding", b"gzip"),
            (b"Connection", b"close"),
            *conditions,
        ]
        seconds = {"connect": self._settings.connect, "read": self._settings.total, "write": self._settings.total}
        backend = VettedBackend(self._resolve, self._settings.allow_networks)
        try:
            async with (
                httpcore2.AsyncConnectionPool(ssl_context=self._ssl_context, network_backend=backend) as pool,
                pool.stream("GET", target, headers=headers, extensions={"timeout": seconds}) as response,
            ):
                yield response
        except httpcore2.TimeoutException as error:
            raise FeedRejected(Reason.TIMEOUT, "the feed's server took too long") from error
        except (httpcore2.NetworkError, httpcore2.ProtocolError, ssl.SSLError, OSError) as error:
            # One sentence for refused, unknown, unroutable and broken: a scan of somebody's hosts learns nothing.
            raise FeedRejected(Reason.UNREACHABLE, "the feed's server cannot be reached") from error

    async def _result(
        self, response: httpcore2.Response, url: str, permanent_url: str | None, *, conditional: bool
    ) -> FetchedFeed | NotModified:
        if response.status == HTTPStatus.NOT_MODIFIED and conditional:
            return NotModified(permanent_url=permanent_url)
        if response.status != HTTPStatus.OK:
            raise FeedRejected(Reason.HTTP_STATUS, f"the feed's server answered with status {response.status}")
        return FetchedFeed(
            body=await self._body(response),
            url=url,
            permanent_url=permanent_url,
            etag=_header_value(_header(response, b"etag")),
            last_modified=_header_value(_header(response, b"last-modified")),
            content_type=_header_value(_header(response, b"content-type")),
        )

    async def _body(self, response: httpcore2.Response) -> bytes:
        encoding = (_header(response, b"content-encoding") or "identity").strip().lower()
        if encoding not in ("identity", "gzip", "x-gzip"):
            raise FeedRejected(
                Reason.UNSUPPORTED_ENCODING, "the feed's server uses a compression that was not asked for"
            )
        limits = self._settings.body
        compressed = encoding != "identity"
        announced = _header(response, b"content-length") or "0"
        most = limits.transfer if compressed else limits.body
        if _SIZE.fullmatch(announced) is None or int(announced) > most:
            raise FeedRejected(Reason.TOO_LARGE, "the feed is too large")
        body = BoundedBody(limits, compressed=compressed)
        try:
            async for piece in response.aiter_stream():
                for _ in body.add(piece):
                    await asyncio.sleep(0)
        except (httpcore2.RemoteProtocolError, httpcore2.ReadError) as error:
            raise FeedRejected(Reason.INCOMPLETE, "the feed's server did not send the whole feed") from error
        return body.content()


def _header(response: httpcore2.Response, name: bytes) -> str | None:
    return next((value.decode("latin-1") for key, value in response.headers if key.lower() == name), None)


def _header_value(value: str | None) -> str | None:
    """`value` if it may be sent and stored as a header: printable ASCII, at most 1,024 characters; else None."""
    return value if value is not None and _HEADER_VALUE.fullmatch(value) is not None else None
