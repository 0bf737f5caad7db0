"""Whatever the URL, it is refused with one of our codes or fetched: nothing else is raised."""

import asyncio

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from resolvers.errors import FeedRejected
from resolvers.feeds.fetcher import FeedFetcher, FetchSettings
from resolvers.feeds.reasons import Reason

PIECES = (
    *(
        "http://",
        "https://",
        "//",
        "/",
        ":",
        "@",
        "?",
        "#",
        "[",
        "]",
        "::",
        "%",
        "%00",
        "\\",
        "..",
        ".",
        "a",
        "0x",
        "1",
    ),
    *("127.0.0.1", "xn--", "xn--a", "é", "\u202e", "。", "\U0001f980", "65536", "-", "_", " ", "\t", "\ud7ff", "ß"),
)


@pytest.fixture(scope="module")
def fetcher() -> FeedFetcher:
    """May connect to no port, so that no generated URL leads anywhere."""
    return FeedFetcher(FetchSettings(ports=frozenset()))


@settings(max_examples=500, deadline=None)
@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from(PIECES), max_size=12).map(lambda pieces: "http://" + "".join(pieces))
)
@example("http://xn--/")
@example("http://[v1.a]/")
def test_url_of_every_kind_is_refused_with_a_code(fetcher: FeedFetcher, url: str) -> None:
    with pytest.raises(FeedRejected) as caught:
        asyncio.run(fetcher.fetch(url))
    assert caught.value.reason == Reason.BAD_URL
