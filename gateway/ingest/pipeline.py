"""Batches in flight: while PostgreSQL works on some, the next is read; all are acknowledged in the file's order."""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import msgspec

from gateway.ingest.checkpoint import Counts
from gateway.ingest.formats import Decoded, Format
from gateway.ingest.lines import Batch, Broken
from gateway.ingest.rejects import Reject
from gateway.ingest.source import UnreadableSource
from persistence.errors import DatabaseUnavailable
from resolvers.events.incoming import IncomingEvent
from resolvers.events.intake import Outcome, OutcomeStatus

IN_FLIGHT: Final = 3
"""Batches at once, each in a transaction on a connection of its own."""

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 2.0
PAUSES: Final = 15.0
"""Seconds, in all, that a batch waits for the database to come back."""


class TakenBatch(msgspec.Struct, frozen=True):
    """A batch after the commit."""

    batch: Batch
    counts: Counts
    rejects: list[Reject]
    """By line."""
    stored_line: int | None
    """A line of it whose event is in the database; None if there is none."""


class Pipeline:
    """`store` is what takes events in; it may be repeated, for it takes each event once."""

    def __init__(
        self,
        store: Callable[[Sequence[IncomingEvent]], Awaitable[list[Outcome]]],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._pause = pause

    async def run(
        self,
        batches: Iterator[Batch | Broken],
        lines: Format,
        acknowledge: Callable[[TakenBatch], None],
        stop: Callable[[], None],
    ) -> None:
        """Takes all batches in, and acknowledges each after those before it; `stop` ends a wait for the next batch.

        Raises UnreadableSource when the source breaks, after all that came before is acknowledged; DatabaseUnavailable
        when the database stays away.
        """

        def following() -> tuple[Batch, Decoded] | UnreadableSource | None:
            item = next(batches, None)
            if isinstance(item, Broken):
                return item.error
            return None if item is None else (item, lines.decoded(item))

        loop = asyncio.get_running_loop()
        flying: deque[asyncio.Task[TakenBatch]] = deque()
        with ThreadPoolExecutor(1) as reader:
            reading: asyncio.Future[tuple[Batch, Decoded] | UnreadableSource | None] | None
            reading = loop.run_in_executor(reader, following)
            broken: UnreadableSource | None = None
            try:
                while reading or flying:
                    awaited: list[asyncio.Future[Any]] = [*list(flying)[:1]]
                    if reading and len(flying) < IN_FLIGHT:
                        awaited.append(reading)
                    await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
                    while flying and flying[0].done():
                        acknowledge(flying.popleft().result())
                    if reading and reading.done() and len(flying) < IN_FLIGHT:
                        item = reading.result()
                        if isinstance(item, tuple):
                            flying.append(asyncio.create_task(self._taken(*item)))
                            reading = loop.run_in_executor(reader, following)
                        else:
                            reading, broken = None, item
            finally:
                stop()
                for task in flying:
                    task.cancel()
                await asyncio.gather(*flying, return_exceptions=True)
        if broken is not None:
            raise broken

    async def _taken(self, batch: Batch, decoded: Decoded) -> TakenBatch:
        outcomes = await self._stored(decoded.events) if decoded.events else []
        statuses = Counter(outcome.status for outcome in outcomes)
        rejects = [Reject(line.line, (line.problem,), line.fields or None) for line in decoded.unreadable]
        stored_line = None
        for line, event, outcome in zip(decoded.lines, decoded.events, outcomes, strict=True):
            if outcome.status is OutcomeStatus.REJECTED:
                given = {name: value for name, value in msgspec.to_builtins(event).items() if value is not None}
                rejects.append(Reject(line, outcome.problems, given))
            else:
                stored_line = line
        rejects.sort(key=lambda reject: reject.line)
        counts = Counts(
            statuses[OutcomeStatus.ACCEPTED],
            statuses[OutcomeStatus.DUPLICATE],
            len(rejects),
            dict(Counter(code for reject in rejects for code in {problem.code for problem in reject.problems})),
        )
        return TakenBatch(batch, counts, rejects, stored_line)

    async def _stored(self, events: Sequence[IncomingEvent]) -> list[Outcome]:
        pause, paused = _FIRST_PAUSE, 0.0
        while True:
            try:
                return await self._store(events)
            except DatabaseUnavailable:
                if paused >= PAUSES:
                    raise
            await self._pause(pause)
            paused += pause
            pause = min(2 * pause, _LONGEST_PAUSE)
