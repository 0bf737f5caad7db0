"""The parsing process's own end of the conversation."""

import io

import msgspec
import pytest

from resolvers.feeds.messages import LENGTH_BYTES, Answer, Parsed, Part, Ready, Refused, Request, frame
from resolvers.feeds.worker import serve
from tests.resolvers.feeds.documents import FULL


def conversation(sent: bytes) -> list[bytes]:
    """The frames that the process answers."""
    sink = io.BytesIO()
    serve(io.BytesIO(sent), sink)
    content, frames = sink.getvalue(), []
    while content:
        end = LENGTH_BYTES + int.from_bytes(content[:LENGTH_BYTES], "big")
        frames.append(content[LENGTH_BYTES:end])
        content = content[end:]
    return frames


def request(body: bytes, size: int | None = None) -> bytes:
    return frame(Request(None, None, len(body) if size is None else size, 60)) + body


def test_process_is_ready_and_ends_with_its_input() -> None:
    [ready] = conversation(b"")
    assert msgspec.msgpack.decode(ready, type=Answer) == Ready()


def test_each_request_is_answered_in_turn() -> None:
    _, refused, parsed, part = conversation(request(b"<html/>") + request(FULL))
    answer = msgspec.msgpack.decode(refused, type=Answer)
    assert isinstance(answer, Refused)
    assert (answer.reason, answer.path) == ("NOT_A_FEED", ("url",))
    feed = msgspec.msgpack.decode(parsed, type=Answer)
    assert isinstance(feed, Parsed)
    assert (feed.feed.title, feed.feed.episodes, feed.parts) == ("Harbour Lights", (), 1)
    [episode] = msgspec.msgpack.decode(part, type=Part).episodes
    assert episode.guid == "pier-1"


@pytest.mark.parametrize("missing", [1, len(FULL)])
def test_body_cut_short_by_the_end_of_the_server_is_not_answered(missing: int) -> None:
    assert len(conversation(request(FULL[:-missing] or b"", len(FULL)))) == 1
