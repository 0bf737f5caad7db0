"""Migrations and tables.py say the same, and running them again changes nothing."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import create_async_engine

from gateway.embedded.postgres import APP, OWNER, EmbeddedPostgres
from persistence.migrate import application_role, check, migrate, pending
from persistence.sessions import Database


async def test_migrated_database_equals_the_tables(database: Database, owner_url: str) -> None:
    await check(owner_url, APP)


async def test_migrating_twice_changes_nothing(database: Database, owner_url: str) -> None:
    assert await migrate(owner_url, APP) == await migrate(owner_url, APP)
    assert not await pending(owner_url)


async def test_empty_database_is_pending(postgres: EmbeddedPostgres) -> None:
    postgres.ensure_database("empty")
    assert await pending(postgres.url(OWNER, "empty"))


async def test_failed_migration_leaves_the_database_as_it_was(postgres: EmbeddedPostgres) -> None:
    postgres.ensure_database("unlucky")
    url = postgres.url(OWNER, "unlucky")
    with pytest.raises(ProgrammingError, match="no_such_role"):
        await migrate(url, "no_such_role")
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        tables = await connection.scalar(
            text(
                "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE nspname = 'public'"
            )
        )
    await engine.dispose()
    assert tables == 0


def test_application_role_is_the_user_of_its_url() -> None:
    assert application_role("postgresql+asyncpg://podgraph_app@/podgraph?host=/run") == "podgraph_app"
