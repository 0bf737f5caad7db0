"""One statement over a connection of its own, for tests that ask a database directly."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool


async def rows(url: str, statement: str) -> list[tuple[Any, ...]]:
    """What the statement returns; it is committed."""
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.begin() as connection:
        result = await connection.execute(text(statement))
        return [tuple(row) for row in result] if result.returns_rows else []
