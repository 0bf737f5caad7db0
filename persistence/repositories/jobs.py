"""Attribution jobs: which process has which run, for how long, by the database's clock."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import ARRAY, BigInteger, ColumnElement, bindparam, delete, exists, func, or_, select, update

from persistence.ids import RunId, TenantId
from persistence.sessions import Session, TenantSession
from persistence.tables import attribution_jobs

LONGEST_LEASE_SECONDS = 600.0
"""No lease is given for longer."""


class Claim(msgspec.Struct, frozen=True):
    """A process has a run. Of two claims that ever hold the same run, the later one has the higher `attempt`."""

    tenant_id: TenantId
    run_id: RunId
    attempt: int


class Jobs:
    """The jobs of all tenants, in an account session: there are no others' values in them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def claim(self, seconds: float, served: Sequence[TenantId]) -> Claim | None:
        """A job that nobody has, now leased for so many seconds; None if there is none.

        The tenant with the fewest runs under way goes first, then who is not among `served` or comes earlier there
        (tenants in the order in which they last had their turn), then the oldest job.
        """
        busy = (
            select(attribution_jobs.c.tenant_id, func.count().label("runs"))
            .where(attribution_jobs.c.lease_until > func.clock_timestamp())
            .group_by(attribution_jobs.c.tenant_id)
            .subquery()
        )
        turn = func.array_position(bindparam(None, list(served), type_=ARRAY(BigInteger)), attribution_jobs.c.tenant_id)
        chosen = (
            select(attribution_jobs.c.tenant_id, attribution_jobs.c.run_id)
            .select_from(attribution_jobs.outerjoin(busy, busy.c.tenant_id == attribution_jobs.c.tenant_id))
            .where(_free())
            .order_by(
                func.coalesce(busy.c.runs, 0),
                turn.nulls_first(),
                attribution_jobs.c.created_at,
                attribution_jobs.c.run_id,
            )
            .limit(1)
            .with_for_update(of=attribution_jobs, skip_locked=True)
            .cte("chosen")
        )
        statement = (
            update(attribution_jobs)
            .where(
                attribution_jobs.c.tenant_id == chosen.c.tenant_id,
                attribution_jobs.c.run_id == chosen.c.run_id,
            )
            .values(attempts=attribution_jobs.c.attempts + 1, lease_until=_from_now(seconds))
            .returning(attribution_jobs.c.tenant_id, attribution_jobs.c.run_id, attribution_jobs.c.attempts)
        )
        return await self._session.record(statement, Claim)

    async def renew(self, claim: Claim, seconds: float) -> bool:
        """False when the run was cancelled or another process has it."""
        statement = (
            update(attribution_jobs)
            .where(*_of(claim))
            .values(lease_until=_from_now(seconds))
            .returning(attribution_jobs.c.run_id)
        )
        return await self._session.scalar(statement) is not None

    async def release(self, claim: Claim) -> None:
        """Gives the run back, as if it had not been claimed. Another claim of it never has the same attempt."""
        statement = (
            update(attribution_jobs)
            .where(*_of(claim))
            .values(lease_until=None, attempts=attribution_jobs.c.attempts - 1)
        )
        await self._session.execute(statement)

    async def waiting(self) -> int:
        """How many runs nobody has."""
        statement = select(func.count()).select_from(attribution_jobs).where(_free())
        return int(await self._session.scalar(statement))


async def forget(session: TenantSession, run_id: RunId) -> None:
    """Ends the job of a run that is not to go on; waits for a process that is just writing its result."""
    own = (attribution_jobs.c.tenant_id == session.tenant_id, attribution_jobs.c.run_id == run_id)
    await session.execute(delete(attribution_jobs).where(*own))


async def surrender(session: TenantSession, claim: Claim) -> bool:
    """Ends the job for whoever still has it, with this transaction; False when that is no longer this claim."""
    statement = delete(attribution_jobs).where(*_of(claim)).returning(attribution_jobs.c.run_id)
    return await session.scalar(statement) is not None


def held(claim: Claim) -> ColumnElement[bool]:
    """This claim still has the run: the condition of whatever is written for it."""
    return exists().where(*_of(claim))


def _of(claim: Claim) -> tuple[ColumnElement[bool], ...]:
    """A lease that ran out while nobody else asked is still good; a new claim raises `attempts`."""
    return (
        attribution_jobs.c.tenant_id == claim.tenant_id,
        attribution_jobs.c.run_id == claim.run_id,
        attribution_jobs.c.attempts == claim.attempt,
        attribution_jobs.c.lease_until.is_not(None),
    )


def _free() -> ColumnElement[bool]:
    """Nobody has it. A lease that ends later than any can was given before the database's clock was set back."""
    until = attribution_jobs.c.lease_until
    return or_(until.is_(None), until <= func.clock_timestamp(), until > _from_now(LONGEST_LEASE_SECONDS))


def _from_now(seconds: float) -> ColumnElement[object]:
    return func.clock_timestamp() + func.make_interval(0, 0, 0, 0, 0, 0, seconds)
