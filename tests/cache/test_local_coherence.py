"""Coherence of a process that keeps values alone."""

import pytest

from cache.local_coherence import LocalCoherence
from cache.tags import Tag
from tests.cache.primary import Clock, ScriptedPrimary
from tests.cache.processes import OTHER_TENANT, TENANT, row


class Heard:
    """A listener that notes what it hears."""

    def __init__(self) -> None:
        self.tags: list[frozenset[Tag]] = []
        self.times = 0

    def forget(self, tags: object) -> None:
        assert isinstance(tags, frozenset)
        self.tags.append(tags)

    def forget_all(self) -> None:
        self.times += 1


@pytest.fixture
def primary() -> ScriptedPrimary:
    return ScriptedPrimary()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def coherence(primary: ScriptedPrimary, clock: Clock) -> LocalCoherence:
    return LocalCoherence(primary, clock)


async def test_write_is_told_when_it_begins_and_when_it_ends(coherence: LocalCoherence) -> None:
    heard = Heard()
    coherence.listen(heard)
    announcement = await coherence.announced(row(1))
    assert coherence.pending(TENANT)
    assert not coherence.pending(OTHER_TENANT)
    assert not coherence.current(row(1), 10**9)
    await announcement.done(2_000)
    assert not coherence.pending(TENANT)
    assert not coherence.current(row(1), 1_999)
    assert coherence.current(row(1), 2_000)
    assert coherence.changed_rows(TENANT, "podcasts", 1_000) == {1}
    assert [(TENANT, "podcasts", 1) in tags for tags in heard.tags] == [True, True]
    assert (coherence.floor(TENANT), coherence.floor(OTHER_TENANT)) == (2_000, 0)


async def test_write_that_was_rolled_back_changed_nothing(coherence: LocalCoherence) -> None:
    await (await coherence.announced(row(1))).undone()
    assert not coherence.pending(TENANT)
    assert coherence.current(row(1), 0)


async def test_read_during_a_commit_covers_no_position_that_the_commit_may_have(
    coherence: LocalCoherence, primary: ScriptedPrimary
) -> None:
    assert (await coherence.moment()).position == 1_000
    announcement = await coherence.announced(row(1))
    assert (await coherence.moment()).position == 999
    await announcement.done(1_008)
    assert primary.position == 1_008
    assert (await coherence.moment()).position == 1_008


async def test_unheard_writer_makes_everything_worthless(coherence: LocalCoherence, primary: ScriptedPrimary) -> None:
    heard = Heard()
    coherence.listen(heard)
    before = await coherence.moment()
    assert coherence.holds(before)
    async with primary.unheard_writes():
        assert not coherence.trusted
        assert not coherence.holds(before)
        primary.position = 5_000
    after = await coherence.moment()
    assert after.trusted
    assert heard.times == 1
    assert not coherence.holds(before)
    assert coherence.holds(after)
    assert coherence.floor(TENANT) == 5_000


async def test_nothing_is_trusted_while_the_primary_has_not_been_seen(
    coherence: LocalCoherence, primary: ScriptedPrimary
) -> None:
    moment = await coherence.moment()
    primary.fresh = False
    assert not (await coherence.moment()).trusted
    assert not coherence.holds(moment)
    primary.fresh = True
    assert coherence.holds(moment)


async def test_write_whose_outcome_nobody_tells_is_taken_to_be_committed_after_a_while(
    coherence: LocalCoherence, primary: ScriptedPrimary, clock: Clock
) -> None:
    announcement = await coherence.announced(row(1))
    clock.now += 59
    await coherence.moment()
    assert coherence.pending(TENANT)
    primary.position = 3_000
    clock.now += 2
    await coherence.moment()
    assert not coherence.pending(TENANT)
    assert not coherence.current(row(1), 2_999)
    await announcement.done(4_000)
    assert not coherence.current(row(1), 3_999)
