"""Feeds are parsed in processes of their own: no feed can stop, slow down or fill the server, and none outlives it."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from resolvers.child_process import ChildProcess
from resolvers.errors import FeedRejected
from resolvers.feeds.messages import Request
from resolvers.feeds.parser import parse_feed
from resolvers.feeds.process import ParserDefect, ParsingProcess, ProcessLost
from resolvers.feeds.reader import FeedReader, ReaderLimits
from resolvers.feeds.reasons import Reason
from tests.resolvers.feeds.documents import FULL, item, rss

LARGE = rss("".join(item(f"<description>{'word ' * 100}</description>", guid=str(n)) for n in range(20_000)))
"""Takes seconds to parse."""

SERVER = """
import asyncio, signal, sys
from resolvers.feeds.reader import FeedReader
from tests.resolvers.feeds.test_reader import LARGE

async def main():
    signal.signal(signal.SIGINT, lambda *_: None)  # as a server that drains
    reader = FeedReader()
    reading = asyncio.create_task(reader.parse(LARGE))
    while not reader.pids:
        await asyncio.sleep(0.01)
    print(*reader.pids, flush=True)
    print(len((await reading).episodes), flush=True)
    await reader.close()

asyncio.run(main())
"""


def alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except (FileNotFoundError, ProcessLookupError):
        return False


def environment_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


async def busy(reader: FeedReader) -> int:
    """The process that has begun to read."""
    async with asyncio.timeout(20):
        while not reader.pids:
            await asyncio.sleep(0.005)
    [pid] = reader.pids
    return pid


async def refusal(reader: FeedReader, body: bytes) -> Reason:
    with pytest.raises(FeedRejected) as refused:
        await reader.parse(body)
    return Reason(refused.value.reason)


@asynccontextmanager
async def reading(**limits: float) -> AsyncIterator[FeedReader]:
    opened = FeedReader(ReaderLimits(**limits))  # type: ignore[arg-type]  # passed on
    try:
        yield opened
    finally:
        await opened.close()


@pytest_asyncio.fixture
async def reader() -> AsyncIterator[FeedReader]:
    async with reading(processes=1) as opened:
        yield opened


async def test_feed_is_what_the_parser_makes_of_it(reader: FeedReader) -> None:
    found = await reader.parse(FULL, content_type="text/xml", base_url="https://harbour.example/feed.xml")
    assert found == parse_feed(FULL, content_type="text/xml", base_url="https://harbour.example/feed.xml")


async def test_items_beyond_one_message_keep_their_order(reader: FeedReader) -> None:
    twice = rss("".join(item(guid=str(number % 1201)) for number in range(2402)))
    found = await reader.parse(twice)
    assert [episode.guid for episode in found.episodes] == [str(number) for number in range(1201)]
    assert len(found.rejected) == 1201
    assert found == parse_feed(twice)


async def test_refused_feed_keeps_its_reason_and_its_process(reader: FeedReader) -> None:
    await reader.parse(FULL)
    before = reader.pids
    assert await refusal(reader, b"<html/>") == Reason.NOT_A_FEED
    assert await refusal(reader, FULL[:-20]) == Reason.MALFORMED
    assert reader.pids == before


async def test_no_process_before_the_first_feed_and_one_for_many() -> None:
    async with reading(processes=2) as reader:
        assert reader.pids == frozenset()
        await reader.parse(FULL)
        first = reader.pids
        await reader.parse(FULL)
        assert reader.pids == first
        assert len(first) == 1


async def test_two_feeds_are_read_at_once_by_two_processes() -> None:
    async with reading(processes=2) as reader:
        await asyncio.gather(*(reader.parse(FULL) for _ in range(5)))
        assert len(reader.pids) == 2


async def test_feed_that_takes_too_long_is_refused_and_its_process_killed() -> None:
    async with reading(processes=1, seconds=0.5) as reader:
        parsing = asyncio.create_task(refusal(reader, LARGE))
        pid = await busy(reader)
        assert await parsing == Reason.PARSE_TIMEOUT
        await asyncio.to_thread(until, lambda: not alive(pid))
        assert reader.pids == frozenset()


async def test_feed_that_takes_too_much_memory_is_refused_and_the_next_one_read() -> None:
    async with reading(processes=1, memory_bytes=150 << 20) as reader:
        assert await refusal(reader, LARGE * 5) == Reason.TOO_COMPLEX
        assert (await reader.parse(FULL)).title == "Harbour Lights"


async def test_process_killed_while_it_reads_refuses_that_feed_alone(reader: FeedReader) -> None:
    parsing = asyncio.create_task(refusal(reader, LARGE))
    os.kill(await busy(reader), signal.SIGKILL)
    assert await parsing == Reason.TOO_COMPLEX
    assert (await reader.parse(FULL)).title == "Harbour Lights"


async def test_process_killed_while_idle_costs_nobody_a_feed(reader: FeedReader) -> None:
    await reader.parse(FULL)
    [pid] = reader.pids
    os.kill(pid, signal.SIGKILL)
    assert (await reader.parse(FULL)).title == "Harbour Lights"
    assert pid not in reader.pids


async def test_cancelled_reading_kills_its_process(reader: FeedReader) -> None:
    parsing = asyncio.create_task(reader.parse(LARGE))
    pid = await busy(reader)
    parsing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await parsing
    await asyncio.to_thread(until, lambda: not alive(pid))
    assert reader.pids == frozenset()


async def test_closing_ends_what_is_read_and_what_waits(reader: FeedReader) -> None:
    parsing = [asyncio.create_task(refusal(reader, LARGE)) for _ in range(2)]
    pid = await busy(reader)
    await reader.close()
    assert not alive(pid)
    assert list(await asyncio.gather(*parsing)) == [Reason.INTERRUPTED, Reason.INTERRUPTED]
    assert reader.pids == frozenset()


async def test_feed_beyond_the_queue_is_refused_at_once() -> None:
    async with reading(processes=1, waiting=1) as reader:
        first = asyncio.create_task(reader.parse(LARGE))
        await busy(reader)
        second = asyncio.create_task(reader.parse(FULL))
        while not reader.waiting:
            await asyncio.sleep(0)
        assert await refusal(reader, FULL) == Reason.TOO_MANY_IMPORTS
        assert not first.done()
        assert (await second).title == "Harbour Lights"
        assert reader.waiting == 0


async def test_feeds_that_wait_may_not_fill_the_memory() -> None:
    async with reading(processes=1, waiting_bytes=len(FULL)) as reader:
        first = asyncio.create_task(refusal(reader, LARGE))
        await busy(reader)
        second = asyncio.create_task(refusal(reader, FULL))
        while not reader.waiting:
            await asyncio.sleep(0)
        assert await refusal(reader, FULL) == Reason.TOO_MANY_IMPORTS
        await reader.close()
        assert list(await asyncio.gather(first, second)) == [Reason.INTERRUPTED, Reason.INTERRUPTED]


async def test_process_that_read_a_large_feed_gives_its_memory_back() -> None:
    async with reading(processes=1, recycled_bytes=len(FULL) - 1) as reader:
        await reader.parse(FULL)
        assert reader.pids == frozenset()


async def test_process_has_no_secrets_and_a_session_of_its_own(reader: FeedReader) -> None:
    await reader.parse(FULL)
    [pid] = reader.pids
    assert environment_of(pid) == b""
    assert os.getsid(pid) == pid
    assert os.getpriority(os.PRIO_PROCESS, pid) > os.getpriority(os.PRIO_PROCESS, 0)


async def test_event_loop_runs_on_while_a_large_feed_is_read(reader: FeedReader) -> None:
    parsing = asyncio.create_task(reader.parse(LARGE))
    turns = 0
    while not parsing.done():
        await asyncio.sleep(0.01)
        turns += 1
    assert len((await parsing).episodes) == 20_000
    assert turns > 50  # a parser that holds the interpreter's lock leaves a handful


async def test_description_of_a_megabyte_travels_alone(reader: FeedReader) -> None:
    long = f"<description>{'x' * 99_999}</description>"
    body = rss("".join(item(long, guid=str(number)) for number in range(25)))
    assert (await reader.parse(body)) == parse_feed(body)


async def answer_of(program: str) -> BaseException:
    """What the server raises when the process at the other end does this instead of reading feeds."""
    preamble = "import sys; from resolvers.feeds.messages import *; out = sys.stdout.buffer; "
    pipe = asyncio.subprocess.PIPE
    started = await asyncio.create_subprocess_exec(sys.executable, "-c", preamble + program, stdin=pipe, stdout=pipe)
    process = ParsingProcess(ChildProcess(started))
    with pytest.raises((ParserDefect, ProcessLost)) as raised:
        await process.parse(Request(None, None, 0, 1), b"")
    await process.end()
    return raised.value


async def test_bug_of_the_parser_is_a_defect_with_its_traceback() -> None:
    error = await answer_of("out.write(frame(Defect('ZeroDivisionError')))")
    assert isinstance(error, ParserDefect)
    assert str(error) == "ZeroDivisionError"


async def test_answer_out_of_turn_is_a_defect() -> None:
    error = await answer_of("out.write(frame(Ready()))")
    assert isinstance(error, ParserDefect)
    assert str(error) == "an answer out of turn: Ready()"


@pytest.mark.parametrize("program", ["pass", "out.write(frame(Exhausted()))", "out.write(bytes(7))"])
async def test_process_without_memory_or_without_an_answer_is_lost(program: str) -> None:
    assert isinstance(await answer_of(program), ProcessLost)


async def test_process_that_cannot_start_is_a_defect_and_not_the_feeds_fault() -> None:
    async with reading(memory_bytes="no number") as reader:  # type: ignore[arg-type]  # the process refuses it
        with pytest.raises(ParserDefect, match="does not start"):
            await reader.parse(FULL)
        assert reader.pids == frozenset()


async def test_process_without_pipes_is_refused() -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "pass")
    with pytest.raises(ValueError, match="pipes"):
        ChildProcess(process)
    await process.wait()


@pytest.fixture
def server() -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", SERVER],
        cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_process_does_not_outlive_a_killed_server(server: "subprocess.Popen[str]") -> None:
    with server:
        assert server.stdout is not None
        pid = int(server.stdout.readline())
        assert alive(pid)
        server.kill()
        server.wait(10)
        until(lambda: not alive(pid), 10)


def test_ctrl_c_does_not_reach_the_process_that_reads(server: "subprocess.Popen[str]") -> None:
    with server:
        assert server.stdout is not None
        server.stdout.readline()
        os.killpg(server.pid, signal.SIGINT)
        out, err = server.communicate(timeout=60)
        assert (out, err, server.returncode) == ("20000\n", "", 0)
