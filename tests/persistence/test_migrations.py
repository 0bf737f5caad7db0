"""Migrations and persistence.tables say the same, and running them again changes nothing."""

import shutil
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import create_async_engine

from gateway.embedded.postgres import APP, OWNER, EmbeddedPostgres
from persistence.database import Database
from persistence.errors import PendingMigrations
from persistence.migrate import MIGRATIONS, application_role, check, draft_migration, migrate, refuse_pending


async def test_migrated_database_equals_the_tables(database: Database, owner_url: str) -> None:
    await check(owner_url, APP)


async def test_migrating_twice_changes_nothing(database: Database, owner_url: str) -> None:
    assert await migrate(owner_url, APP) == await migrate(owner_url, APP)


@pytest.mark.parametrize("role", [OWNER, APP])
async def test_migrated_database_is_not_pending_for_either_role(
    postgres: EmbeddedPostgres, database: Database, role: str
) -> None:
    await refuse_pending(postgres.url(role, "podgraph"))


@pytest.mark.parametrize("role", [OWNER, APP])
async def test_empty_database_is_pending(postgres: EmbeddedPostgres, role: str) -> None:
    postgres.ensure_database("empty")
    with pytest.raises(PendingMigrations, match="run `podgraph migrate`"):
        await refuse_pending(postgres.url(role, "empty"))


async def test_database_that_does_not_let_the_application_see_its_revision_is_pending(
    postgres: EmbeddedPostgres,
) -> None:
    postgres.ensure_database("silent")
    owner_url = postgres.url(OWNER, "silent")
    await migrate(owner_url, APP)
    await execute(owner_url, "REVOKE SELECT ON alembic_version FROM podgraph_app")
    with pytest.raises(PendingMigrations):
        await refuse_pending(postgres.url(APP, "silent"))
    await migrate(owner_url, APP)
    await refuse_pending(postgres.url(APP, "silent"))


async def test_database_ahead_of_this_code_is_served(postgres: EmbeddedPostgres) -> None:
    postgres.ensure_database("ahead")
    await migrate(postgres.url(OWNER, "ahead"), APP)
    await execute(postgres.url(OWNER, "ahead"), "UPDATE alembic_version SET version_num = '9999'")
    await refuse_pending(postgres.url(APP, "ahead"))


async def execute(url: str, statement: str) -> None:
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.execute(text(statement))
    await engine.dispose()


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


async def test_draft_is_the_next_migration_with_what_the_tables_have_and_the_database_has_not(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    postgres.ensure_database("behind")
    url = postgres.url(OWNER, "behind")
    await migrate(url, APP)
    await execute(url, "ALTER TABLE podcasts DROP COLUMN feed_guid")
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder)
    numbers = sorted(int(path.name[1:5]) for path in (folder / "versions").glob("r*.py"))
    drafted = await draft_migration(url, "Feed's guid", folder)
    assert drafted == folder / "versions" / f"r{numbers[-1] + 1:04d}_feed_s_guid.py"
    text = drafted.read_text()
    assert f"down_revision = '{numbers[-1]:04d}'" in text
    assert "op.add_column('podcasts', sa.Column('feed_guid', sa.Text(), nullable=True))" in text


def test_application_role_is_the_user_of_its_url() -> None:
    assert application_role("postgresql+asyncpg://podgraph_app@/podgraph?host=/run") == "podgraph_app"
