"""Runs in the background: every process takes waiting runs, one at a time, and keeps its claim while it works.

A claim is a lease in the database, by the database's clock. A process that dies leaves its lease to run out; one that
stops in order gives its run back at once. What fails is tried again, a few times; no run stays RUNNING.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

import msgspec

from cache.broadcast import Broadcast
from ops.telemetry.logging import logger
from ops.telemetry.metrics import RunMetrics
from persistence.database import Database
from persistence.errors import DatabaseUnavailable
from persistence.ids import TenantId
from persistence.repositories.jobs import Claim, Jobs
from resolvers.errors import DomainError
from resolvers.runs.arrivals import Arrivals
from resolvers.runs.news import WAITING
from resolvers.runs.running import ClaimLost, Running

log = logger(__name__)

_REMEMBERED: Final = 100
"""Tenants whose last turn a process remembers."""


class RunnerTimes(msgspec.Struct, frozen=True):
    """All in seconds. `attempts` is how often a run may be begun."""

    lease: float = 30.0
    renew: float = 10.0
    poll: float = 2.0
    retry: float = 5.0
    calculation: float = 600.0
    attempts: int = 3


class Runner:
    """`clock` counts seconds, from any start."""

    def __init__(
        self,
        database: Database,
        broadcast: Broadcast,
        metrics: RunMetrics,
        clock: Callable[[], float],
        times: RunnerTimes,
    ) -> None:
        self._database = database
        self._broadcast = broadcast
        self._metrics = metrics
        self._clock = clock
        self._times = times
        self._served: list[TenantId] = []
        """Who had a turn, the longest ago first."""

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Takes runs within the block."""
        work = asyncio.create_task(self._work())
        try:
            yield
        finally:
            work.cancel()
            with suppress(asyncio.CancelledError):
                await work

    async def work_once(self) -> bool:
        """Takes a run, if one waits, and does with it what can be done; False if none waits."""
        async with self._database.read_account() as session:
            waiting = await Jobs(session).waiting()
        self._metrics.waiting.set(waiting)
        if not waiting:
            return False
        async with self._database.write_account() as session:
            claim = await Jobs(session).claim(self._times.lease, self._served)
        if claim is None:
            return False
        self._served = [*(tenant for tenant in self._served if tenant != claim.tenant_id), claim.tenant_id]
        self._served = self._served[-_REMEMBERED:]
        started = self._clock()
        outcome = await self._outcome(claim)
        self._metrics.seconds.observe(self._clock() - started)
        self._metrics.runs.labels(outcome).inc()
        return True

    async def _work(self) -> None:
        async with self._broadcast.listen(WAITING) as messages:
            arrivals = Arrivals(messages)
            try:
                while True:
                    if not await self._worked():
                        await arrivals.within(self._times.poll)
            finally:
                await arrivals.close()

    async def _worked(self) -> bool:
        try:
            return await self.work_once()
        except DatabaseUnavailable as error:
            log.warning("attribution.no_database", error=str(error))
        # Whatever it was: the runs of others wait, and the next look may succeed.
        except Exception:
            log.exception("attribution.not_worked")
        return False

    async def _outcome(self, claim: Claim) -> str:
        """What became of the claim, in a word."""
        work = asyncio.create_task(self._completed(claim))
        lease = asyncio.create_task(self._kept(claim))
        try:
            await asyncio.wait([work, lease], return_when=asyncio.FIRST_COMPLETED)
            return work.result() if work.done() else "lost"
        except asyncio.CancelledError:
            await _ended(work, lease)
            await self._released(claim)
            raise
        finally:
            await _ended(work, lease)

    async def _completed(self, claim: Claim) -> str:
        run = Running(self._database, self._broadcast, claim, self._clock, self._times.calculation)
        try:
            if claim.attempt > self._times.attempts:
                times = f"The run was begun {self._times.attempts} times and never ended"
                await run.fail("ATTEMPTS_EXHAUSTED", f"{times}: ask for it again, or for a shorter range.")
                return "failed"
            return await self._tried(claim, run)
        except ClaimLost:
            return "lost"

    async def _tried(self, claim: Claim, run: Running) -> str:
        try:
            await run.complete()
        except ClaimLost:
            raise
        except DomainError as refusal:
            await run.fail(_code(refusal), refusal.message)
            return "failed"
        except TimeoutError:
            await run.fail(
                "CALCULATION_TOO_LONG",
                f"The model took more than {self._times.calculation:g} seconds: ask for a shorter range.",
            )
            return "failed"
        # A database that went away, a process that was killed, or a defect: told here, tried again later.
        except Exception:
            log.exception("attribution.attempt_failed", run=claim.run_id, attempt=claim.attempt)
            await self._postponed(claim)
            return "postponed"
        return "succeeded"

    async def _kept(self, claim: Claim) -> None:
        """Renews the lease until it is lost."""
        while True:
            await asyncio.sleep(self._times.renew)
            try:
                async with self._database.write_account() as session:
                    if not await Jobs(session).renew(claim, self._times.lease):
                        return
            except DatabaseUnavailable as error:
                log.warning("attribution.lease_not_renewed", error=str(error))

    async def _postponed(self, claim: Claim) -> None:
        """The next attempt comes after a while; without a database, when the lease has run out."""
        with suppress(DatabaseUnavailable):
            async with self._database.write_account() as session:
                await Jobs(session).renew(claim, self._times.retry)

    async def _released(self, claim: Claim) -> None:
        try:
            async with self._database.write_account() as session:
                await Jobs(session).release(claim)
        except DatabaseUnavailable as error:
            log.warning("attribution.not_released", error=str(error))


def _code(refusal: DomainError) -> str:
    problems = getattr(refusal, "problems", ())
    return str(problems[0].code) if problems else refusal.code


async def _ended(*tasks: "asyncio.Task[object]") -> None:
    """Cancels what is not done and waits for it, whatever it answers."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
