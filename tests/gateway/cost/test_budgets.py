"""What all budgets do: in the process, in Redis' stand-in and in a Redis server."""

from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cache.redis import open_redis
from gateway.cost.budgets import (
    GRACE,
    LARGEST,
    LATE,
    LONGEST_WAIT,
    PATIENCE,
    PLACES,
    Allowance,
    Budgets,
    Hold,
    Throttled,
)
from gateway.cost.local_budgets import LocalBudgets
from gateway.cost.points import Points, points
from gateway.cost.redis_budgets import RedisBudgets
from tests.services.redis_server import RedisServer

CAPACITY, RATE = 100, 10
TENANT = Allowance("ten:3", points(CAPACITY), points(RATE))
KEY = Allowance("key:3:12", points(50), points(2))
SECONDS = 30.0


class Clock:
    def __init__(self) -> None:
        self.now = 1_795_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture(params=["process", "stand-in", "server"])
async def budgets(request: pytest.FixtureRequest, clock: Clock) -> AsyncIterator[Budgets]:
    if request.param == "process":
        yield LocalBudgets(clock)
        return
    url = None if request.param == "stand-in" else request.getfixturevalue("server").url
    redis = open_redis(url, timeout=5.0)
    await redis.flushall()
    yield RedisBudgets(redis, "tests", clock=clock)
    await redis.aclose()


async def take(budgets: Budgets, whole: int, *allowances: Allowance, client: str = "one") -> Hold | Throttled:
    return await budgets.take(allowances or (TENANT,), points(whole), client=client, seconds=SECONDS)


async def held(budgets: Budgets, whole: int, *allowances: Allowance, client: str = "one") -> Hold:
    hold = await take(budgets, whole, *allowances, client=client)
    assert isinstance(hold, Hold)
    return hold


async def refused(budgets: Budgets, whole: int, *allowances: Allowance, client: str = "one") -> Throttled:
    throttled = await take(budgets, whole, *allowances, client=client)
    assert isinstance(throttled, Throttled)
    return throttled


async def available(budgets: Budgets, *allowances: Allowance) -> list[float]:
    return [level.available / 1_000 for level in await budgets.levels(allowances or (TENANT,))]


async def test_bucket_that_nobody_has_used_is_full(budgets: Budgets) -> None:
    [level] = await budgets.levels([TENANT])
    assert (level.available, level.capacity, level.restore_rate) == (100_000, 100_000, 10_000)


async def test_taking_lowers_the_level_and_says_so(budgets: Budgets) -> None:
    hold = await held(budgets, 30)
    assert [level.available for level in hold.levels] == [points(70)]
    assert (hold.requested, hold.allowances) == (points(30), (TENANT,))
    assert await available(budgets) == [70]


async def test_looking_takes_nothing(budgets: Budgets) -> None:
    await held(budgets, 30)
    for _ in range(3):
        assert await available(budgets) == [70]


async def test_last_point_may_be_taken_and_not_one_more(budgets: Budgets) -> None:
    await held(budgets, 100)
    throttled = await budgets.take([TENANT], Points(1), client="one", seconds=SECONDS)
    assert isinstance(throttled, Throttled)
    assert (throttled.by, throttled.levels[0].available) == (0, 0)


async def test_time_restores_to_the_thousandth_and_no_further_than_full(budgets: Budgets, clock: Clock) -> None:
    await held(budgets, 100)
    clock.now += 0.25
    assert await available(budgets) == [2.5]
    clock.now += 3.5
    assert await available(budgets) == [37.5]
    clock.now += 60
    assert await available(budgets) == [100]


async def test_many_calls_lose_nothing_of_a_slow_rate(budgets: Budgets, clock: Clock) -> None:
    slow = Allowance("ten:4", points(10), Points(7))
    await held(budgets, 10, slow)
    for _ in range(100):
        clock.now += 0.01
        await refused(budgets, 10, slow)
    clock.now += 0.001  # the clock of the test is no exact number
    [level] = await budgets.levels([slow])
    assert level.available == 7


async def test_clock_that_went_back_restores_nothing_and_then_goes_on(budgets: Budgets, clock: Clock) -> None:
    await held(budgets, 100)
    clock.now -= 3600
    assert await available(budgets) == [0]
    await refused(budgets, 50)
    clock.now += 1
    assert await available(budgets) == [10]


async def test_settlement_gives_back_what_was_not_spent(budgets: Budgets) -> None:
    hold = await held(budgets, 80)
    [level] = await budgets.settle(hold, Points(12_500))
    assert level.available == 87_500
    assert await available(budgets) == [87.5]


async def test_settling_twice_charges_once(budgets: Budgets) -> None:
    hold = await held(budgets, 80)
    await budgets.settle(hold, points(10))
    [level] = await budgets.settle(hold, points(10))
    assert level.available == points(90)
    [level] = await budgets.settle(hold, points(70))
    assert level.available == points(90)


async def test_refund_never_makes_a_bucket_more_than_full(budgets: Budgets, clock: Clock) -> None:
    hold = await held(budgets, 80)
    clock.now += 7
    [level] = await budgets.settle(hold, points(10))
    assert level.available == points(100)


async def test_hold_that_nobody_settles_comes_back_whole_when_it_ends(budgets: Budgets, clock: Clock) -> None:
    still = Allowance("ten:5", points(100), Points(0))
    await held(budgets, 80, still)
    clock.now += SECONDS - 0.002
    assert await available(budgets, still) == [20]
    clock.now += 0.004
    assert await available(budgets, still) == [100]
    await held(budgets, 100, still)


async def test_ends_of_many_holds_are_found_one_by_one(budgets: Budgets, clock: Clock) -> None:
    still = Allowance("ten:6", points(100), Points(0))
    for seconds in (1, 3, 2):
        await budgets.take([still], points(seconds * 10), client="one", seconds=seconds)
    seen = []
    for _ in range(4):
        seen += await available(budgets, still)
        clock.now += 1.001
        await take(budgets, 1000, still)
    assert seen == [40, 50, 70, 100]


async def test_settlement_after_the_end_is_charged_once(budgets: Budgets, clock: Clock) -> None:
    still = Allowance("ten:7", points(100), Points(0))
    hold = await held(budgets, 80, still)
    clock.now += SECONDS + 1
    assert await available(budgets, still) == [100]
    [level] = await budgets.settle(hold, points(15))
    assert level.available == points(85)
    [level] = await budgets.settle(hold, points(15))
    assert level.available == points(85)


async def test_settlement_after_an_end_that_another_call_has_seen_is_charged_once(
    budgets: Budgets, clock: Clock
) -> None:
    still = Allowance("ten:8", points(100), Points(0))
    hold = await held(budgets, 80, still)
    clock.now += SECONDS + 1
    await held(budgets, 1, still)
    await budgets.settle(hold, points(15))
    [level] = await budgets.settle(hold, points(15))
    assert level.available == points(84)


@pytest.mark.parametrize("seen", [True, False])
async def test_settlement_long_after_the_end_is_forgotten(budgets: Budgets, clock: Clock, seen: bool) -> None:
    still = Allowance("ten:9", points(100), Points(0))
    hold = await held(budgets, 60, still)
    await held(budgets, 1, still)
    clock.now += SECONDS + LATE + 1
    if seen:
        await take(budgets, 1_000, still)
    await held(budgets, 10, still)
    await budgets.settle(hold, points(15))
    [level] = await budgets.settle(hold, points(15))
    assert level.available == points(90)


async def test_settlement_that_is_the_first_call_long_after_the_end_is_forgotten(
    budgets: Budgets, clock: Clock
) -> None:
    still = Allowance("ten:9", points(100), Points(0))
    hold = await held(budgets, 60, still)
    spent = await held(budgets, 30, still)
    await budgets.settle(spent, points(30))
    clock.now += SECONDS + LATE + 1
    [level] = await budgets.settle(hold, points(15))
    assert level.available == points(70)


async def test_late_settlement_goes_below_zero_and_is_restored_from_there(budgets: Budgets, clock: Clock) -> None:
    hold = await budgets.take([TENANT], points(60), client="one", seconds=1)
    assert isinstance(hold, Hold)
    clock.now += 6.001
    await held(budgets, 100)
    [level] = await budgets.settle(hold, points(60))
    assert level.available == 0
    assert (await refused(budgets, 10)).retry_after == pytest.approx(7, abs=0.002)
    clock.now += 6
    assert await available(budgets) == [0]
    clock.now += 1
    assert await available(budgets) == [10]


async def test_debt_is_never_more_than_the_capacity(budgets: Budgets, clock: Clock) -> None:
    hold = await budgets.take([TENANT], points(60), client="one", seconds=1)
    assert isinstance(hold, Hold)
    clock.now += 2
    await budgets.settle(hold, points(100_000))
    assert (await refused(budgets, 10)).retry_after == pytest.approx(11, abs=0.002)


async def test_refused_is_told_when_to_come_again_and_then_has_it(budgets: Budgets, clock: Clock) -> None:
    await held(budgets, 95)
    throttled = await refused(budgets, 30)
    assert throttled.retry_after == 2.5
    assert [level.available for level in throttled.levels] == [points(5)]
    clock.now += throttled.retry_after - 0.01
    await refused(budgets, 30)
    clock.now += 0.011
    await held(budgets, 30)


async def test_bucket_that_restores_nothing_has_the_longest_wait(budgets: Budgets) -> None:
    still = Allowance("ten:10", points(100), Points(0))
    await held(budgets, 100, still)
    assert (await refused(budgets, 1, still)).retry_after == LONGEST_WAIT


async def test_more_than_the_capacity_is_refused_and_keeps_nothing_from_others(budgets: Budgets) -> None:
    assert (await refused(budgets, 150, client="greedy")).retry_after == 5
    await held(budgets, 100, client="modest")


async def test_both_buckets_are_taken_from_and_given_back_to(budgets: Budgets) -> None:
    hold = await held(budgets, 40, TENANT, KEY)
    assert [level.available for level in hold.levels] == [points(60), points(10)]
    levels = await budgets.settle(hold, points(15))
    assert [level.available for level in levels] == [points(85), points(35)]
    assert await available(budgets, TENANT, KEY) == [85, 35]


async def test_one_bucket_too_low_leaves_the_other_as_it_was(budgets: Budgets) -> None:
    await held(budgets, 45, TENANT, KEY)
    throttled = await refused(budgets, 11, TENANT, KEY)
    assert (throttled.by, throttled.retry_after) == (1, 3)
    assert [level.available for level in throttled.levels] == [points(55), points(5)]
    assert await available(budgets, TENANT, KEY) == [55, 5]


async def test_of_two_buckets_that_are_too_low_the_slower_one_is_waited_for(budgets: Budgets) -> None:
    await held(budgets, 50, TENANT, KEY)
    await held(budgets, 50, TENANT)
    throttled = await refused(budgets, 20, TENANT, KEY)
    assert (throttled.by, throttled.retry_after) == (1, 10)


async def test_same_key_bucket_is_found_beside_its_tenant_alone(budgets: Budgets) -> None:
    await held(budgets, 20, TENANT, KEY)
    assert await available(budgets, TENANT) == [80]
    assert await available(budgets, TENANT, KEY) == [80, 30]


async def test_another_owner_notices_nothing(budgets: Budgets) -> None:
    other = Allowance("ten:33", points(100), points(10))
    await held(budgets, 100)
    await refused(budgets, 100)
    assert await available(budgets, other) == [100]
    hold = await held(budgets, 100, other)
    await budgets.settle(hold, points(0))
    assert await available(budgets) == [0]


async def test_smaller_plan_takes_effect_at_the_next_call(budgets: Budgets) -> None:
    await held(budgets, 20)
    smaller = Allowance(TENANT.owner, points(50), points(5))
    assert await available(budgets, smaller) == [50]
    await held(budgets, 50, smaller)
    assert (await refused(budgets, 10, smaller)).retry_after == 2


async def test_larger_plan_restores_faster_from_the_level_there_is(budgets: Budgets, clock: Clock) -> None:
    await held(budgets, 80)
    larger = Allowance(TENANT.owner, points(1_000), points(100))
    assert await available(budgets, larger) == [20]
    clock.now += 5
    assert await available(budgets, larger) == [520]


async def test_largest_amounts_are_exact(budgets: Budgets, clock: Clock) -> None:
    largest = Allowance("ten:11", LARGEST, LARGEST)
    hold = await budgets.take([largest], LARGEST, client="one", seconds=SECONDS)
    assert isinstance(hold, Hold)
    clock.now += 0.001
    [level] = await budgets.settle(hold, Points(LARGEST - 1))
    assert level.available == LARGEST // 1_000 + 1
    with pytest.raises(ValueError, match="ten:11"):
        Allowance("ten:11", Points(LARGEST + 1), points(1))


async def test_any_name_of_a_client_is_a_client(budgets: Budgets, clock: Clock) -> None:
    await held(budgets, 100)
    names = ["", "a:1,b", "\x00\n", "ü" * 300, "\ud800", "1:2:3,4:5:6"]
    for name in names:
        await refused(budgets, 10, client=name)
    clock.now += 1
    for name in reversed(names[1:]):
        await refused(budgets, 10, client=name)
    await held(budgets, 10, client=names[0])


async def test_large_request_has_its_turn_under_a_hail_of_small_ones(budgets: Budgets, clock: Clock) -> None:
    await held(budgets, 100)
    wait = (await refused(budgets, 60, client="large")).retry_after
    assert wait == 6
    small = []
    for _ in range(60):
        clock.now += wait / 60
        small.append(await take(budgets, 1, client="small"))
    assert not any(isinstance(taken, Hold) for taken in small)
    clock.now += GRACE / 2
    assert isinstance(await take(budgets, 1, client="small"), Hold)  # beyond what is kept
    await held(budgets, 60, client="large")


async def test_client_that_does_not_come_back_costs_the_others_one_wait(budgets: Budgets, clock: Clock) -> None:
    await held(budgets, 100)
    wait = (await refused(budgets, 60, client="gone")).retry_after
    await refused(budgets, 60, client="stays")
    clock.now += wait + GRACE - 0.01
    await refused(budgets, 60, client="stays")
    clock.now += 0.011
    await held(budgets, 60, client="stays")


async def test_who_is_refused_is_served_in_the_order_of_coming(budgets: Budgets, clock: Clock) -> None:
    await held(budgets, 100)
    waiting = [f"client {number}" for number in range(5)]
    for client in waiting:
        await refused(budgets, 20, client=client)
    served = []
    for _ in range(120):
        clock.now += 0.1
        for client in reversed(waiting):  # who comes first each time is not who came first
            if client not in served and isinstance(await take(budgets, 20, client=client), Hold):
                served.append(client)
    assert served == waiting


async def test_place_is_not_kept_for_hours_where_the_wait_is_hours(budgets: Budgets, clock: Clock) -> None:
    slow = Allowance("ten:12", points(10), Points(1))
    await budgets.settle(await held(budgets, 10, slow), points(10))
    assert (await refused(budgets, 10, slow, client="gone")).retry_after == 10_000
    clock.now += PATIENCE + GRACE - 0.01
    assert (await refused(budgets, 1, slow, client="stays")).retry_after > 10_000
    clock.now += 0.02
    assert (await refused(budgets, 1, slow, client="stays")).retry_after == pytest.approx(1_000 - 122, abs=0.1)


async def test_place_in_line_is_the_requests_and_not_the_clients(budgets: Budgets, clock: Clock) -> None:
    await held(budgets, 100)
    await refused(budgets, 60, client="one")
    clock.now += 5
    await refused(budgets, 10, client="one")
    clock.now += 1
    await held(budgets, 60, client="one")


async def test_reserved_points_are_part_of_the_wait_of_the_others(budgets: Budgets) -> None:
    await held(budgets, 90)
    await refused(budgets, 60, client="first")
    throttled = await refused(budgets, 5, client="second")
    assert throttled.retry_after == 5.5
    assert throttled.levels[0].available == 0


async def test_line_in_one_bucket_takes_no_place_in_the_other(budgets: Budgets) -> None:
    await held(budgets, 45, TENANT, KEY)
    await refused(budgets, 40, TENANT, KEY, client="of the key")
    await held(budgets, 55, TENANT, client="of the tenant")


async def test_line_has_an_end(budgets: Budgets, clock: Clock) -> None:
    await held(budgets, 100)
    for number in range(PLACES + 1):
        await refused(budgets, 1, client=f"client {number}")
    clock.now += 0.099
    for number in range(PLACES):
        await refused(budgets, 1, client=f"client {number}")
    clock.now += (PLACES * 1_000 + 100) / 10_000
    for number in range(PLACES):
        await held(budgets, 1, client=f"client {number}")


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    calls=st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(1, 60), st.integers(0, 60), st.integers(0, 3_000)), max_size=40
    )
)
async def test_settled_is_never_more_than_capacity_and_what_time_restored(
    calls: list[tuple[str, int, int, int]],
) -> None:
    """And Redis does what the process does, call by call."""
    clock = Clock()
    redis = open_redis(None)
    local, shared = LocalBudgets(clock), RedisBudgets(redis, "tests", clock=clock)
    begin, spent, open_holds = clock.now, 0, list[tuple[Hold, Hold]]()
    for client, requested, actual, wait in calls:
        clock.now += wait / 1_000
        one, other = await take(local, requested, client=client), await take(shared, requested, client=client)
        assert one.levels == other.levels
        if isinstance(one, Hold) and isinstance(other, Hold):
            open_holds.append((one, other))
        else:
            assert isinstance(one, Throttled)
            assert one == other
        if actual % 2 and open_holds:
            settled = open_holds.pop(actual % len(open_holds))
            charged = Points(min(points(actual), settled[0].requested))
            assert await local.settle(settled[0], charged) == await shared.settle(settled[1], charged)
            spent += charged
        assert spent <= points(CAPACITY) + points(RATE) * (clock.now - begin + 0.001)
    await redis.aclose()
