"""Limits on guesses: one contract for memory, the store in the process and a Redis server; and the loss of Redis."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace

import limits.aio.storage.memory
import pytest
from limits import RateLimitItemPerMinute
from redis.asyncio import Redis

from cache.redis import open_redis
from gateway.auth import guess_limits as module
from gateway.auth.guess_limits import LIMITS, Guesses
from resolvers.errors import TooManyAttempts
from resolvers.identity.ports import Guess
from tests.services.redis_server import RedisServer

THREE_IN_TEN_MINUTES = {guess: RateLimitItemPerMinute(3, 10) for guess in Guess}
LOGIN = Guess.LOGIN_BY_ACCOUNT_AND_ADDRESS


@asynccontextmanager
async def opened(request: pytest.FixtureRequest) -> AsyncIterator[Redis]:
    url = None if request.param == "in-process" else request.getfixturevalue("redis_server").url
    client = open_redis(url, timeout=5.0)
    yield client
    await client.aclose()


@pytest.fixture(params=["in-process", "server"])
async def shared(request: pytest.FixtureRequest) -> AsyncIterator[Redis]:
    async with opened(request) as client:
        yield client


@pytest.fixture(params=["memory", "in-process", "server"])
async def redis(request: pytest.FixtureRequest) -> AsyncIterator[Redis | None]:
    if request.param == "memory":
        yield None
        return
    async with opened(request) as client:
        yield client


def guesses(redis: Redis | None) -> Guesses:
    return Guesses("a key", redis, THREE_IN_TEN_MINUTES)


async def admitted(limits: Guesses, times: int, *subject: str, guess: Guess = LOGIN) -> list[bool]:
    outcomes = []
    for _ in range(times):
        try:
            await limits.admit(guess, *subject)
            outcomes.append(True)
        except TooManyAttempts:
            outcomes.append(False)
    return outcomes


async def test_guesses_beyond_the_limit_are_refused_until_the_window_ends(redis: Redis | None) -> None:
    limits = guesses(redis)
    assert await admitted(limits, 5, "ada@example.com", "home") == [True, True, True, False, False]
    with pytest.raises(TooManyAttempts) as refused:
        await limits.admit(LOGIN, "ada@example.com", "home")
    assert 590 <= refused.value.retry_after <= 600


async def test_subjects_and_kinds_of_guess_are_counted_apart(redis: Redis | None) -> None:
    limits = guesses(redis)
    await admitted(limits, 4, "a", "b")
    assert await admitted(limits, 1, "a", "c") == [True]
    assert await admitted(limits, 1, "ab") == [True]
    assert await admitted(limits, 1, '["a","b"]') == [True]
    assert await admitted(limits, 1, "a", "b", guess=Guess.REGISTER_BY_ADDRESS) == [True]


async def test_forgiven_guesses_are_forgotten(redis: Redis | None) -> None:
    limits = guesses(redis)
    await admitted(limits, 3, "ada@example.com", "home")
    await limits.forgive(LOGIN, "ada@example.com", "home")
    assert await admitted(limits, 4, "ada@example.com", "home") == [True, True, True, False]


async def test_processes_count_together_through_redis(shared: Redis) -> None:
    assert await admitted(guesses(shared), 2, "ada") == [True, True]
    assert await admitted(guesses(shared), 2, "ada") == [True, False]


async def test_no_subject_is_stored_in_the_clear(shared: Redis) -> None:
    await admitted(guesses(shared), 1, "ada@example.com", "home")
    [key] = await shared.keys("*")
    assert b"ada" not in key
    assert b"home" not in key
    assert str(key).startswith("b'podgraph:guesses")
    assert 590 <= await shared.ttl(key) <= 600


async def test_window_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000_000.0
    clock = SimpleNamespace(time=lambda: now)
    monkeypatch.setattr(limits.aio.storage.memory, "time", clock)
    monkeypatch.setattr(module, "time", clock)
    counted = guesses(None)
    assert await admitted(counted, 4, "ada") == [True, True, True, False]
    now += 540
    with pytest.raises(TooManyAttempts) as refused:
        await counted.admit(LOGIN, "ada")
    assert refused.value.retry_after == 60.0
    now += 60
    assert await admitted(counted, 4, "ada") == [True, True, True, False]


async def test_without_redis_each_process_goes_on_counting(redis_server: RedisServer) -> None:
    client = open_redis(redis_server.url)
    limits = guesses(client)
    assert await admitted(limits, 1, "ada") == [True]
    redis_server.kill()
    assert await admitted(limits, 4, "ada") == [True, True, True, False]
    await limits.forgive(LOGIN, "ada")
    assert await admitted(limits, 1, "ada") == [True]
    await client.aclose()


def test_every_guess_has_a_limit_of_an_hour_at_most() -> None:
    assert set(LIMITS) == set(Guess)
    assert max(limit.get_expiry() for limit in LIMITS.values()) <= 3_600
