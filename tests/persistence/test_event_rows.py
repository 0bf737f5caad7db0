"""Events by id and in lists: only the right kind, only the tenant's own, and never by looking through everything."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from sqlalchemy import text

from persistence.database import Database
from persistence.ids import AdvertiserId, CampaignId, LineItemId, PlacementId, PodcastId
from persistence.pages import Slice
from persistence.records import EventRecord
from persistence.repositories.events import Conversions, EventFilter, Events, Impressions, OrderKey, Visits
from persistence.sessions import TenantSession
from resolvers.context import Services
from resolvers.events.incoming import IncomingEvent
from tests.actors import new_tenant
from tests.resolvers.events.scene import Scene, new_scene

NEWEST = Slice(order="OCCURRED_AT", descending=True, limit=10)
FEBRUARY = EventFilter(since=datetime(2026, 2, 1, tzinfo=UTC), until=datetime(2026, 3, 1, tzinfo=UTC))


@pytest_asyncio.fixture(scope="module")
async def scene(services: Services) -> Scene:
    """An impression, a visit, an order and a further report of it."""
    scene = await new_scene(services)
    outcomes = await scene.store(*sent(scene))
    assert {outcome.status for outcome in outcomes} == {"ACCEPTED"}
    return scene


def sent(scene: Scene) -> list[IncomingEvent]:
    order = {"order_id": "o1", "value_minor": 500, "currency": "EUR", "promo_code": "CODE"}
    return [
        scene.impression("a"), scene.visit("b"), scene.conversion("c", **order), scene.conversion("d", **order)
    ]  # fmt: skip


async def test_each_kind_is_found_by_id_in_order_and_the_others_are_not(services: Services, scene: Scene) -> None:
    stored = await scene.stored()
    row_ids = [record.id for record in reversed(stored)]
    async with services.database.read(scene.actor.tenant_id) as session:
        found = [await rows(session).by_ids([*row_ids, 5]) for rows in (Events, Impressions, Visits, Conversions)]
    impression, visit, first, further = stored
    assert found == [
        [further, first, visit, impression, None],
        [None, None, None, impression, None],
        [None, None, visit, None, None],
        [further, first, None, None, None],
    ]


async def test_lists_and_counts_are_of_the_kind(services: Services, scene: Scene) -> None:
    async with services.database.read(scene.actor.tenant_id) as session:
        counts = [await rows(session).count(EventFilter()) for rows in (Events, Impressions, Visits, Conversions)]
        pages = [
            len((await rows(session).page(NEWEST, EventFilter())).records)
            for rows in (Events, Impressions, Visits, Conversions)
        ]
    assert counts == pages == [4, 1, 1, 2]


async def test_another_tenant_finds_none_of_them(services: Services, scene: Scene) -> None:
    stranger = await new_tenant(services)
    stored = await scene.stored()
    key = OrderKey(scene.advertiser_id, "PURCHASE", "o1")
    filters = [
        EventFilter(),
        EventFilter(placement_ids=(scene.placement_id,)),
        EventFilter(campaign_id=scene.campaign_id),
        EventFilter(advertiser_id=scene.advertiser_id),
        EventFilter(household=stored[0].household),
        EventFilter(order_id="o1"),
        EventFilter(promo_code="CODE"),
    ]
    async with services.database.read(stranger.tenant_id) as session:
        events = Events(session)
        assert await events.by_ids([record.id for record in stored]) == [None] * 4
        assert await Conversions(session).counting([key]) == [None]
        for wanted in filters:
            assert (await events.page(NEWEST, wanted)).records == []
            assert await events.count(wanted) == 0
        pages = await events.pages_by("placement_id", [scene.placement_id], NEWEST)
        assert [page.records for page in pages] == [[]]
        assert await events.counts_by("placement_id", [scene.placement_id]) == [0]
    async with services.database.read(scene.actor.tenant_id) as session:
        for wanted in filters:
            assert (await Events(session).page(NEWEST, wanted)).records != []


async def test_the_counting_conversion_is_found_by_its_order(services: Services, scene: Scene) -> None:
    keys = [OrderKey(scene.advertiser_id, "LEAD", "o1"), OrderKey(scene.advertiser_id, "PURCHASE", "o1")]
    async with services.database.read(scene.actor.tenant_id) as session:
        found = await Conversions(session).counting(keys)
    assert [record and record.key for record in found] == [None, "c"]
    assert found[1] is not None
    assert found[1].counted


@asynccontextmanager
async def without_scans(database: Database, scene: Scene) -> AsyncIterator[TenantSession]:
    """A session whose plans look through a whole table only where no index serves, however few events there are."""
    async with database.analyse(scene.actor.tenant_id) as session:
        await session.execute(text("SET LOCAL enable_seqscan = off"))
        await session.execute(text("SET LOCAL enable_bitmapscan = off"))
        yield session


async def plan_of(
    session: TenantSession, database: Database, rows: type[Events], wanted: EventFilter, *, counted: bool = False
) -> str:
    """How PostgreSQL finds a page, or its total."""
    statements: list[tuple[str, Sequence[object]]] = []

    with database.watched(lambda statement, values: statements.append((statement, values))):
        if counted:
            await rows(session).count(wanted)
        else:
            await rows(session).page(NEWEST, wanted)
    [(statement, values)] = statements
    lines = await session.connection.driver.fetch(f"EXPLAIN (COSTS OFF) {statement}", *values)
    return "\n".join(line[0] for line in lines)


@pytest.mark.parametrize(
    ("rows", "wanted", "served_by"),
    [
        (Events, EventFilter(), "pkey"),
        (Events, EventFilter(placement_ids=(PlacementId(1),)), "placement_id_occurred_at_id_idx"),
        (Events, EventFilter(line_item_id=LineItemId(1)), "placement_id_occurred_at_id_idx"),
        (Events, EventFilter(campaign_id=CampaignId(1)), "placement_id_occurred_at_id_idx"),
        (Events, EventFilter(podcast_id=PodcastId(1)), "placement_id_occurred_at_id_idx"),
        (Events, EventFilter(advertiser_id=AdvertiserId(1)), "advertiser_id_occurred_at_id_idx"),
        (Events, EventFilter(household=1), "household_occurred_at_id_idx"),
        (Conversions, EventFilter(advertiser_id=AdvertiserId(1)), "advertiser_id_occurred_at_id_idx1"),
        (Conversions, EventFilter(promo_code="CODE"), "promo_code_occurred_at_id_idx"),
    ],
)
async def test_every_filter_is_served_by_an_index(
    services: Services, scene: Scene, rows: type[Events], wanted: EventFilter, served_by: str
) -> None:
    async with without_scans(services.database, scene) as session:
        plan = await plan_of(session, services.database, rows, wanted)
    used = set(re.findall(r"using (\S+) on events_20", plan))
    assert "Seq Scan on events" not in plan
    assert {re.sub(r"events_20\d\d_\d\d_(tenant_id_)?", "", name) for name in used} == {served_by}, plan


@pytest.mark.parametrize("advertiser_id", [None, AdvertiserId(1)])
async def test_orders_are_served_by_an_index(
    services: Services, scene: Scene, advertiser_id: AdvertiserId | None
) -> None:
    wanted = EventFilter(order_id="o1", advertiser_id=advertiser_id)
    async with without_scans(services.database, scene) as session:
        # Among so few events as here, the order of a page alone would decide.
        plan = await plan_of(session, services.database, Conversions, wanted, counted=True)
    assert set(re.findall(r"using \S+_(order_id_idx|pkey) on events_20", plan)) == {"order_id_idx"}, plan


async def test_a_range_looks_into_the_partitions_of_its_months_alone(services: Services, scene: Scene) -> None:
    now = services.clock()
    month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    wanted = EventFilter(since=month, until=month + timedelta(days=1))
    async with without_scans(services.database, scene) as session:
        plan = await plan_of(session, services.database, Events, wanted)
    assert set(re.findall(r"on (events_\d{4}_\d{2})", plan)) == {f"events_{month:%Y_%m}"}


def test_the_records_fields_are_the_tables_columns() -> None:
    assert [column.name for column in Events.table.c] == list(EventRecord.__struct_fields__)
