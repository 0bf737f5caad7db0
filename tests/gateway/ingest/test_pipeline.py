"""Batches in flight: bounded, acknowledged in order, repeated while the database is away."""

import asyncio
from collections.abc import Callable, Iterator, Sequence

import pytest

from gateway.ingest.formats import Beginning, FormatName, format_of
from gateway.ingest.lines import Batch, Broken, Position
from gateway.ingest.pipeline import IN_FLIGHT, PAUSES, Pipeline, TakenBatch
from gateway.ingest.source import UnreadableSource
from persistence.errors import DatabaseUnavailable, PersistenceError, WriteConflict
from resolvers.events.incoming import IncomingEvent
from resolvers.events.intake import Outcome, OutcomeStatus

NDJSON = format_of(FormatName.NDJSON, "f", Beginning(b"", 0))


class Intake:
    """A door that tests hold open or closed; what it does with events is tested in tests/resolvers/events."""

    def __init__(self) -> None:
        self.given: list[str | None] = []
        self.open = asyncio.Event()
        self.open.set()
        self.slow: dict[str, asyncio.Event] = {}
        self.failures: list[PersistenceError] = []

    async def store(self, events: Sequence[IncomingEvent]) -> list[Outcome]:
        self.given += [event.key for event in events]
        await self.open.wait()
        if (key := str(events[0].key)) in self.slow:
            await self.slow[key].wait()
        if self.failures:
            raise self.failures.pop()
        return [Outcome(OutcomeStatus.ACCEPTED) for _ in events]


class Belt:
    """Batches of one event each: key-0, key-1, …; notes how many have been read."""

    def __init__(self, count: int, broken: UnreadableSource | None = None) -> None:
        self.count = count
        self.broken = broken
        self.read = 0
        self.stopped = False
        self.acknowledged: list[int] = []

    def batches(self) -> Iterator[Batch | Broken]:
        for number in range(self.count):
            self.read += 1
            yield Batch([b'{"key":"key-%d"}' % number], Position(number, number), Position(number + 1, number + 1))
        if self.broken:
            yield Broken(self.broken)

    def acknowledge(self, taken: TakenBatch) -> None:
        self.acknowledged.append(taken.batch.start.line)

    def stop(self) -> None:
        self.stopped = True

    async def run(self, pipeline: Pipeline) -> None:
        await pipeline.run(self.batches(), NDJSON, self.acknowledge, self.stop)


async def settled(reached: Callable[[], bool]) -> None:
    """It is reached, and a while later what else could go on without anybody's help has done so."""
    async with asyncio.timeout(10):
        while not reached():
            await asyncio.sleep(0.002)
    for _ in range(20):
        await asyncio.sleep(0.002)


async def test_no_more_batches_are_in_flight_than_may_be_and_one_is_read_ahead() -> None:
    intake, belt = Intake(), Belt(20)
    intake.open.clear()
    run = asyncio.create_task(belt.run(Pipeline(intake.store)))
    await settled(lambda: belt.read > IN_FLIGHT)
    assert (len(intake.given), belt.read, belt.acknowledged) == (IN_FLIGHT, IN_FLIGHT + 1, [])
    intake.open.set()
    await run
    assert belt.acknowledged == list(range(20))


async def test_later_batch_is_acknowledged_after_an_earlier_one_that_takes_longer() -> None:
    intake, belt = Intake(), Belt(2)
    intake.slow["key-0"] = asyncio.Event()
    run = asyncio.create_task(belt.run(Pipeline(intake.store)))
    await settled(lambda: len(intake.given) > 1)
    assert (intake.given, belt.acknowledged) == (["key-0", "key-1"], [])
    intake.slow["key-0"].set()
    await run
    assert belt.acknowledged == [0, 1]


@pytest.mark.parametrize("failure", [DatabaseUnavailable("gone"), WriteConflict("deadlock detected")])
async def test_batch_is_repeated_until_the_database_is_back(failure: PersistenceError) -> None:
    intake, belt, pauses = Intake(), Belt(1), list[float]()
    intake.failures = [failure] * 3

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    await belt.run(Pipeline(intake.store, pause))
    assert (intake.given, belt.acknowledged) == (["key-0"] * 4, [0])
    assert pauses == [0.1, 0.2, 0.4]


async def test_database_that_stays_away_ends_the_run_after_the_pauses() -> None:
    intake, belt, pauses = Intake(), Belt(5), list[float]()
    intake.failures = [DatabaseUnavailable("gone")] * 1_000

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(0)

    with pytest.raises(DatabaseUnavailable, match="gone"):
        await belt.run(Pipeline(intake.store, pause))
    assert belt.acknowledged == []
    assert belt.stopped
    assert PAUSES <= sum(pauses) <= IN_FLIGHT * (PAUSES + 2)


async def test_broken_source_is_told_after_everything_before_it_is_acknowledged() -> None:
    error = UnreadableSource("cut off")
    belt = Belt(5, broken=error)
    with pytest.raises(UnreadableSource) as told:
        await belt.run(Pipeline(Intake().store))
    assert told.value is error
    assert belt.acknowledged == [0, 1, 2, 3, 4]


async def test_cancelled_run_leaves_nothing_behind() -> None:
    intake, belt = Intake(), Belt(20)
    intake.open.clear()
    before = asyncio.all_tasks()
    run = asyncio.create_task(belt.run(Pipeline(intake.store)))
    await settled(lambda: belt.read > IN_FLIGHT)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert belt.stopped
    assert asyncio.all_tasks() == before


async def test_batch_without_an_event_never_reaches_the_database() -> None:
    intake, belt = Intake(), Belt(0)
    lines = Batch([b"", b"{", None], Position(), Position(9, 3))
    taken: list[TakenBatch] = []
    await Pipeline(intake.store).run(iter([lines]), NDJSON, taken.append, belt.stop)
    assert intake.given == []
    assert [reject.line for reject in taken[0].rejects] == [2, 3]
    assert (taken[0].counts.total, taken[0].counts.problems) == (2, {"MALFORMED_JSON": 1, "LINE_TOO_LONG": 1})
    assert taken[0].stored_line is None
