"""A process that parses feeds and can do no harm: `python -m resolvers.feeds.worker MEMORY_BYTES`.

It has a bounded memory, an empty environment and a session of its own, ends with the server that started it, and is
killed by that server (or, should that be gone, by its own alarm) when a feed takes too long.
"""

import os
import resource
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO, Final

import msgspec

from resolvers.errors import FeedRejected
from resolvers.feeds.messages import LENGTH_BYTES, Defect, Exhausted, Ready, Refused, Request, frame, parsed
from resolvers.feeds.parser import parse_feed

_NICENESS = 5
_SECONDS_BETWEEN_LOOKS = 0.2
"""Of CPU time: how often a busy process looks whether the server is still there."""
_REQUEST: Final = msgspec.msgpack.Decoder(Request)


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answers the requests of `source` until it ends, or until the memory did not suffice."""
    _send(sink, frame(Ready()))
    while length := source.read(LENGTH_BYTES):
        request = _REQUEST.decode(source.read(int.from_bytes(length, "big")))
        signal.alarm(request.seconds)  # its default action is the kernel's: no code of ours can hold it up
        try:
            for answer in _answers(request, source.read(request.body_bytes)):
                _send(sink, answer)
        except MemoryError:
            _send(sink, frame(Exhausted()))
            return
        finally:
            signal.alarm(0)


def _answers(request: Request, body: bytes) -> Iterator[bytes]:
    if len(body) < request.body_bytes:  # the server has gone
        return
    try:
        feed = parse_feed(body, content_type=request.content_type, base_url=request.base_url)
    except FeedRejected as refusal:
        yield frame(Refused(reason=refusal.reason, message=refusal.message, path=refusal.path))
    except MemoryError:
        raise
    except Exception:
        yield frame(Defect(traceback=traceback.format_exc()))
    else:
        yield from parsed(feed)


def _send(sink: BinaryIO, content: bytes) -> None:
    sink.write(content)
    sink.flush()


def _bind_to_parent() -> None:
    """Ends this process when the one that started it is gone; an idle one learns it from the end of its input."""
    parent = os.getppid()

    def look(_number: int, _frame: object) -> None:
        if os.getppid() != parent:
            os._exit(1)

    signal.signal(signal.SIGVTALRM, look)
    signal.setitimer(signal.ITIMER_VIRTUAL, _SECONDS_BETWEEN_LOOKS, _SECONDS_BETWEEN_LOOKS)


def _bound(memory_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError, ValueError):  # macOS has no such limit
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


def main() -> None:
    _bind_to_parent()
    _bound(int(sys.argv[1]))
    os.nice(_NICENESS)  # the event loop comes first
    with os.fdopen(os.dup(1), "wb") as sink, suppress(BrokenPipeError):
        os.dup2(2, 1)  # nothing that anybody prints may look like an answer
        serve(sys.stdin.buffer, sink)


if __name__ == "__main__":
    main()
