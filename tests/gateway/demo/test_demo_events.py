"""The demo's listeners did the same on every machine, and what they did is stored once, however often it is cut off."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from gateway.demo.content import NEWEST, demo_content
from gateway.demo.events import DAYS, LAST_KEY, demo_events, ensure_events
from gateway.demo.seed import seed_content
from persistence.errors import DatabaseUnavailable
from persistence.ids import TenantId
from persistence.tables import event_hours, event_keys, events
from resolvers.context import Services
from resolvers.events.incoming import IncomingEvent
from resolvers.events.intake import Intake, Outcome
from tests.actors import new_tenant

CONTENT = demo_content()
PLACEMENTS = range(1, 1 + sum(len(line.placements) for campaign in CONTENT.campaigns for line in campaign.line_items))
ADVERTISERS = range(1, 1 + len(CONTENT.advertisers))
TOLD = demo_events(CONTENT, PLACEMENTS, ADVERTISERS)


def of_type(*types: str) -> list[IncomingEvent]:
    return [event for event in TOLD if event.type in types]


def test_events_are_the_same_each_time() -> None:
    assert demo_events(CONTENT, PLACEMENTS, ADVERTISERS) == TOLD


def test_every_event_has_a_key_and_the_last_one_is_known() -> None:
    assert len({event.key for event in TOLD}) == len(TOLD)
    assert TOLD[-1].key == LAST_KEY


def test_there_is_something_of_everything() -> None:
    assert 18_000 < len(of_type("AD_DELIVERED", "CLIENT_CONFIRMED")) < 24_000
    assert 1_300 < len(of_type("VISIT")) < 1_700
    assert 270 < len(of_type("PURCHASE", "LEAD", "SIGNUP", "INSTALL")) < 450
    assert {event.type for event in TOLD} == {*("AD_DELIVERED", "CLIENT_CONFIRMED", "VISIT"), *CONVERSIONS}
    assert sum(event.promo_code is not None for event in TOLD) > 50
    assert {event.currency for event in TOLD} == {None, "EUR", "USD"}


CONVERSIONS = ("PURCHASE", "LEAD", "SIGNUP", "INSTALL")


def test_events_are_of_the_60_days_before_the_newest_episodes_oldest_first() -> None:
    moments = [datetime.fromisoformat(str(event.occurred_at)) for event in TOLD]
    assert moments == sorted(moments)
    assert moments[0] >= NEWEST - timedelta(days=DAYS)
    assert moments[-1] <= NEWEST


def test_some_orders_are_reported_twice_and_some_reports_disagree() -> None:
    reports = defaultdict(list)
    for event in of_type("PURCHASE"):
        reports[event.order_id].append((event.source, event.value_minor))
    twice = [found for found in reports.values() if len(found) > 1]
    assert len(twice) > 40
    assert {tuple(source for source, _ in found) for found in twice} == {("PIXEL", "SERVER")}
    assert any(len({value for _, value in found}) > 1 for found in twice)


def test_households_hear_several_placements_and_some_that_bought_heard_none() -> None:
    heard = defaultdict(set)
    for event in of_type("AD_DELIVERED"):
        heard[event.ip_address].add(event.placement_id)
    assert sum(len(placements) > 1 for placements in heard.values()) > 1_000
    assert any(event.ip_address not in heard for event in of_type(*CONVERSIONS))


async def counts(services: Services, tenant_id: TenantId) -> tuple[int, int, int]:
    """Events, their keys, and counted events by the hours."""
    async with services.database.read(tenant_id) as session:
        return (
            await session.scalar(select(func.count()).where(events.c.tenant_id == tenant_id)),
            await session.scalar(select(func.count()).where(event_keys.c.tenant_id == tenant_id)),
            int(
                await session.scalar(select(func.sum(event_hours.c.events)).where(event_hours.c.tenant_id == tenant_id))
            ),
        )


async def test_what_was_cut_off_goes_on_and_what_is_done_is_left_alone(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant_id = (await new_tenant(services)).tenant_id
    await seed_content(services.database, tenant_id, CONTENT, lambda _: None)
    store, calls = Intake.store, 0
    seen: list[tuple[int, int]] = []

    async def cut(self: Intake, tenant: TenantId, sent: Sequence[IncomingEvent]) -> list[Outcome]:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise DatabaseUnavailable("away")
        return await store(self, tenant, sent)

    async def ensure() -> None:
        progress = lambda done, of: seen.append((done, of))  # noqa: E731  # one line of a test
        await ensure_events(services.database, services.intake, tenant_id, CONTENT, progress)

    monkeypatch.setattr(Intake, "store", cut)
    with pytest.raises(DatabaseUnavailable):
        await ensure()
    assert (await counts(services, tenant_id))[:2] == (4_000, 4_000)
    await ensure()
    further = sum(found > 1 for found in Counter(event.order_id for event in of_type("PURCHASE")).values())
    whole = (len(TOLD), len(TOLD), len(TOLD) - further)
    assert await counts(services, tenant_id) == whole
    assert seen[-1] == (len(TOLD), len(TOLD))
    done = calls
    await ensure()
    assert (calls, await counts(services, tenant_id)) == (done, whole)


async def test_tenant_without_the_demos_campaigns_gets_no_events(services: Services) -> None:
    tenant_id = (await new_tenant(services)).tenant_id
    await ensure_events(services.database, services.intake, tenant_id, CONTENT, lambda _done, _of: None)
    async with services.database.read(tenant_id) as session:
        assert await session.scalar(select(func.count()).where(events.c.tenant_id == tenant_id)) == 0
