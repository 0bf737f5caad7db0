"""Blocks that are interrupted: by time, by a client that leaves, and never by mistake."""

import asyncio
from typing import Any

import pytest
from starlette.types import Message

from gateway.http.interruption import WATCH_AFTER, ClientGone, Interruption, attended


class Connection:
    """A client whose request is here. `leave` closes the connection."""

    def __init__(self) -> None:
        self.asked = 0
        self._gone = asyncio.Event()

    def leave(self) -> None:
        self._gone.set()

    async def receive(self) -> Message:
        self.asked += 1
        await self._gone.wait()
        return {"type": "http.disconnect"}


class Broken(Connection):
    async def receive(self) -> Message:
        self.asked += 1
        raise ConnectionResetError


async def for_ever() -> Any:
    await asyncio.Event().wait()


async def until_asked(connection: Connection) -> None:
    while not connection.asked:
        await asyncio.sleep(0)


async def test_interrupted_block_raises_its_error_and_its_task_goes_on() -> None:
    with pytest.raises(TimeoutError), Interruption(0, TimeoutError):
        await for_ever()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    await asyncio.sleep(0)


async def test_block_that_ends_in_time_is_never_interrupted() -> None:
    with Interruption(0, TimeoutError):
        pass
    for _ in range(3):
        await asyncio.sleep(0)


async def test_cancellation_from_elsewhere_stays_one() -> None:
    async def blocked() -> None:
        with Interruption(60, TimeoutError):
            await for_ever()

    task = asyncio.create_task(blocked())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_cancellation_from_elsewhere_goes_before_an_interruption() -> None:
    blocks: list[Interruption] = []

    async def blocked() -> None:
        with Interruption(60, TimeoutError) as block:
            blocks.append(block)
            await for_ever()

    task = asyncio.create_task(blocked())
    await asyncio.sleep(0)
    blocks[0].interrupt()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_error_of_the_block_is_its_own() -> None:
    with pytest.raises(KeyError), Interruption(60, TimeoutError):
        raise KeyError


async def test_work_is_done_before_anybody_looks_for_its_client() -> None:
    async def work() -> str:
        await asyncio.sleep(0)
        return "done"

    connection = Connection()
    assert await attended(connection.receive, work()) == "done"
    assert connection.asked == 0


async def test_work_of_a_client_that_leaves_is_cancelled() -> None:
    connection, ended = Connection(), asyncio.Event()

    async def work() -> None:
        try:
            await for_ever()
        finally:
            ended.set()

    attending = asyncio.create_task(attended(connection.receive, work()))
    await until_asked(connection)
    connection.leave()
    with pytest.raises(ClientGone):
        await attending
    assert ended.is_set()


async def test_connection_that_breaks_is_a_client_that_left() -> None:
    with pytest.raises(ClientGone):
        await attended(Broken().receive, for_ever())


async def test_client_that_leaves_as_the_work_ends_interrupts_nothing_after_it() -> None:
    connection, finish = Connection(), asyncio.Event()

    async def served() -> str:
        await attended(connection.receive, finish.wait())
        for _ in range(5):
            await asyncio.sleep(0)
        return "answered"

    task = asyncio.create_task(served())
    await until_asked(connection)
    finish.set()
    connection.leave()
    assert await task == "answered"


async def test_nobody_watches_a_connection_whose_work_is_done() -> None:
    connection = Connection()
    await attended(connection.receive, asyncio.sleep(2 * WATCH_AFTER))
    await asyncio.sleep(0)
    assert connection.asked == 1
    assert asyncio.all_tasks() == {asyncio.current_task()}
