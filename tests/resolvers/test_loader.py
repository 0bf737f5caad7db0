"""The loader: many askers, one query; no waiter harms another."""

import asyncio
from collections.abc import Sequence

import pytest

from resolvers.loaders.loader import Loader


class Doubling(Loader[int, int]):
    """Gives each key's double; records its batches, waits at `gate` and raises `failure` while there is one."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[list[int]] = []
        self.began = asyncio.Semaphore(0)
        """Released once for every batch that begins."""
        self.gate = asyncio.Event()
        self.gate.set()
        self.failure: Exception | None = None

    async def load(self, keys: list[int]) -> Sequence[int]:
        self.batches.append(keys)
        self.began.release()
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return [key * 2 for key in keys]


class Short(Loader[int, int]):
    async def load(self, keys: list[int]) -> Sequence[int]:
        return keys[1:]


async def test_values_come_in_the_order_of_keys_which_may_repeat() -> None:
    loader = Doubling()
    assert await loader.fetch([3, 1, 3, 2]) == [6, 2, 6, 4]
    assert loader.batches == [[3, 1, 2]]


async def test_no_keys_need_no_query() -> None:
    loader = Doubling()
    assert await loader.fetch([]) == []
    assert loader.batches == []


async def test_askers_of_one_turn_travel_together() -> None:
    loader = Doubling()
    found = tuple(await asyncio.gather(loader.fetch([1, 2]), loader.fetch_one(2), loader.fetch([3, 1])))
    assert found == ([2, 4], 4, [6, 2])
    assert loader.batches == [[1, 2, 3]]


async def test_what_is_loaded_is_not_asked_again() -> None:
    loader = Doubling()
    await loader.fetch([1, 2])
    assert await loader.fetch([2, 3, 1]) == [4, 6, 2]
    assert loader.batches == [[1, 2], [3]]


async def test_key_under_way_is_not_asked_again() -> None:
    loader = Doubling()
    loader.gate.clear()
    first = asyncio.create_task(loader.fetch([1]))
    await loader.began.acquire()
    second = asyncio.create_task(loader.fetch([1, 2]))
    await loader.began.acquire()
    loader.gate.set()
    assert (await first, await second) == ([2], [2, 4])
    assert loader.batches == [[1], [2]]


async def test_cancelled_waiter_takes_nobody_with_it() -> None:
    loader = Doubling()
    loader.gate.clear()
    leaving, staying = asyncio.create_task(loader.fetch([1])), asyncio.create_task(loader.fetch([1, 2]))
    await loader.began.acquire()
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    loader.gate.set()
    assert await staying == [2, 4]
    assert await loader.fetch([1]) == [2]
    assert loader.batches == [[1, 2]]


async def test_waiter_cancelled_before_the_batch_starts_does_not_poison_its_key() -> None:
    loader = Doubling()
    leaving = asyncio.create_task(loader.fetch([1]))
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert await loader.fetch([1]) == [2]


async def test_batch_serves_later_askers_when_every_waiter_was_cancelled() -> None:
    loader = Doubling()
    loader.gate.clear()
    leaving = asyncio.create_task(loader.fetch([1]))
    await loader.began.acquire()
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    loader.gate.set()
    assert await loader.fetch([1]) == [2]
    assert loader.batches == [[1]]


async def test_failure_reaches_every_waiter_and_leaves_nothing_behind() -> None:
    loader = Doubling()
    loader.failure = ConnectionError("lost")
    found = await asyncio.gather(loader.fetch([1]), loader.fetch([1, 2]), return_exceptions=True)
    assert tuple(found) == (loader.failure, loader.failure)
    loader.failure = None
    assert await loader.fetch([1, 2]) == [2, 4]
    assert loader.batches == [[1, 2], [1, 2]]


async def test_failure_without_waiters_is_silent() -> None:
    complaints: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: complaints.append(context))
    try:
        loader = Doubling()
        loader.gate.clear()
        loader.failure = ConnectionError("lost")
        leaving = asyncio.create_task(loader.fetch([1]))
        await loader.began.acquire()
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        loader.gate.set()
        for _ in range(5):
            await asyncio.sleep(0)
        del leaving
    finally:
        loop.set_exception_handler(None)
    assert complaints == []


async def test_batch_of_the_wrong_length_is_an_error() -> None:
    with pytest.raises(ValueError, match="zip"):
        await Short().fetch([1, 2])


async def test_clearing_forgets() -> None:
    loader = Doubling()
    await loader.fetch([1])
    loader.clear()
    assert await loader.fetch([1]) == [2]
    assert loader.batches == [[1], [1]]


async def test_fetch_under_way_survives_clearing_and_later_ones_ask_again() -> None:
    loader = Doubling()
    loader.gate.clear()
    early = asyncio.create_task(loader.fetch([1]))
    await loader.began.acquire()
    loader.clear()
    late = asyncio.create_task(loader.fetch([1]))
    await loader.began.acquire()
    loader.gate.set()
    assert (await early, await late) == ([2], [2])
    assert loader.batches == [[1], [1]]


async def test_fetch_that_has_not_started_survives_clearing() -> None:
    loader = Doubling()
    early = asyncio.create_task(loader.fetch([1]))
    await asyncio.sleep(0)
    loader.clear()
    assert await early == [2]


async def test_a_batch_costs_one_task_however_many_keys() -> None:
    loader = Doubling()
    loader.gate.clear()
    before = len(asyncio.all_tasks())
    asking = asyncio.create_task(loader.fetch(range(1_000)))
    await loader.began.acquire()
    assert len(asyncio.all_tasks()) - before == 2
    loader.gate.set()
    assert (await asking)[999] == 1_998


async def test_stopped_loader_cancels_its_batch_and_whoever_waits() -> None:
    loader = Doubling()
    loader.gate.clear()
    waiting = asyncio.create_task(loader.fetch([1]))
    await loader.began.acquire()
    loader.stop()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_stopped_loader_cancels_a_batch_from_before_a_write_too() -> None:
    loader = Doubling()
    loader.gate.clear()
    waiting = asyncio.create_task(loader.fetch([1]))
    await loader.began.acquire()
    loader.clear()
    loader.stop()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_what_is_loaded_is_given_without_a_turn_of_the_loop() -> None:
    loader = Doubling()
    await loader.fetch([1, 2])
    with pytest.raises(StopIteration) as answer:
        loader.fetch([2, 1]).send(None)
    assert answer.value.value == [4, 2]


async def test_keys_of_several_batches_under_way_are_waited_for_together() -> None:
    loader = Doubling()
    loader.gate.clear()
    early = [asyncio.create_task(loader.fetch([1, 2]))]
    await loader.began.acquire()
    early.append(asyncio.create_task(loader.fetch([3])))
    await loader.began.acquire()
    late = asyncio.create_task(loader.fetch([3, 4, 2]))
    await loader.began.acquire()
    loader.gate.set()
    assert await late == [6, 8, 4]
    assert await asyncio.gather(*early) == [[2, 4], [6]]
    assert loader.batches == [[1, 2], [3], [4]]


class Turns(Loader[int, int]):
    """Each batch waits for its own gate."""

    def __init__(self) -> None:
        super().__init__()
        self.gates = {key: asyncio.Event() for key in (1, 2)}
        self.began = asyncio.Semaphore(0)

    async def load(self, keys: list[int]) -> Sequence[int]:
        self.began.release()
        await self.gates[keys[0]].wait()
        if keys == [2]:
            raise ConnectionError("lost")
        return keys


async def test_batch_that_ends_before_it_is_waited_for_gives_its_values_and_its_failure() -> None:
    loader = Turns()
    first = asyncio.create_task(loader.fetch([1]))
    await loader.began.acquire()
    second = asyncio.create_task(loader.fetch([2]))
    await loader.began.acquire()
    both = asyncio.create_task(loader.fetch([1, 2]))
    await asyncio.sleep(0)
    loader.gates[2].set()
    with pytest.raises(ConnectionError):
        await second
    loader.gates[1].set()
    assert await first == [1]
    with pytest.raises(ConnectionError):
        await both


async def test_asker_after_a_cancelled_sibling_joins_the_batch_under_way() -> None:
    """As when one executor gives up, and another takes over."""
    loader = Doubling()
    loader.gate.clear()
    siblings = [asyncio.create_task(loader.fetch(keys)) for keys in ([1, 2], [2, 3])]
    await loader.began.acquire()
    for sibling in siblings:
        sibling.cancel()
    await asyncio.gather(*siblings, return_exceptions=True)
    again = asyncio.create_task(loader.fetch([3, 1]))
    await asyncio.sleep(0)
    loader.gate.set()
    assert await again == [6, 2]
    assert loader.batches == [[1, 2, 3]]


async def test_batch_that_is_stopped_before_it_began_leaves_nobody_waiting() -> None:
    loader = Doubling()
    waiting = asyncio.create_task(loader.fetch([1]))
    await asyncio.sleep(0)
    loader.stop()
    async with asyncio.timeout(5):
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert loader.batches == []
    assert await loader.fetch([1]) == [2]


async def test_failure_is_not_kept_for_keys_that_another_batch_brought() -> None:
    loader = Doubling()
    await loader.fetch([1])
    loader.failure = ConnectionError("lost")
    with pytest.raises(ConnectionError):
        await loader.fetch([1, 2])
    assert await loader.fetch([1]) == [2]


async def test_sole_task_of_an_operation_loads_without_another_task() -> None:
    loader = Doubling()
    loader.sole = asyncio.current_task()
    before = len(asyncio.all_tasks())
    loader.gate.clear()
    asking = loader.fetch([1, 2, 1])
    assert asking.send(None) is not None
    assert len(asyncio.all_tasks()) == before
    loader.gate.set()
    with pytest.raises(StopIteration) as answer:
        asking.send(None)
    assert answer.value.value == [2, 4, 2]
    assert loader.batches == [[1, 2]]


async def test_tasks_that_the_sole_one_begins_travel_together() -> None:
    loader = Doubling()
    loader.sole = asyncio.current_task()
    assert tuple(await asyncio.gather(loader.fetch([1]), loader.fetch([2, 1]))) == ([2], [4, 2])
    assert loader.batches == [[1, 2]]


async def test_sole_task_waits_for_what_is_under_way() -> None:
    loader = Doubling()
    loader.sole = asyncio.current_task()
    loader.gate.clear()
    other = asyncio.create_task(loader.fetch([1]))
    await loader.began.acquire()
    loader.gate.set()
    assert await loader.fetch([1]) == [2]
    assert await other == [2]
    assert loader.batches == [[1]]


async def test_failure_of_the_sole_task_leaves_nothing_behind() -> None:
    loader = Doubling()
    loader.sole = asyncio.current_task()
    loader.failure = ConnectionError("lost")
    with pytest.raises(ConnectionError):
        await loader.fetch([1])
    loader.failure = None
    assert await loader.fetch([1]) == [2]


async def test_sole_task_that_is_cancelled_ends_its_load_and_leaves_nothing_behind() -> None:
    loader = Doubling()
    loader.gate.clear()
    asking = asyncio.create_task(loader.fetch([1]))
    loader.sole = asking
    await loader.began.acquire()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    loader.gate.set()
    loader.sole = None
    assert await loader.fetch([1]) == [2]
    assert loader.batches == [[1], [1]]


async def test_what_the_sole_task_is_loading_is_forgotten_when_it_is_cleared_meanwhile() -> None:
    loader = Doubling()
    loader.gate.clear()
    early = asyncio.create_task(loader.fetch([1]))
    loader.sole = early
    await loader.began.acquire()
    loader.clear()
    loader.gate.set()
    assert await early == [2]
    assert await loader.fetch([1]) == [2]
    assert loader.batches == [[1], [1]]
