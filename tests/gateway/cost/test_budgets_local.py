"""Budgets inside a process: how many buckets are kept, and which."""

from gateway.cost.budgets import Allowance, Hold
from gateway.cost.local_budgets import LocalBudgets
from gateway.cost.points import Points, points


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def owner(number: int) -> Allowance:
    return Allowance(f"adr:{number}", points(100), points(10))


async def spend(budgets: LocalBudgets, number: int) -> None:
    hold = await budgets.take([owner(number)], points(100), client="one", seconds=30)
    assert isinstance(hold, Hold)
    await budgets.settle(hold, points(100))


async def available(budgets: LocalBudgets, number: int) -> int:
    [level] = await budgets.levels([owner(number)])
    return level.available


async def test_full_buckets_make_room_and_others_stay() -> None:
    clock = Clock()
    budgets = LocalBudgets(clock, max_owners=10)
    await spend(budgets, 0)
    clock.now += 5
    for number in range(1, 10):
        await spend(budgets, number)
    clock.now += 1
    assert await available(budgets, 10) == points(100)
    assert await available(budgets, 0) == points(60)
    assert len(budgets) == 11
    clock.now += 9
    assert await available(budgets, 11) == points(100)
    assert len(budgets) == 10


async def test_there_are_never_more_than_twice_as_many() -> None:
    budgets = LocalBudgets(Clock(), max_owners=10)
    for number in range(50):
        await spend(budgets, number)
        assert len(budgets) <= 20
    assert [await available(budgets, number) for number in range(40, 50)] == [0] * 10


async def test_bucket_with_a_hold_is_not_full() -> None:
    clock = Clock()
    budgets = LocalBudgets(clock, max_owners=1)
    hold = await budgets.take([owner(1)], points(10), client="one", seconds=600)
    assert isinstance(hold, Hold)
    clock.now += 20
    await available(budgets, 2)
    [level] = await budgets.settle(hold, points(50))
    assert level.available == points(60)


async def test_bucket_begins_where_it_is_told_to() -> None:
    budgets = LocalBudgets(Clock(), initial=lambda allowance: Points(allowance.capacity // 4))
    assert await available(budgets, 1) == points(25)
