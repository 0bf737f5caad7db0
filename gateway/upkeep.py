"""What a process does from time to time, whether anybody asks or not: partitions for the events to come."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from ops.telemetry.logging import logger
from resolvers.events.intake import Intake

EVERY_SECONDS: Final = 3600.0

log = logger(__name__)


@asynccontextmanager
async def upkeep(intake: Intake, every: float = EVERY_SECONDS) -> AsyncIterator[None]:
    """Once before the block, and every so many seconds within it."""
    await _partitions(intake)
    task = asyncio.create_task(_again_and_again(intake, every))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _again_and_again(intake: Intake, every: float) -> None:
    while True:
        await asyncio.sleep(every)
        await _partitions(intake)


async def _partitions(intake: Intake) -> None:
    try:
        await intake.make_partitions()
    # Whatever it was: partitions are made months ahead, the next hour tries again, and a process does not end over it.
    except Exception:
        log.exception("partitions.not_made")
