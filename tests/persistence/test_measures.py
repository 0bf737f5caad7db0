"""What metrics are made of is the tenant's own; what it means is tested through the graph (tests/schema)."""

from datetime import UTC, datetime, timedelta

import pytest_asyncio

from persistence.ids import RunId
from persistence.partitions import kept_since, month_of
from persistence.repositories.metrics import Measures, PlacementSet, Shared, Span
from resolvers.context import Services
from tests.actors import new_tenant
from tests.conftest import KEEP_MONTHS
from tests.resolvers.events.scene import Scene, new_scene

WINDOW = timedelta(days=30)


@pytest_asyncio.fixture(scope="module")
async def scene(services: Services) -> Scene:
    scene = await new_scene(services)
    at = (services.clock() - timedelta(hours=1)).isoformat()
    await scene.store(
        scene.impression("a", occurred_at=at), scene.visit("b"), scene.conversion("c", value_minor=5, currency="EUR")
    )
    return scene


async def measured(services: Services, tenant_id: int, scene: Scene) -> list[int]:
    """The number of rows of each measure of the scene's placement."""
    now = services.clock().replace(minute=0, second=0, microsecond=0)
    span = Span(now - timedelta(days=1), now + timedelta(hours=1))
    sets = [PlacementSet((scene.placement_id,))]
    async with services.database.analyse(tenant_id) as session:  # type: ignore[arg-type]  # any tenant's
        measures = Measures(session)
        return [
            len(await measures.spots("campaign", [scene.campaign_id])),
            len(await measures.counts(sets, span, "AD_DELIVERED")),
            len(await measures.reach(sets, span, "AD_DELIVERED")),
            len(await measures.visitors(sets, span, "AD_DELIVERED")),
            len(await measures.matched(sets, span, "AD_DELIVERED", WINDOW)),
            len(await measures.overlap(sets[0], span, "AD_DELIVERED")),
        ]


async def test_each_measure_has_the_tenants_own_rows(services: Services, scene: Scene) -> None:
    assert await measured(services, scene.actor.tenant_id, scene) == [1, 1, 1, 1, 1, 2]


async def test_another_tenant_measures_nothing(services: Services, scene: Scene) -> None:
    stranger = await new_tenant(services)
    assert await measured(services, stranger.tenant_id, scene) == [0, 0, 0, 0, 0, 1]
    now = services.clock()
    async with services.database.analyse(stranger.tenant_id) as session:
        union = await Measures(session).overlap(
            PlacementSet((scene.placement_id,)), Span(now - WINDOW, now), "AD_DELIVERED"
        )
    assert union == [Shared(None, None, 0, 0)]


async def test_no_sets_have_no_measures(services: Services, scene: Scene) -> None:
    now = services.clock()
    async with services.database.analyse(scene.actor.tenant_id) as session:
        assert await Measures(session).reach([], Span(now - WINDOW, now), "AD_DELIVERED") == []
        assert await Measures(session).credited([PlacementSet(())], RunId(1)) == []


async def test_events_are_kept_from_the_beginning_of_their_oldest_month(services: Services) -> None:
    stranger = await new_tenant(services)
    async with services.database.read(stranger.tenant_id) as session:
        kept = await kept_since(session)
    oldest = month_of(services.clock(), -KEEP_MONTHS)
    assert kept is not None
    assert kept <= datetime(oldest.year, oldest.month, 1, tzinfo=UTC)
    assert (kept.day, kept.hour, kept.minute, kept.utcoffset()) == (1, 0, 0, timedelta())
