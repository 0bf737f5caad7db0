"""Budgets in Redis: their keys, how long they are kept, and the script."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from cache.redis import open_redis
from gateway.cost.budgets import GRACE, LATE, Allowance, Hold
from gateway.cost.points import Points, points
from gateway.cost.redis_budgets import BucketMissing, Missing, RedisBudgets, bucket_keys

TENANT = Allowance("ten:3", points(100), points(10))
KEY = Allowance("key:3:12", points(50), points(2))
BUCKET = "podgraph:budget:{ten:3}"


@pytest.fixture
async def redis() -> AsyncIterator[Redis]:
    redis = open_redis(None)
    yield redis
    await redis.aclose()


@pytest.fixture
def budgets(redis: Redis) -> RedisBudgets:
    return RedisBudgets(redis, "tests")


async def held(budgets: RedisBudgets, whole: int, *allowances: Allowance, seconds: float = 30) -> Hold:
    hold = await budgets.take(allowances, points(whole), client="one", seconds=seconds)
    assert isinstance(hold, Hold)
    return hold


async def test_keys_of_one_call_have_one_hash_tag(redis: Redis, budgets: RedisBudgets) -> None:
    assert bucket_keys([TENANT, KEY]) == [BUCKET, f"{BUCKET}:key:3:12"]
    await held(budgets, 10, TENANT, KEY)
    assert sorted(await redis.keys()) == [BUCKET.encode(), f"{BUCKET}:key:3:12".encode()]


async def test_bucket_is_kept_until_it_would_be_full(redis: Redis, budgets: RedisBudgets) -> None:
    await budgets.settle(await held(budgets, 50, TENANT), points(50))
    assert await redis.pttl(BUCKET) == pytest.approx((5 + GRACE) * 1_000, abs=500)


async def test_bucket_with_a_hold_is_kept_until_that_is_forgotten(redis: Redis, budgets: RedisBudgets) -> None:
    hold = await held(budgets, 50, TENANT, seconds=100)
    await held(budgets, 1, TENANT, seconds=10)
    assert await redis.pttl(BUCKET) == pytest.approx((100 + LATE) * 1_000, abs=500)
    await budgets.settle(hold, points(0))
    assert await redis.pttl(BUCKET) > LATE * 1_000


async def test_bucket_that_restores_nothing_is_kept(redis: Redis, budgets: RedisBudgets) -> None:
    still = Allowance("ten:3", points(100), Points(0))
    await held(budgets, 10, TENANT)
    await held(budgets, 10, still)
    assert await redis.pttl(BUCKET) == -1


async def test_looking_at_a_bucket_makes_none(redis: Redis, budgets: RedisBudgets) -> None:
    await budgets.levels([TENANT, KEY])
    assert await redis.keys() == []


async def test_settled_bucket_remembers_no_holds(redis: Redis, budgets: RedisBudgets) -> None:
    for _ in range(5):
        await budgets.settle(await held(budgets, 10, TENANT, KEY), points(1))
    for key in bucket_keys([TENANT, KEY]):
        fields = await redis.hgetall(key)
        assert set(fields) == {b"level", b"at", b"line", b"due", b"last", b"open"}
        assert (fields[b"open"], fields[b"line"]) == (b"0", b"")


async def test_thousands_of_holds_may_end_at_once(redis: Redis, budgets: RedisBudgets) -> None:
    large = Allowance("ten:3", points(100_000), Points(0))
    async with redis.pipeline(transaction=False) as pipe:
        await held(budgets, 1, large, seconds=0)
        # As 9,999 takes would have written them.
        for number in range(9_999):
            pipe.hset(BUCKET, f"hother-{number}", "1:1000")
        pipe.hset(BUCKET, mapping={"open": 10_000, "level": 90_000_000_000})
        await pipe.execute()
    assert [level.available for level in await budgets.levels([large])] == [points(100_000)]
    await held(budgets, 1, large)
    assert await redis.hmget(BUCKET, "level", "open") == [b"99999000000", b"2"]


async def test_missing_bucket_begins_where_it_is_told_to(budgets: RedisBudgets) -> None:
    [level] = await budgets.levels([TENANT], missing=lambda _: points(25))
    assert level.available == points(25)
    [level] = await budgets.give([BUCKET], [TENANT], points(10), missing=lambda _: points(25))
    assert level.available == points(35)


async def test_bucket_that_must_not_be_missing_is_said_to_be_and_nothing_is_done(
    redis: Redis, budgets: RedisBudgets
) -> None:
    for _ in range(2):
        with pytest.raises(BucketMissing):
            await budgets.take([TENANT], points(1), client="one", seconds=1, missing=lambda _: Missing.WRONG)
    assert await redis.keys() == []


async def test_script_that_redis_has_forgotten_is_sent_again(redis: Redis, budgets: RedisBudgets) -> None:
    hold = await held(budgets, 10, TENANT)
    await redis.script_flush()
    [level] = await budgets.settle(hold, points(10))
    assert level.available == pytest.approx(points(90), abs=points(5))
