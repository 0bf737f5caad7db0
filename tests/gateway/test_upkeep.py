"""Partitions are made when a process starts and again and again, and no failure ends it."""

import asyncio
from datetime import UTC, datetime
from typing import cast

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from gateway.upkeep import upkeep
from ops.telemetry.metrics import EventMetrics
from persistence.database import Database
from persistence.errors import DatabaseUnavailable
from resolvers.events.intake import Intake, IntakeSettings
from tests.services.sql import rows


class Partitions:
    """An intake whose database fails as it is told."""

    def __init__(self, *failures: Exception | None) -> None:
        self.failures = list(failures)
        self.calls = 0
        self.called = asyncio.Event()

    async def make_partitions(self) -> int:
        self.calls += 1
        if self.calls >= len(self.failures):
            self.called.set()
        if self.calls <= len(self.failures) and (failure := self.failures[self.calls - 1]) is not None:
            raise failure
        return 0


async def test_partitions_exist_when_the_process_starts(database: Database, app_url: str) -> None:
    then = datetime(2034, 5, 17, tzinfo=UTC)
    intake = Intake(database, IntakeSettings("tests", 1), lambda: then, EventMetrics(CollectorRegistry(), ()))
    async with upkeep(intake):
        found = await rows(app_url, "SELECT relname FROM pg_class WHERE relname LIKE 'events\\_203%' AND relkind = 'r'")
    months = ["04", "05", "06", "07", "08"]
    assert sorted(name for (name,) in found) == [f"events_2034_{month}" for month in months]


async def test_partitions_are_looked_after_again_and_again() -> None:
    partitions = Partitions(None, None, None)
    async with upkeep(cast(Intake, partitions), every=0.001), asyncio.timeout(5):
        assert partitions.calls == 1
        await partitions.called.wait()


@pytest.mark.parametrize("failure", [DatabaseUnavailable("away"), RuntimeError("a defect")])
async def test_failure_is_logged_and_tried_again(failure: Exception) -> None:
    partitions = Partitions(failure, failure, None)
    with capture_logs() as logs:
        async with upkeep(cast(Intake, partitions), every=0.001), asyncio.timeout(5):
            await partitions.called.wait()
    assert [entry["event"] for entry in logs][:2] == ["partitions.not_made", "partitions.not_made"]
