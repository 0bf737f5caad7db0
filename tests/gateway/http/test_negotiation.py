"""Which media type answers which Accept header."""

import pytest

from gateway.errors import RequestRejected
from gateway.http.negotiation import Accepted, MediaType, accepted

JSON = MediaType.JSON
GRAPHQL = MediaType.GRAPHQL


@pytest.mark.parametrize(
    ("header", "json", "stream", "stream_first"),
    [
        (None, JSON, False, False),
        ("", JSON, False, False),
        ("*/*", JSON, False, False),
        ("application/*", JSON, False, False),
        ("application/json", JSON, False, False),
        ("APPLICATION/JSON; charset=utf-8", JSON, False, False),
        ("application/graphql-response+json", GRAPHQL, False, False),
        ("application/graphql-response+json, application/json", GRAPHQL, False, False),
        ("application/json, application/graphql-response+json", GRAPHQL, False, False),
        ("application/json;q=0.9, application/graphql-response+json;q=0.1", JSON, False, False),
        ("application/graphql-response+json;q=0, */*", JSON, False, False),
        ("application/json;q=0, */*", GRAPHQL, False, False),
        ("text/html, application/xhtml+xml, */*;q=0.8", JSON, False, False),
        ("text/event-stream", None, True, True),
        ("text/event-stream, */*", JSON, True, True),
        ("text/event-stream, application/json", JSON, True, False),
        ("text/event-stream, application/json;q=0.5", JSON, True, True),
        (
            "application/graphql-response+json, application/json, text/event-stream, multipart/mixed",
            GRAPHQL,
            True,
            False,
        ),
    ],
)
def test_accepted_types(header: str | None, json: MediaType | None, stream: bool, stream_first: bool) -> None:
    assert accepted(header) == Accepted(json=json, stream=stream, stream_first=stream_first)


@pytest.mark.parametrize("header", ["text/html", "application/json;q=0", "*/*;q=0", "text/*", "application/json;q=2"])
def test_nothing_acceptable_is_refused(header: str) -> None:
    with pytest.raises(RequestRejected) as caught:
        accepted(header)
    assert caught.value.code == "NOT_ACCEPTABLE"
