"""What clients use of the graph, by day: counts that processes add to."""

from collections.abc import Sequence
from datetime import date
from typing import Any, TypeVar

import msgspec
from sqlalchemy import ARRAY, BigInteger, Date, Text, bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.types import TypeEngine

from persistence.sessions import Session
from persistence.tables import client_uses, element_uses


class ClientUse(msgspec.Struct, frozen=True):
    """Operations of a version of a client on a day (UTC)."""

    day: date
    client: str
    version: str
    operations: int


class ElementUse(msgspec.Struct, frozen=True):
    """Operations on a day (UTC) that used the element of this coordinate."""

    day: date
    coordinate: str
    client: str
    version: str
    uses: int


class LastUse(msgspec.Struct, frozen=True):
    """When a version of a client last used the element of this coordinate, and how often since a day."""

    coordinate: str
    client: str
    version: str
    last_day: date
    uses: int


R = TypeVar("R")


async def add_client_uses(session: Session, uses: Sequence[ClientUse]) -> None:
    """Adds to what is there; `uses` are in the order of the table's key, so that processes wait in one order."""
    given = insert(client_uses).from_select(
        ["day", "client", "client_version", "operations"],
        select(
            func.unnest(_array([use.day for use in uses], Date())),
            func.unnest(_array([use.client for use in uses], Text())),
            func.unnest(_array([use.version for use in uses], Text())),
            func.unnest(_array([use.operations for use in uses], BigInteger())),
        ),
    )
    await session.execute(
        given.on_conflict_do_update(
            constraint=client_uses.primary_key,
            set_={"operations": client_uses.c.operations + given.excluded.operations},
        )
    )


async def add_element_uses(session: Session, uses: Sequence[ElementUse]) -> None:
    """Adds to what is there; `uses` are in the order of the table's key, so that processes wait in one order."""
    given = insert(element_uses).from_select(
        ["day", "coordinate", "client", "client_version", "uses"],
        select(
            func.unnest(_array([use.day for use in uses], Date())),
            func.unnest(_array([use.coordinate for use in uses], Text())),
            func.unnest(_array([use.client for use in uses], Text())),
            func.unnest(_array([use.version for use in uses], Text())),
            func.unnest(_array([use.uses for use in uses], BigInteger())),
        ),
    )
    await session.execute(
        given.on_conflict_do_update(
            constraint=element_uses.primary_key, set_={"uses": element_uses.c.uses + given.excluded.uses}
        )
    )


async def first_day(session: Session) -> date | None:
    """The day on which counting began; None where nothing was ever counted."""
    found: date | None = await session.scalar(select(func.min(client_uses.c.day)))
    return found


async def last_uses(session: Session, since: date) -> list[LastUse]:
    """For each element and version of a client that used it since that day, by coordinate."""
    key = (element_uses.c.coordinate, element_uses.c.client, element_uses.c.client_version)
    statement = (
        select(*key, func.max(element_uses.c.day), func.sum(element_uses.c.uses).cast(BigInteger))
        .where(element_uses.c.day >= since)
        .group_by(*key)
        .order_by(*key)
    )
    return await session.records(statement, LastUse)


async def forget_before(session: Session, day: date) -> int:
    """Deletes what was used before that day, which the tables' owner may; returns how many clients' days it were."""
    await session.execute(delete(element_uses).where(element_uses.c.day < day))
    forgotten = await session.rows(delete(client_uses).where(client_uses.c.day < day).returning(client_uses.c.day))
    return len(forgotten)


def _array(values: list[R], of: TypeEngine[R]) -> Any:
    return bindparam(None, values, type_=ARRAY(of, dimensions=1))
