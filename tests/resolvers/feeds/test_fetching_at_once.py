"""How many feeds are fetched at once: by all, and by one who asks."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from ipaddress import ip_network

import pytest

from resolvers.errors import FeedRejected
from resolvers.feeds.fetcher import FeedFetcher, FetchedFeed, FetchSettings
from resolvers.feeds.reasons import Reason
from tests.resolvers.feeds.server import Server, response, serving

SETTINGS = FetchSettings(
    allow_networks=(ip_network("127.0.0.1/32"),), ports=None, total=5.0, at_once=3, at_once_by_owner=2
)


class Slow:
    """A feed's server that answers once it may; `asked` is released for each request."""

    def __init__(self) -> None:
        self.asked = asyncio.Semaphore(0)
        self.may = asyncio.Event()

    async def answer(self, _head: str, writer: asyncio.StreamWriter) -> None:
        self.asked.release()
        await self.may.wait()
        writer.write(response(b"<rss/>"))


@asynccontextmanager
async def busy(*owners: str) -> AsyncGenerator[tuple[FeedFetcher, Server, Slow, list[asyncio.Task[object]]], None]:
    """A fetcher in the middle of one fetch for each owner."""
    slow = Slow()
    async with serving(slow.answer) as server:
        fetcher = FeedFetcher(SETTINGS)
        fetches = [asyncio.create_task(fetcher.fetch(server.url(), owner=owner)) for owner in owners]
        for _ in owners:
            await slow.asked.acquire()
        yield fetcher, server, slow, list(fetches)
        slow.may.set()
        await asyncio.gather(*fetches, return_exceptions=True)


async def refusal(fetcher: FeedFetcher, server: Server, owner: str) -> str:
    with pytest.raises(FeedRejected) as caught:
        await fetcher.fetch(server.url(), owner=owner)
    return caught.value.reason


async def test_one_owner_cannot_take_all_places() -> None:
    async with busy("greedy", "greedy") as (fetcher, server, slow, _):
        assert await refusal(fetcher, server, "greedy") == Reason.TOO_MANY_IMPORTS
        slow.may.set()
        assert isinstance(await fetcher.fetch(server.url(), owner="modest"), FetchedFeed)


async def test_all_together_have_their_bound() -> None:
    async with busy("a", "a", "b") as (fetcher, server, _, _):
        assert await refusal(fetcher, server, "c") == Reason.TOO_MANY_IMPORTS


async def test_place_is_free_again_after_a_fetch_a_refusal_and_a_cancellation() -> None:
    async with busy("a", "a") as (fetcher, server, slow, [first, second]):
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        slow.may.set()
        await second
        with pytest.raises(FeedRejected):
            await fetcher.fetch("ftp://x", owner="a")
        for _ in range(3):
            assert isinstance(await fetcher.fetch(server.url(), owner="a"), FetchedFeed)
