"""Others go on while much is worked out."""

import asyncio
from collections.abc import Iterator

import pytest

from resolvers.paths.turns import in_parts, in_turns


async def test_others_go_on_after_each_item() -> None:
    order: list[str] = []

    def items() -> Iterator[int]:
        for number in range(3):
            order.append(f"item {number}")
            yield number

    async def other() -> None:
        for number in range(3):
            order.append(f"other {number}")
            await asyncio.sleep(0)

    found, _ = await asyncio.gather(in_turns(items()), other())
    assert found == [0, 1, 2]
    assert order == ["item 0", "other 0", "item 1", "other 1", "item 2", "other 2"]


async def test_cancelling_ends_the_work_between_two_items() -> None:
    begun: list[int] = []

    def endless() -> Iterator[int]:
        while True:
            begun.append(len(begun))
            yield begun[-1]

    working = asyncio.create_task(in_turns(endless()))
    await asyncio.sleep(0)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert begun == [0]


@pytest.mark.parametrize(
    ("sizes", "parts"),
    [
        ([], []),
        ([3], [[3]]),
        ([9, 1], [[9], [1]]),
        ([2, 2, 1, 3, 3], [[2, 2, 1], [3], [3]]),
        ([0, 0, 5, 0, 1], [[0, 0, 5, 0], [1]]),
        ([1, 9, 9, 1], [[1], [9], [9], [1]]),
    ],
)
def test_parts_keep_the_order_and_only_one_item_may_be_larger(sizes: list[int], parts: list[list[int]]) -> None:
    assert list(in_parts(sizes, lambda size: size, 5)) == parts
