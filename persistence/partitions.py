"""The partitions of `events`, one a month (UTC): any process makes them ahead, only the owner of the tables drops them.

The application's role has no DDL. It may call one function of the owner, `make_event_partitions`, which makes the empty
partitions of a span of months and nothing else.
"""

import re
from datetime import UTC, date, datetime

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from persistence.database import Database
from persistence.endpoints import endpoints
from persistence.errors import PartitionInUse
from persistence.failures import translated_errors
from persistence.sessions import Session
from persistence.unheard import unheard_writes

MONTHS_AHEAD = 3
"""How many months after the present one have a partition: a deployment may stand still that long."""

_LOCK_NOT_AVAILABLE = "55P03"
_NAME = re.compile(r"events_([0-9]{4})_([0-9]{2})", re.ASCII)

LOCK_SECONDS = 5.0
"""Dropping waits for statements that use events, and makes later ones wait: not longer than this."""


def is_partition(table: str | None) -> bool:
    return table is not None and _NAME.fullmatch(table) is not None


def month_of(moment: datetime, months: int = 0) -> date:
    """The first day of the month (UTC) that lies `months` after the moment's, or before it if negative."""
    utc = moment.astimezone(UTC)
    index = utc.year * 12 + utc.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)


async def make_partitions(database: Database, now: datetime, kept_months: int) -> int:
    """Makes what is missing for events from `kept_months` before now; gives how many. Running it again makes none."""
    first, last = month_of(now, -kept_months), month_of(now, MONTHS_AHEAD)
    statement = text("SELECT make_event_partitions(:first, :last)").bindparams(first=first, last=last)
    async with database.write_account() as session:
        return int(await session.scalar(statement, touches=()))  # new partitions are empty


async def kept_since(session: Session) -> datetime | None:
    """When the oldest month begins that has a partition: no event from then on has been dropped. None without one."""
    statement = text(
        "SELECT min(c.relname) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
        " WHERE i.inhparent = 'events'::regclass"
    )
    name = await session.scalar(statement)
    if name is None:
        return None
    month = _month(str(name))
    return datetime(month.year, month.month, month.day, tzinfo=UTC)


async def drop_partitions(
    owner_url: str, now: datetime, kept_months: int, lock_seconds: float = LOCK_SECONDS
) -> list[str]:
    """Drops the events of all tenants from months before the oldest kept one; gives the names of the partitions.

    Hourly counts stay. Each partition is dropped for itself and the keys are forgotten last: what an interruption
    leaves over, the next run takes. Nobody trusts a cache meanwhile. Raises PartitionInUse, DatabaseUnavailable.
    """
    oldest = month_of(now, -kept_months)
    engine = create_async_engine(owner_url)
    try:
        with translated_errors():
            async with unheard_writes(endpoints([owner_url])[0].connected):
                return await _dropped(engine, oldest, lock_seconds)
    finally:
        await engine.dispose()


async def expired_partitions(owner_url: str, now: datetime, kept_months: int) -> list[str]:
    """The names of those that `drop_partitions` would drop."""
    engine = create_async_engine(owner_url)
    try:
        with translated_errors():
            return await _expired(engine, month_of(now, -kept_months))
    finally:
        await engine.dispose()


async def _dropped(engine: AsyncEngine, oldest: date, lock_seconds: float) -> list[str]:
    dropped = await _expired(engine, oldest)
    for name in dropped:
        await _drop(engine, name, lock_seconds)
    async with engine.begin() as connection:
        for table in ("event_keys", "orders"):
            before = {"before": datetime(oldest.year, oldest.month, 1, tzinfo=UTC)}
            await connection.execute(text(f"DELETE FROM {table} WHERE occurred_at < :before"), before)  # noqa: S608  # two names of ours
    return dropped


async def _expired(engine: AsyncEngine, oldest: date) -> list[str]:
    return [name for name in await _partitions(engine) if _month(name) < oldest]


async def _drop(engine: AsyncEngine, name: str, lock_seconds: float) -> None:
    async with engine.begin() as connection:
        await connection.execute(text(f"SET LOCAL lock_timeout = '{lock_seconds:f}s'"))
        try:
            await connection.execute(text(f"DROP TABLE {name}"))
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
                raise PartitionInUse(name) from error
            raise


async def _partitions(engine: AsyncEngine) -> list[str]:
    statement = text(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
        " WHERE i.inhparent = 'events'::regclass ORDER BY c.relname"
    )
    async with engine.connect() as connection:
        return [str(row[0]) for row in await connection.execute(statement)]


def _month(name: str) -> date:
    match = _NAME.fullmatch(name)
    if match is None:
        raise ValueError(f"{name} is no partition of events")
    return date(int(match[1]), int(match[2]), 1)
