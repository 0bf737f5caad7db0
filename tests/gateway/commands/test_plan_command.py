"""`podgraph plan`: a tenant is on another plan, or one sentence says why not."""

import asyncio
import json
from typing import Any

import pytest

from tests.gateway.commands.terminal import KEYS, OwnDatabase, Terminal
from tests.services.sql import rows


@pytest.fixture
def tenant_7(migrated: Terminal, own_database: OwnDatabase) -> Terminal:
    migrated.set(**KEYS)
    insert = "INSERT INTO tenants (id, name) OVERRIDING SYSTEM VALUE VALUES (7, 'One')"
    asyncio.run(rows(own_database.superuser_url, insert))
    return migrated


def selected(database: OwnDatabase, statement: str) -> list[tuple[Any, ...]]:
    return asyncio.run(rows(database.superuser_url, statement))


def test_tenant_is_put_on_a_plan_and_told_when_it_was(tenant_7: Terminal, own_database: OwnDatabase) -> None:
    first, again = (tenant_7.run("plan", "ten_7", "ENTERPRISE") for _ in range(2))
    assert (first.status, first.out, first.err) == (0, "ten_7 is on ENTERPRISE.\n", "")
    assert (again.status, again.out) == (0, "ten_7 is on ENTERPRISE already.\n")
    assert tenant_7.run("plan", "ten_7", "FREE").out == "ten_7 is on FREE.\n"
    assert selected(own_database, "SELECT tenant_id, plan, version FROM billing_subscriptions") == [(7, "FREE", 2)]
    assert selected(own_database, "SELECT from_plan, to_plan, changed_by FROM billing_changes ORDER BY version") == [
        ("FREE", "ENTERPRISE", None),
        ("ENTERPRISE", "FREE", None),
    ]


def test_tenant_that_does_not_exist(tenant_7: Terminal, own_database: OwnDatabase) -> None:
    assert tenant_7.sentence("plan", "ten_8", "TEAM") == "There is no tenant ten_8."
    assert selected(own_database, "SELECT count(*) FROM billing_subscriptions") == [(0,)]


@pytest.mark.parametrize("named", ["pod_1", "nonsense", "ten_0"])
def test_what_is_no_tenants_id(terminal: Terminal, named: str) -> None:
    assert terminal.sentence("plan", named, "TEAM").startswith("TENANT: This ")


def test_plan_that_is_not_sold_is_told_those_that_are(terminal: Terminal) -> None:
    said = terminal.run("plan", "ten_7", "GOLD")
    assert said.status == 2
    for name in ("FREE", "TEAM", "BUSINESS", "ENTERPRISE"):
        assert name in said.err


def test_demo_is_on_a_plan_with_room_and_keeps_the_one_that_was_chosen_since(
    seeded: Terminal, own_database: OwnDatabase
) -> None:
    tenant = json.loads((seeded.data_dir / "demo.json").read_bytes())["tenant_id"]
    plan = "SELECT tenant_id, plan FROM billing_subscriptions"
    assert selected(own_database, plan) == [(tenant, "BUSINESS")]
    assert seeded.run("plan", f"ten_{tenant}", "TEAM").status == 0
    assert seeded.run("seed").status == 0
    assert selected(own_database, plan) == [(tenant, "TEAM")]
