"""What is fetched, what is sent, and what a hostile server achieves: a refusal."""

import asyncio
import gzip
from collections.abc import Sequence
from ipaddress import ip_address, ip_network

import pytest

from resolvers.errors import FeedRejected
from resolvers.feeds.addresses import IPAddress, Resolve
from resolvers.feeds.body import BodyLimits
from resolvers.feeds.fetcher import FeedFetcher, FetchedFeed, FetchSettings, NotModified
from resolvers.feeds.reasons import Reason
from tests.resolvers.feeds.server import always, listening, redirect, response, serving

LOCAL = FetchSettings(allow_networks=(ip_network("127.0.0.1/32"),), ports=None, total=5.0)


def resolving(*answers: Sequence[str]) -> Resolve:
    """A resolver that gives one answer after the other, and the last one for ever."""
    remaining = list(answers)

    async def resolve(host: str, port: int) -> Sequence[IPAddress]:
        answer = remaining.pop(0) if len(remaining) > 1 else remaining[0]
        return [ip_address(address) for address in answer]

    return resolve


async def fetched(url: str, settings: FetchSettings = LOCAL, **validators: str) -> FetchedFeed | NotModified:
    return await FeedFetcher(settings).fetch(url, **validators)


async def refusal(url: str, settings: FetchSettings = LOCAL, resolve: Resolve | None = None) -> FeedRejected:
    fetcher = FeedFetcher(settings, resolve=resolve) if resolve is not None else FeedFetcher(settings)
    with pytest.raises(FeedRejected) as caught:
        await fetcher.fetch(url)
    return caught.value


async def test_feed_is_fetched_with_its_validators() -> None:
    headers = 'ETag: "abc"\r\nLast-Modified: Tue, 15 Dec 2020 19:15:00 GMT\r\nContent-Type: text/xml\r\n'
    async with serving(always(response(b"<rss/>", headers=headers))) as server:
        assert await fetched(server.url("/feed?a=1#top")) == FetchedFeed(
            body=b"<rss/>",
            url=server.url("/feed?a=1"),
            permanent_url=None,
            etag='"abc"',
            last_modified="Tue, 15 Dec 2020 19:15:00 GMT",
            content_type="text/xml",
        )
        (head,) = server.heads
    assert head.startswith(f"GET /feed?a=1 HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nUser-Agent: Podgraph/0.1\r\n")
    assert "If-None-Match" not in head
    assert "cookie" not in head.lower()


async def test_ipv6_address_is_bracketed_in_the_host_header() -> None:
    heads: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(response(b"x"))

    try:
        async with listening(answer, "::1") as port:
            settings = FetchSettings(allow_networks=(ip_network("::1/128"),), ports=None, total=5.0)
            assert isinstance(await fetched(f"http://[::1]:{port}/", settings), FetchedFeed)
    except OSError:
        pytest.skip("this machine has no IPv6")
    assert f"\r\nHost: [::1]:{port}\r\n".encode() in heads[0]


async def test_validators_are_sent_and_304_is_not_modified() -> None:
    async with serving(always(response(status="304 Not Modified"))) as server:
        result = await fetched(server.url(), etag='"abc"', last_modified="Tue, 15 Dec 2020 19:15:00 GMT")
        assert result == NotModified(permanent_url=None)
        assert 'If-None-Match: "abc"\r\n' in server.heads[0]
        assert "If-Modified-Since: Tue, 15 Dec 2020 19:15:00 GMT\r\n" in server.heads[0]


async def test_validators_that_are_no_header_values_are_not_sent() -> None:
    async with serving(always(response(b"x"))) as server:
        await fetched(server.url(), etag='"a"\r\nX-Evil: 1', last_modified="é")
        assert "Evil" not in server.heads[0]
        assert "If-" not in server.heads[0]


@pytest.mark.parametrize(
    "status", ["304 Not Modified", "404 Not Found", "500 Oops", "204 No Content", "206 Partial Content"]
)
async def test_status_other_than_200_is_refused(status: str) -> None:
    async with serving(always(response(status=status))) as server:
        error = await refusal(server.url())
    assert (error.reason, error.message) == (
        Reason.HTTP_STATUS,
        f"the feed's server answered with status {status[:3]}",
    )


@pytest.mark.parametrize(
    "url",
    [
        "",
        "feed.xml",
        "//a.example/",
        "ftp://a.example/",
        "file:///etc/hostname",
        "gopher://a.example/",
        "http://",
        "http:///x",
        "http://user:secret@a.example/",
        "http://user@a.example/",
        "http://a.example:22/",
        "http://a.example:0/",
        "http://a.example:99999/",
        "http://a b.example/",
        "http://a..b/",
        "http://[::1/",
        "http://[fe80::1%25eth0]/",
        "http://a.example/\r\nX: 1",
        "http://a.example/\x00",
        "http://0177.0.0.1/",
        "http://1.2.3.4.5/",
        "http://99999999999/",
        "http://" + "a" * 64 + ".example/",
        "http://a.example/" + "x" * 2_048,
    ],
)
async def test_url_that_no_feed_has_is_refused(url: str) -> None:
    assert (await refusal(url, FetchSettings(), resolving(["8.8.8.8"]))).reason == Reason.BAD_URL


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.1",
        "0",
        "10.1.2.3",
        "169.254.169.254",
        "[::1]",
        "[::]",
        "[::ffff:10.0.0.1]",
        "[64:ff9b::a00:1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "[fd00::1]",
        "127。0。0。1",
    ],
)
async def test_private_address_is_refused_in_every_spelling(host: str) -> None:
    error = await refusal(f"http://{host}/", FetchSettings())
    assert (error.reason, error.message) == (
        Reason.PRIVATE_ADDRESS,
        "the feed's address is not on the public internet",
    )


async def test_name_of_a_private_address_is_refused_before_any_connection() -> None:
    async with serving(always(response(b"secret"))) as server:
        settings = FetchSettings(ports=None)
        error = await refusal(server.url(host="intranet.example"), settings, resolving(["127.0.0.1"]))
        assert error.reason == Reason.PRIVATE_ADDRESS
        assert server.heads == []


async def test_one_private_address_among_several_is_enough_to_refuse() -> None:
    async with serving(always(response(b"x"))) as server:
        error = await refusal(server.url(host="mixed.example"), LOCAL, resolving(["127.0.0.1", "10.0.0.1"]))
        assert error.reason == Reason.PRIVATE_ADDRESS
        assert server.heads == []


async def test_connection_goes_to_the_vetted_address_although_the_name_now_has_another() -> None:
    async with serving(always(response(b"x"))) as server:
        fetcher = FeedFetcher(LOCAL, resolve=resolving(["127.0.0.1"], ["169.254.169.254"]))
        result = await fetcher.fetch(server.url(host="rebind.example"))
        assert isinstance(result, FetchedFeed)
        assert f"Host: rebind.example:{server.port}\r\n" in server.heads[0]
        with pytest.raises(FeedRejected) as caught:
            await fetcher.fetch(server.url(host="rebind.example"))
    assert caught.value.reason == Reason.PRIVATE_ADDRESS


async def test_rebinding_between_redirects_is_refused() -> None:
    async def answer(head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(redirect("/second"))

    async with serving(answer) as server:
        resolve = resolving(["127.0.0.1"], ["169.254.169.254"])
        error = await refusal(server.url(host="rebind.example"), LOCAL, resolve)
        assert (error.reason, len(server.heads)) == (Reason.PRIVATE_ADDRESS, 1)


async def test_tls_names_the_host_and_not_the_address() -> None:
    hello: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hello.set_result(await reader.read(4_096))

    async with listening(listen) as port:
        error = await refusal(f"https://secure.example:{port}/", LOCAL, resolving(["127.0.0.1"]))
    assert b"secure.example" in await hello
    assert error.reason == Reason.UNREACHABLE


async def test_silent_tls_handshake_ends_at_the_connect_time() -> None:
    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    settings = FetchSettings(allow_networks=LOCAL.allow_networks, ports=None, total=60.0, connect=0.1)
    async with listening(listen) as port:
        error = await refusal(f"https://silent.example:{port}/", settings, resolving(["127.0.0.1"]))
    assert error.reason == Reason.TIMEOUT


async def test_next_address_is_tried_when_the_first_does_not_answer() -> None:
    settings = FetchSettings(allow_networks=(ip_network("127.0.0.0/8"),), ports=None, total=5.0)
    async with serving(always(response(b"x"))) as server:
        fetcher = FeedFetcher(settings, resolve=resolving(["127.0.0.2", "127.0.0.1"]))
        assert isinstance(await fetcher.fetch(server.url(host="two.example")), FetchedFeed)


async def test_unknown_name_and_closed_port_are_told_apart_by_nothing() -> None:
    async with serving(always(b"")) as server:
        closed = server.url()
    first = await refusal(closed)
    second = await refusal("http://nowhere.example/", FetchSettings(), resolving([]))
    assert (first.reason, first.message) == (second.reason, second.message)
    assert (first.reason, first.message) == (Reason.UNREACHABLE, "the feed's server cannot be reached")


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("http://169.254.169.254/latest/meta-data/", Reason.PRIVATE_ADDRESS),
        ("http://[::ffff:10.0.0.1]/", Reason.PRIVATE_ADDRESS),
        ("//0x7f000002/", Reason.PRIVATE_ADDRESS),
        ("file:///etc/hostname", Reason.BAD_URL),
        ("http://user@a.example/", Reason.BAD_URL),
        ("", Reason.BAD_URL),
    ],
)
async def test_redirect_is_vetted_like_the_first_address(location: str, reason: Reason) -> None:
    async with serving(always(redirect(location))) as server:
        assert (await refusal(server.url())).reason == reason


async def test_redirect_without_location_is_refused() -> None:
    async with serving(always(response(status="302 Found"))) as server:
        assert (await refusal(server.url())).reason == Reason.BAD_URL


async def test_five_redirects_are_followed_and_six_are_not() -> None:
    async def answer(head: str, writer: asyncio.StreamWriter) -> None:
        step = int(head.split("/", 2)[1].partition(" ")[0])
        writer.write(redirect(f"/{step - 1}") if step else response(b"end"))

    async with serving(answer) as server:
        result = await fetched(server.url("/5"))
        assert isinstance(result, FetchedFeed)
        assert (result.body, result.url, result.permanent_url) == (b"end", server.url("/0"), None)
        assert (await refusal(server.url("/6"))).reason == Reason.TOO_MANY_REDIRECTS


async def test_redirect_loop_is_refused_when_it_closes() -> None:
    async with serving(always(redirect("/feed"))) as server:
        assert (await refusal(server.url())).reason == Reason.TOO_MANY_REDIRECTS
        assert len(server.heads) == 1


@pytest.mark.parametrize(
    ("statuses", "permanent"),
    [
        (["301 Moved", "308 Permanent"], "/2"),
        (["301 Moved", "302 Found"], "/1"),
        (["302 Found", "301 Moved"], None),
        (["307 Temporary"], None),
    ],
)
async def test_permanent_url_is_where_permanent_redirects_lead_before_any_other(
    statuses: list[str], permanent: str | None
) -> None:
    async def answer(head: str, writer: asyncio.StreamWriter) -> None:
        step = int(head.split("/", 2)[1].partition(" ")[0])
        writer.write(redirect(f"/{step + 1}", statuses[step]) if step < len(statuses) else response(b"end"))

    async with serving(answer) as server:
        result = await fetched(server.url("/0"))
        assert isinstance(result, FetchedFeed)
        assert result.permanent_url == (server.url(permanent) if permanent is not None else None)


async def test_gzip_is_undone() -> None:
    body = gzip.compress(b"<rss>") + gzip.compress(b"</rss>") + b"\0\0"
    async with serving(always(response(body, headers="Content-Encoding: gzip\r\n"))) as server:
        result = await fetched(server.url())
        assert isinstance(result, FetchedFeed)
        assert result.body == b"<rss></rss>"


@pytest.mark.parametrize(
    ("body", "headers", "reason"),
    [
        (gzip.compress(b"\0" * 60_000_000), "Content-Encoding: gzip\r\n", Reason.TOO_LARGE),
        (gzip.compress(b"\0" * 3_000_000), "Content-Encoding: gzip\r\n", Reason.TOO_LARGE),
        (gzip.compress(b"<rss/>")[:-9], "Content-Encoding: gzip\r\n", Reason.INCOMPLETE),
        (b"", "Content-Encoding: gzip\r\n", Reason.INCOMPLETE),
        (b"<rss/>", "Content-Encoding: gzip\r\n", Reason.MALFORMED),
        (b"<rss/>", "Content-Encoding: br\r\n", Reason.UNSUPPORTED_ENCODING),
        (b"<rss/>", "Content-Encoding: gzip, gzip\r\n", Reason.UNSUPPORTED_ENCODING),
    ],
    ids=["bomb", "ratio", "cut", "empty", "not gzip", "brotli", "twice"],
)
async def test_hostile_compression_is_refused(body: bytes, headers: str, reason: Reason) -> None:
    async with serving(always(response(body, headers=headers))) as server:
        assert (await refusal(server.url())).reason == reason


async def test_announced_size_over_the_limit_is_refused_before_reading() -> None:
    async with serving(always(response(b"x", length=50 * 1024 * 1024 + 1))) as server:
        assert (await refusal(server.url())).reason == Reason.TOO_LARGE


async def test_endless_body_is_refused_at_the_limit() -> None:
    sent = 0

    async def answer(head: str, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"1000\r\n" + b"x" * 4_096 + b"\r\n")
            sent += 4_096
            await writer.drain()

    settings = FetchSettings(
        allow_networks=LOCAL.allow_networks, ports=None, total=5.0, body=BodyLimits(transfer=100_000, body=200_000)
    )
    async with serving(answer) as server:
        assert (await refusal(server.url(), settings)).reason == Reason.TOO_LARGE
    assert sent < 20_000_000


async def test_body_shorter_than_announced_is_refused() -> None:
    async with serving(always(response(b"<rss>", length=100))) as server:
        assert (await refusal(server.url())).reason == Reason.INCOMPLETE


async def test_body_longer_than_announced_is_cut_where_announced() -> None:
    async with serving(always(response(b"<rss/>garbage", length=6))) as server:
        result = await fetched(server.url())
        assert isinstance(result, FetchedFeed)
        assert result.body == b"<rss/>"


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"])
async def test_slow_drip_ends_at_the_total_time(start: bytes) -> None:
    async def answer(head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    settings = FetchSettings(allow_networks=LOCAL.allow_networks, ports=None, total=0.3)
    async with serving(answer) as server:
        error = await refusal(server.url(), settings)
    assert (error.reason, error.message) == (Reason.TIMEOUT, "the feed's server took too long")


async def test_slow_name_server_ends_at_the_total_time() -> None:
    async def resolve(host: str, port: int) -> Sequence[IPAddress]:
        await asyncio.Event().wait()
        return ()

    assert (await refusal("http://slow.example/", FetchSettings(total=0.05), resolve)).reason == Reason.TIMEOUT


@pytest.mark.parametrize(
    "answer", [b"", b"garbage\r\n\r\n", b"HTTP/1.1 999999 x\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"A: " + b"b" * 200_000]
)
async def test_answer_that_is_not_http_is_unreachable(answer: bytes) -> None:
    async with serving(always(answer)) as server:
        assert (await refusal(server.url())).reason == Reason.UNREACHABLE


async def test_cancelled_fetch_is_cancelled() -> None:
    asked = asyncio.Event()

    async def answer(head: str, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await asyncio.Event().wait()

    async with serving(answer) as server:
        task = asyncio.create_task(fetched(server.url()))
        await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
