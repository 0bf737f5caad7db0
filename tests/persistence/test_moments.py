"""Moments that are read by columns come as text, and are the same moments."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # it has no types
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import ARRAY, DateTime, Select, bindparam, column, func, select
from sqlalchemy.dialects.postgresql.asyncpg import dialect

from persistence.database import open_database
from persistence.repositories.podcasts import Podcasts
from persistence.sessions import TenantSession
from persistence.statements import Statements
from resolvers.context import Services
from tests.actors import new_tenant

FIRST, LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
ODD = [datetime(2026, 11, 24, 4, 5, 6, micros, tzinfo=UTC) for micros in (0, 1, 10, 120_000, 999_999)]


def _moments() -> Select[Any]:
    moment = DateTime(timezone=True)
    given = func.unnest(bindparam("moments", type_=ARRAY(moment))).table_valued(
        column("at", moment), with_ordinality="n"
    )
    relation = given.render_derived()
    return select(relation.c.n, relation.c.at).order_by(relation.c.n)


async def read(session: TenantSession, moments: Sequence[datetime | None]) -> list[datetime | None]:
    columns = await session.asked_columns(_moments, (), {"moments": moments})
    return list(columns[1]) if columns else []


@settings(max_examples=50, deadline=None)
@given(st.lists(st.none() | st.datetimes(timezones=st.just(UTC)), max_size=5))
async def test_every_moment_is_read_as_it_was_written(services: Services, moments: list[datetime | None]) -> None:
    actor = await new_tenant(services)
    async with services.database.read(actor.tenant_id) as session:
        assert await read(session, [*ODD, *moments, None]) == [*ODD, *moments, None]


@pytest.mark.parametrize("end", [FIRST, LAST])
async def test_moments_that_the_driver_writes_as_infinite_are_themselves(services: Services, end: datetime) -> None:
    actor = await new_tenant(services)
    async with services.database.read(actor.tenant_id) as session:
        assert await read(session, [end, None, *ODD]) == [end, None, *ODD]


async def test_moments_are_in_utc(services: Services) -> None:
    actor = await new_tenant(services)
    async with services.database.read(actor.tenant_id) as session:
        found = await read(session, ODD)
    assert {moment and moment.tzinfo for moment in found} == {UTC}


async def test_transactions_read_them_too(services: Services) -> None:
    actor = await new_tenant(services)
    async with services.database.write(actor.tenant_id) as session:
        created = await Podcasts(session).insert({"title": "A"})
        assert await Podcasts(session).by_ids([created.id]) == [created]
        assert await read(session, ODD) == ODD


async def test_no_rows_have_no_columns(services: Services) -> None:
    actor = await new_tenant(services)
    async with services.database.read(actor.tenant_id) as session:
        assert await read(session, []) == []


def test_nothing_but_moments_becomes_text() -> None:
    statements = Statements(dialect())  # type: ignore[no-untyped-call]  # SQLAlchemy's own
    by_rows, by_columns = (statements.of(_moments, (), by_columns=way) for way in (False, True))
    assert (by_rows.instants, by_columns.instants) == ((), (1,))
    assert "CAST" not in by_rows.sql
    assert by_columns.sql.splitlines()[0].strip() == "SELECT anon_1.n, CAST(anon_1.at AS TEXT) AS at"


@asynccontextmanager
async def dates_in_another_style(owner_url: str) -> AsyncIterator[None]:
    """Of the database, for connections that are opened in the block."""
    connection = await asyncpg.connect(owner_url.replace("+asyncpg", ""))
    database = await connection.fetchval("SELECT current_database()")
    try:
        await connection.execute(f"ALTER DATABASE {database} SET datestyle = 'SQL, DMY'")
        yield
    finally:
        await connection.execute(f"ALTER DATABASE {database} RESET datestyle")
        await connection.close()


@pytest.mark.parametrize("moments", [[None, *ODD, LAST]])
async def test_how_a_database_writes_dates_does_not_matter(
    services: Services, app_url: str, owner_url: str, moments: list[datetime | None]
) -> None:
    actor = await new_tenant(services)
    async with dates_in_another_style(owner_url):
        database = open_database(app_url, pool_size=1, statement_timeout=10)
        try:
            async with database.read(actor.tenant_id) as session:
                assert await read(session, moments) == moments
        finally:
            await database.close()
