"""A process that nobody hears holds the lock while it writes, and a little longer."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from cache.unheard_announcer import LINGER_SECONDS, UnheardAnnouncer
from tests.cache.primary import ScriptedPrimary, ShiftedClock

TAGS = [(1, "podcasts", 7)]


@pytest.fixture
def primary() -> ScriptedPrimary:
    return ScriptedPrimary()


@pytest.fixture
def clock() -> ShiftedClock:
    return ShiftedClock()


@pytest.fixture
async def announcer(primary: ScriptedPrimary, clock: ShiftedClock) -> AsyncIterator[UnheardAnnouncer]:
    announcer = UnheardAnnouncer(primary.unheard_writes, clock)
    async with announcer.running():
        yield announcer
    assert primary.holders == 0


async def test_lock_is_held_from_before_the_write_and_by_all_writes_together(
    announcer: UnheardAnnouncer, primary: ScriptedPrimary
) -> None:
    assert not primary.unheard
    one, other = await asyncio.gather(announcer.announced(TAGS), announcer.announced(TAGS))
    assert (primary.unheard, primary.holders) == (True, 1)
    await one.done(2_000)
    await other.undone()
    assert primary.unheard


async def test_lock_is_given_up_a_while_after_the_last_write(
    announcer: UnheardAnnouncer, primary: ScriptedPrimary, clock: ShiftedClock
) -> None:
    await (await announcer.announced(TAGS)).done(2_000)
    clock.shift = LINGER_SECONDS
    async with asyncio.timeout(5 * LINGER_SECONDS):
        while primary.unheard:
            await asyncio.sleep(0.01)
    await (await announcer.announced(TAGS)).done(3_000)
    assert primary.unheard


async def test_write_of_which_nobody_knows_what_became_keeps_the_lock(
    announcer: UnheardAnnouncer, primary: ScriptedPrimary, clock: ShiftedClock
) -> None:
    await announcer.announced(TAGS)
    clock.shift = 10 * LINGER_SECONDS
    await asyncio.sleep(1.2 * LINGER_SECONDS)
    assert primary.unheard


async def test_write_that_cannot_be_made_known_must_not_happen(
    announcer: UnheardAnnouncer, primary: ScriptedPrimary
) -> None:
    primary.refuses = True
    with pytest.raises(ConnectionRefusedError):
        await announcer.announced(TAGS)
    primary.refuses = False
    await (await announcer.announced(TAGS)).done(2_000)
