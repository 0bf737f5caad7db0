"""`podgraph bench ingest`: three ways in, measured on a server of its own and checked afterwards."""

import json
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # it has no types
import httpx2
import pytest
from typer.testing import CliRunner

from gateway.cli import app
from ops.bench.ingest import Place, _events, _row, _Served
from ops.bench.processes import BenchFailed
from resolvers.context import Services
from resolvers.events.incoming import IncomingEvent
from tests.gateway.ingest.scene import new_shop

FIELDS = {"type": "VISIT", "ip_address": "192.0.2.1", "occurred_at": datetime.now(UTC).isoformat()}


def made(seed: int, size: int = 2_000) -> list[dict[str, Any]]:
    return list(_events(Random(seed), "n", size, [Place("plc_1", "adv_1"), Place("plc_2", "adv_2")]))  # noqa: S311  # test data


def test_events_are_seeded_and_of_every_kind() -> None:
    def untimed(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{name: value for name, value in event.items() if name != "occurredAt"} for event in events]

    events = made(1)
    assert untimed(events) == untimed(made(1)) != untimed(made(2))
    types = [event["type"] for event in events]
    assert (types.count("AD_DELIVERED"), types.count("VISIT"), types.count("PURCHASE")) == (1_800, 100, 100)
    assert len({event["key"] for event in events}) == 2_000


def test_copied_row_is_the_event() -> None:
    event = made(1, 10)[9]
    row = _row(7, event)
    assert row[0] == 7
    assert row[4:6] == ("PURCHASE", "n-000000000009")
    assert row[7:] == (
        int(event["advertiserId"].removeprefix("adv_")),
        None,
        "SERVER",
        "n-9",
        event["valueMinor"],
        "EUR",
        None,
        True,
    )
    assert row[2].isoformat() == event["occurredAt"]


async def test_figures_of_a_wrong_result_are_not_given(services: Services, owner_url: str) -> None:
    shop = await new_shop(services)
    tenant_id = shop.actor.tenant_id
    stored = [
        IncomingEvent(key=str(number), **FIELDS, advertiser_id=f"adv_{shop.advertiser_id}") for number in range(10)
    ]
    await shop.store(stored)
    connection = await asyncpg.connect(owner_url.replace("+asyncpg", ""))
    await connection.execute("SELECT set_config('podgraph.tenant_id', $1, false)", str(tenant_id))
    async with httpx2.AsyncClient() as http:
        served = _Served((), {}, connection, http, tenant_id, [])
        await served.check(10)
        with pytest.raises(BenchFailed, match="11 events should be stored, and 10 are"):
            await served.check(11)
        await connection.execute("UPDATE event_hours SET events = events + 1 WHERE tenant_id = $1", tenant_id)
        with pytest.raises(BenchFailed, match="2 hourly counts differ from the events"):
            await served.check(10)
    await connection.close()


def test_every_way_in_is_measured_and_compared_with_copy(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    done = CliRunner().invoke(
        app,
        ["bench", "ingest", "--events", "1000", "--http-events", "1000", "--rounds", "1", "--json", str(figures)],
        prog_name="podgraph",
    )
    assert done.exit_code == 0, done.output
    measured = {way["way"]: way for way in json.loads(figures.read_bytes())}
    assert {way: figure["events"] for way, figure in measured.items()} == {
        "COPY": 1_000,
        "podgraph ingest": 1_000,
        "trackEvents": 1_000,
    }
    assert all(0 < figure["seconds"] < 60 for figure in measured.values())
    assert "100.0%" in done.stdout
