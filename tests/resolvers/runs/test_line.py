"""Who may calculate at once, who waits, and who is sent away."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from persistence.ids import TenantId
from resolvers.runs.line import Busy, Line

ONE, TWO, THREE = TenantId(1), TenantId(2), TenantId(3)


async def until_let_in(line: Line, tenant: TenantId, entered: list[TenantId], leave: asyncio.Event) -> None:
    async with line.place(tenant):
        entered.append(tenant)
        await leave.wait()


async def test_one_calculates_and_others_wait_their_turn() -> None:
    line, entered, leave = Line(), list[TenantId](), asyncio.Event()
    waiting = [asyncio.create_task(until_let_in(line, tenant, entered, leave)) for tenant in (ONE, TWO, THREE)]
    await asyncio.sleep(0)
    assert entered == [ONE]
    leave.set()
    await asyncio.gather(*waiting)
    assert entered == [ONE, TWO, THREE]


async def test_a_tenant_has_few_places() -> None:
    line = Line(each=2)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(line.place(ONE))
        second = asyncio.create_task(until_let_in(line, ONE, [], asyncio.Event()))
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await stack.enter_async_context(line.place(ONE))
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
    async with line.place(ONE):
        pass


async def test_the_line_is_bounded() -> None:
    line, leave = Line(length=1), asyncio.Event()
    present = [asyncio.create_task(until_let_in(line, tenant, [], leave)) for tenant in (ONE, TWO)]
    await asyncio.sleep(0)
    with pytest.raises(Busy):
        async with line.place(THREE):
            pass
    leave.set()
    await asyncio.gather(*present)
    async with line.place(THREE):
        pass


async def test_nobody_waits_for_long() -> None:
    line = Line(seconds=0.01)
    async with line.place(ONE):
        with pytest.raises(Busy):
            async with line.place(TWO):
                pass
    async with line.place(TWO):
        pass


async def test_whoever_gives_up_or_fails_leaves_the_line() -> None:
    line = Line(length=1, each=1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            async with line.place(ONE):
                raise ZeroDivisionError
        async with line.place(ONE):
            waiting = asyncio.create_task(until_let_in(line, TWO, [], asyncio.Event()))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
    assert not line._present


async def test_time_spent_inside_is_not_time_spent_waiting() -> None:
    line = Line(seconds=0.01)
    async with line.place(ONE):
        await asyncio.sleep(0.03)
