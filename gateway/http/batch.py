"""Several operations in one request: a JSON array, answered by an array in the same order."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from gateway.errors import Code, rejected
from gateway.http.limits import HttpLimits
from gateway.operation import OperationResult


async def batch_results(
    items: Sequence[object], answer: Callable[[object], Awaitable[OperationResult]], limits: HttpLimits
) -> list[OperationResult]:
    """Answer every item, at most `batch_concurrency` at a time; an item that is refused spoils no other.

    Items run side by side, mutations too: who needs an order puts the fields into one mutation, which is serial.
    Raises RequestRejected for an empty or too large batch, before any item runs.
    """
    if not items:
        raise rejected(Code.BAD_REQUEST, "The batch is empty.")
    if len(items) > limits.batch_items:
        message = f"The batch has {len(items)} operations; at most {limits.batch_items} are accepted."
        raise rejected(Code.BATCH_TOO_LARGE, message)
    places = asyncio.Semaphore(limits.batch_concurrency)

    async def in_turn(item: object) -> OperationResult:
        async with places:
            return await answer(item)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(in_turn(item)) for item in items]
    return [task.result() for task in tasks]
