"""Runners take whatever waits in the database: nothing that other tests left may wait."""

import pytest
from sqlalchemy import delete

from persistence.tables import attribution_jobs
from resolvers.context import Services


@pytest.fixture(autouse=True)
async def empty_queue(services: Services) -> None:
    async with services.database.write_account() as session:
        await session.execute(delete(attribution_jobs))
